"""C21: certificates, contracts, supplier factor, residual mix, in that order; each kilowatt-hour is used once."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from gateway.carbon import CounterReading, ShiftRule, figures, publish
from gateway.carbon.certificate import Certificate, Ledger, statement, used_by
from gateway.carbon.tests.builders import DAY, IMPORT, KWH, LONG_AFTER, Document, counter, documents, factor, ms, rows, site, steady

BEGIN, END = "2026-03-02 06:00", "2026-03-02 14:00"
MIX = factor("0.6", id="cn.residual", line="scope2_market")


def certificate(serial: str = "GEC-1", kwh: int = 20, begin: str = "2026-01-01", end: str = "2027-01-01", **changes: Any) -> Certificate:
    return replace(Certificate(serial, "CN", ms(begin), ms(end), kwh * KWH), **changes)


def matched(*certificates: Certificate, readings: Sequence[CounterReading] = (), **changes: Any) -> Document:
    """The first figure: 32 kWh bought between 06:00 and 14:00, 1 each quarter of an hour."""
    given_readings = readings or steady(BEGIN, END, KWH)
    return documents(site(**{"certificates": certificates, "factors": (factor("0.5"), MIX), **changes}), given_readings)[0]


def market(document: Document) -> list[tuple[str, str, str]]:
    lines = [line for line in document["carbon"]["lines"] if line["line"] == "scope2_market"]
    return [(line["factor"]["id"], line["amount"], line["kg"]) for line in lines]


def test_c21_a_certificate_covers_what_it_can_and_the_residual_mix_the_rest() -> None:
    """20 of 32 kWh are matched; location-based stays as it was."""
    found = matched(certificate())

    assert market(found) == [("GEC-1", "20.000000", "0.000000"), ("cn.residual", "12.000000", "7.2000000")]
    assert (found["carbon"]["scope2_market_kg"], found["carbon"]["scope2_location_kg"]) == ("7.2000000", "16.0000000")
    assert found["certificates"] == {
        "matched_kwh": "20.000000",
        "unmatched_kwh": "12.000000",
        "used": [{"serial": "GEC-1", "kwh": "20.000000"}],
    }


def test_c21_what_is_wholly_matched_has_no_residual_line() -> None:
    """32 of 50 kWh are used, 18 are left for the next shift."""
    found = matched(certificate(kwh=50))

    assert market(found) == [("GEC-1", "32.000000", "0.000000")]
    assert found["carbon"]["scope2_market_kg"] == "0.000000"


def test_c21_the_ledger_goes_on_from_shift_to_shift() -> None:
    """50 kWh: 32 in the first shift, 18 in the second, nothing in the third."""
    found = documents(site(certificates=(certificate(kwh=50),)), steady(BEGIN, "2026-03-03 06:00", KWH))

    assert [each["certificates"]["matched_kwh"] for each in found] == ["32.000000", "18.000000", "0.000000"]


def test_c21_a_window_of_figures_goes_on_from_what_earlier_figures_used() -> None:
    """The same documents as in one go."""
    inputs, readings = site(certificates=(certificate(kwh=50),)), {("main", IMPORT): steady(BEGIN, "2026-03-03 06:00", KWH)}
    whole = documents(inputs, readings)

    drafts = figures(inputs, readings, (), LONG_AFTER, from_ms=ms(END), certificates_used=used_by(whole[:1]))

    assert [publish(draft, None, LONG_AFTER, 15) for draft in drafts] == whole[1:]


def test_c21_a_certificate_of_another_period_or_zone_is_not_used() -> None:
    """Not that of last year, nor that of another grid."""
    others = (certificate("old", end="2026-01-01", begin="2025-01-01"), certificate("far", zone="DE"))

    assert matched(*others)["certificates"]["matched_kwh"] == "0.000000"


def test_c21_a_period_that_ends_inside_a_shift_covers_what_lies_in_it() -> None:
    """It ends at 10:00: 16 kWh until then."""
    found = matched(certificate(kwh=99, end="2026-03-02 10:00"))

    assert market(found) == [("GEC-1", "16.000000", "0.000000"), ("cn.residual", "16.000000", "9.6000000")]


def test_c21_what_ends_first_is_used_first() -> None:
    """So that less is lost; of two that end together, the one that began first."""
    certificates = (certificate("year", 30), certificate("quarter", 30, end="2026-04-01"))

    assert matched(*certificates)["certificates"]["used"] == [
        {"serial": "quarter", "kwh": "30.000000"},
        {"serial": "year", "kwh": "2.000000"},
    ]


def test_c21_a_serial_number_declared_twice_is_not_used_at_all() -> None:
    """Two claims to one certificate: which is right nobody knows."""
    found = matched(certificate(), certificate(kwh=30))

    assert found["certificates"]["used"] == []
    assert "certificates: GEC-1 is declared twice, so it is not used" in found["reasons"]


def test_c21_hourly_certificates_match_hour_by_hour() -> None:
    """10 kWh for the hour from 08:00, in which 4 were used: the other 6 do not help another hour."""
    hourly = certificate("h8", 10, "2026-03-02 08:00", "2026-03-02 09:00")

    assert matched(hourly)["certificates"]["used"] == [{"serial": "h8", "kwh": "4.000000"}]


def test_c21_hourly_certificates_need_hourly_consumption() -> None:
    """A shift of which only the sum is known matches no hour."""
    hourly = certificate("h8", 10, "2026-03-02 08:00", "2026-03-02 09:00")

    assert matched(hourly, readings=rows((BEGIN, 0), (END, 32 * KWH)))["certificates"]["used"] == []


def test_c21_a_contract_has_a_factor_of_its_own() -> None:
    """20 kWh of 0.1 kg and 12 of the residual mix."""
    found = matched(certificate("PPA", kind="contract", factor=Decimal("0.1"), gases="CO2"))

    assert Decimal(found["carbon"]["scope2_market_kg"]) == Decimal("9.2")


def test_c21_a_supplier_factor_stands_before_the_residual_mix() -> None:
    """And after the certificates."""
    supplier = factor("0.3", id="supplier", line="scope2_supplier")

    found = matched(certificate(), factors=(factor("0.5"), MIX, supplier))

    assert market(found) == [("GEC-1", "20.000000", "0.000000"), ("supplier", "12.000000", "3.6000000")]


def test_c21_a_production_line_uses_no_certificates() -> None:
    """Its electricity is inside the site's, where they are used already."""
    specs = (counter(), counter("press", role="load", parent="main", production_line="hall"))
    shifts = [ShiftRule("day", "06:00", "14:00"), ShiftRule("press", "06:00", "14:00", production_line="hall")]
    readings = {spec.key: steady(BEGIN, END, KWH) for spec in specs}

    whole, hall = documents(site(*specs, shifts=shifts, certificates=(certificate(),)), readings)

    assert (whole["certificates"]["matched_kwh"], "certificates" in hall) == ("20.000000", False)
    assert "certificates: they are matched for the whole site, not for a production line" in hall["reasons"]


