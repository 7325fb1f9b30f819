"""C14: import, export, generation and storage of a site."""

from collections.abc import Sequence
from typing import Any

import pytest

from gateway.carbon import CounterReading, CounterSpec, ShiftRule
from gateway.carbon.balance import plant_of, streams_of
from gateway.carbon.tests.builders import EXPORT, IMPORT, KWH, Document, Readings, counter, documents, ms, rows, site, steady

PV = counter("pv", EXPORT, "generation")
GRID = (counter(), counter("main", EXPORT))
BEGIN, END = "2026-03-02 06:00", "2026-03-02 14:00"


def two(*values: int) -> list[CounterReading]:
    """Readings at 06:00, 10:00 and 14:00 from the energy of each half of the shift, in kWh."""
    return rows((BEGIN, 0), ("2026-03-02 10:00", values[0] * KWH), (END, sum(values) * KWH))


def balance(specs: Sequence[CounterSpec], readings: Readings, **changes: Any) -> Document:
    found: Document = documents(site(*specs, **changes), readings)[0]["balance"]
    return found


def test_c14_load_is_import_and_sources_minus_export_and_charge() -> None:
    """Every stream with its own sign."""
    battery = (counter("battery", IMPORT, "charge"), counter("battery", EXPORT, "charge"))
    specs = (*GRID, PV, *battery)
    values = (two(10, 10), two(1, 2), two(20, 20), two(5, 0), two(0, 4))

    found = balance(specs, dict(zip((spec.key for spec in specs), values, strict=True)))

    assert found["load_kwh"] == f"{20 + 40 + 4 - 3 - 5}.000000"
    assert (found["charge_kwh"], found["discharge_kwh"]) == ("5.000000", "4.000000")


def test_c14_self_consumption_is_never_netted_over_longer_than_an_interval() -> None:
    """10 kWh at noon do not supply the evening: 4 + 0, not 10."""
    times, specs = ("2026-03-02 08:00", "2026-03-02 12:00", "2026-03-02 16:00"), (*GRID, PV)
    energy = ((0, 0, 6 * KWH), (0, 6 * KWH, 6 * KWH), (0, 10 * KWH, 10 * KWH))
    readings = {spec.key: rows(*zip(times, values, strict=True)) for spec, values in zip(specs, energy, strict=True)}

    found = balance(specs, readings, interval_s=4 * 3600, shifts=[ShiftRule("day", "08:00", "16:00")])

    assert (found["load_kwh"], found["self_consumption_kwh"]) == ("10.000000", "4.000000")


def test_c14_what_is_charged_is_not_consumed_yet() -> None:
    """Of 10 kWh from the sun 6 go into the battery and 4 into a load of 5; the 6 are consumed when they come out."""
    battery = (counter("battery", IMPORT, "charge"), counter("battery", EXPORT, "charge"))
    specs = (*GRID, PV, *battery)
    values = (two(1, 0), two(0, 0), two(10, 0), two(6, 0), two(0, 6))
    readings = dict(zip((spec.key for spec in specs), values, strict=True))

    found = balance(specs, readings, interval_s=2 * 3600)

    assert (found["load_kwh"], found["self_consumption_kwh"]) == ("11.000000", "10.000000")


def test_c14_without_own_source_self_consumption_is_nothing() -> None:
    """The stream does not exist: that is known to be 0."""
    assert balance([counter()], {("main", IMPORT): two(1, 1)})["self_consumption_kwh"] == "0.000000"


def test_c14_an_export_without_generation_meter_leaves_self_consumption_unknown() -> None:
    """Something generates, but nobody counts it: the load by the formula lacks it, and the figure says so."""
    found = documents(site(*GRID), {("main", IMPORT): two(5, 5), ("main", EXPORT): two(1, 0)})[0]

    assert (found["balance"]["load_kwh"], found["balance"]["self_consumption_kwh"]) == ("9.000000", None)
    assert any("no meter counts what was generated" in reason for reason in found["reasons"])


def test_c14_an_export_register_that_was_never_read_is_no_stream_where_nothing_is_generated() -> None:
    """A file with import rows only gives a load all the same."""
    found = documents(site(*GRID), {("main", IMPORT): two(1, 1)})[0]

    assert found["balance"]["load_kwh"] == "2.000000"
    assert [entry["quantity"] for entry in found["meters"]] == [IMPORT]