def test_c21_the_statement_shows_what_is_left() -> None:
    """32 of 50 kWh used."""
    mine = certificate(kwh=50)

    (line,) = statement([mine], used_by([matched(mine)]))

    assert (line["kwh"], line["used_kwh"], line["unused_kwh"]) == ("50.000000", "32.000000", "18.000000")


def test_c21_certificates_stand_in_a_figure_only_where_they_are_declared() -> None:
    """Nobody asked."""
    assert "certificates" not in matched()


PERIOD = some.tuples(some.integers(0, 9), some.integers(1, 9)).map(lambda each: (each[0] * DAY, (each[0] + each[1]) * DAY))


@settings(deadline=None)
@given(
    issued=some.lists(some.tuples(some.integers(0, 100), PERIOD), max_size=5),
    wanted=some.lists(some.tuples(some.integers(0, 18), some.integers(0, 90)), max_size=20),
)
def test_c21_no_kilowatt_hour_is_used_twice_or_outside_its_period(
    issued: list[tuple[int, tuple[int, int]]], wanted: list[tuple[int, int]]
) -> None:
    """Whatever is asked for and in which order."""
    certificates = [Certificate(str(number), "CN", *period, quantity) for number, (quantity, period) in enumerate(issued)]
    ledger = Ledger(certificates, {}, ("CN",))

    drawn = [(day, amount, ledger.draw(day * DAY, (day + 1) * DAY, amount, hourly=False)) for day, amount in wanted]

    for each in certificates:
        assert sum(part for _, _, parts in drawn for used, part in parts if used == each) <= each.quantity
    for day, amount, parts in drawn:
        assert sum(part for _, part in parts) <= amount
        assert all(used.start_ms <= day * DAY and (day + 1) * DAY <= used.end_ms for used, _ in parts)