def test_c14_an_unread_export_register_leaves_the_load_unknown_where_something_is_generated() -> None:
    """Null with its reason, never a load that ignores the export."""
    found = documents(site(*GRID, PV), {("main", IMPORT): two(1, 1), PV.key: two(1, 1)})[0]

    assert (found["balance"]["load_kwh"], found["balance"]["export_kwh"], found["balance"]["self_consumption_kwh"]) == (None, None, None)
    assert "export_kwh: main active_energy_export is not known in this time" in found["reasons"]


def test_c14_streams_that_cover_different_times_are_not_added() -> None:
    """Half a shift of generation beside a whole shift of import is no load."""
    readings = {("main", IMPORT): two(5, 5), ("main", EXPORT): two(0, 0), PV.key: rows((BEGIN, 0), ("2026-03-02 10:00", KWH))}

    found = documents(site(*GRID, PV), readings)[0]

    assert found["balance"]["load_kwh"] is None
    assert "load_kwh: the meters of the balance do not cover the same time" in found["reasons"]
    assert found["balance"]["import_kwh"] == "10.000000"


def test_c14_meters_read_seconds_apart_still_balance() -> None:
    """The running shift is known up to slightly different seconds."""
    late = [reading._replace(time_ms=reading.time_ms + 3000) for reading in steady(BEGIN, "2026-03-02 09:00", KWH)]
    readings = {("main", IMPORT): steady(BEGIN, "2026-03-02 09:00", KWH), ("main", EXPORT): late, PV.key: late}

    assert balance((*GRID, PV), readings)["load_kwh"] == "12.000000"


def test_c17_unmetered_is_the_load_minus_the_meters_directly_below_the_main() -> None:
    """A meter below another load meter is already inside it."""
    specs = (counter(), counter("hall", role="load", parent="main"), counter("press", role="load", parent="hall"))
    readings = {("main", IMPORT): two(10, 10), ("hall", IMPORT): two(6, 6), ("press", IMPORT): two(5, 5)}

    assert balance(specs, readings)["unmetered_kwh"] == "8.000000"


def test_c14_without_an_import_meter_the_load_is_the_sum_of_the_load_meters() -> None:
    """And the figure says that this is all it knows."""
    found = documents(site(counter("press", role="load")), {("press", IMPORT): two(3, 4)})[0]

    assert (found["balance"]["load_kwh"], found["balance"]["import_kwh"]) == ("7.000000", None)
    assert any("no meter here has the role import" in reason for reason in found["reasons"])
    assert found["carbon"]["scope2_location_kg"] == "3.7142000000"


@pytest.mark.parametrize(
    ("role", "quantities", "is_reversed", "streams"),
    [
        ("import", (IMPORT, EXPORT), False, ["import", "export"]),
        ("import", (IMPORT, EXPORT), True, ["export", "import"]),
        ("generation", (EXPORT,), False, ["generation"]),
        ("generation", (IMPORT,), False, ["generation"]),
        ("generation", (IMPORT, EXPORT), False, [None, "generation"]),
        ("load", (EXPORT,), True, ["load"]),
        ("load", (EXPORT,), False, [None]),
        ("charge", (IMPORT, EXPORT), False, ["charge", "discharge"]),
        ("discharge", (IMPORT,), False, ["discharge"]),
        ("export", (IMPORT,), False, ["export"]),
        ("heat", (IMPORT,), False, [None]),
    ],
)
def test_c14_the_stream_of_a_register_follows_from_role_and_mounting(
    role: str, quantities: tuple[str, ...], is_reversed: bool, streams: list[str | None]
) -> None:
    """A reversed transformer exchanges the registers; a model without an export register counts in the other."""
    specs = [counter("m", quantity, role, reversed=is_reversed) for quantity in quantities]

    found = streams_of(specs)

    assert [found.get(spec.key) for spec in specs] == streams


def test_c14_registers_of_single_phases_are_no_streams() -> None:
    """They are inside the total already."""
    assert plant_of([counter("m", "active_energy_import_l1")]).by_stream["import"] == ()


def test_c13_the_span_of_a_site_is_that_of_all_its_counters() -> None:
    """A counter that is read later is null before, while the other is known."""
    specs = (counter(), counter("press", role="load"))
    readings = {("main", IMPORT): two(1, 1), ("press", IMPORT): rows(("2026-03-02 15:00", 0), ("2026-03-02 15:15", 1))}

    found = documents(site(*specs), readings)

    assert [[entry["amount"] for entry in document["meters"]] for document in found] == [["2.000000", None], [None, "0.000001"]]
    assert ms(found[1]["start"][:-1]) == ms(END)
