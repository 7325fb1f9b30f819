"""C24: hourly grid factors with their own provenance."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from gateway.carbon.factor_series import FactorSeries
from gateway.carbon.tests.builders import HOUR, KWH, Document, counter, documents, factor, ms, rows, site, steady

BEGIN = ms("2026-03-02 06:00")


def series(*values: str | None, **changes: Any) -> FactorSeries:
    """One value an hour from 06:00 on."""
    hours = tuple((BEGIN + number * HOUR, None if value is None else Decimal(value)) for number, value in enumerate(values))
    given = FactorSeries(
        "cn-east.hourly", "CN-EAST", "scope2_location", "electricity", "kWh", "CO2", "", "Grid operator, hourly", "operator", 3600, hours
    )
    return replace(given, **changes)


def lines(given: FactorSeries, **changes: Any) -> list[Document]:
    """4 kWh each hour from 06:00 to 14:00, and the lines of the first figure."""
    shown = documents(site(**{"factor_series": (given,), **changes}), steady("2026-03-02 06:00", "2026-03-02 14:00", KWH))
    return [line for line in shown[0]["carbon"]["lines"] if line["line"] == "scope2_location"]


def test_c24_every_hour_has_its_own_factor() -> None:
    """4 kWh x (0.1 + 0.2 + ... + 0.8) = 14.4 kg."""
    found = lines(series(*(f"0.{number}" for number in range(1, 9))))

    assert sum(Decimal(line["kg"]) for line in found) == Decimal("14.4")
    assert [line["factor"]["id"] for line in found][:2] == ["cn-east.hourly@2026-03-02T06:00:00Z", "cn-east.hourly@2026-03-02T07:00:00Z"]
    assert len({line["factor"]["sha256"] for line in found}) == 8


def test_c24_a_gap_in_the_series_falls_back_and_says_so() -> None:
    """From 07:00 to 08:00 and after the end the factor of the year stands in."""
    found = lines(series("0.1", None, "0.3"))

    shown = [(line["amount"], line["factor"]["id"], line["factor"]["fallbacks"]) for line in found]
    nothing = "CN-EAST: no scope2_location factor for electricity 2026"
    assert shown == [
        ("4.000000", "cn-east.hourly@2026-03-02T06:00:00Z", []),
        ("4.000000", "cn.grid.2026", ["cn-east.hourly: no value at 2026-03-02T07:00:00Z", nothing]),
        ("4.000000", "cn-east.hourly@2026-03-02T08:00:00Z", []),
        ("20.000000", "cn.grid.2026", ["cn-east.hourly: no value at 2026-03-02T09:00:00Z", nothing]),
    ]


def test_c24_two_values_for_one_instant_are_a_gap() -> None:
    """Which of them is right nobody knows; the order in which they came does not matter."""
    doubled = ((BEGIN, Decimal("0.1")), (BEGIN, Decimal("0.2")))

    found = [series(values=values).at(BEGIN) for values in (doubled, doubled[::-1])]

    assert found == [None, None]


def test_c24_a_series_of_another_region_does_not_count() -> None:
    """Nor cuts it the figure into hours."""
    assert [line["factor"]["id"] for line in lines(series("0.1", "0.2", region="CN-SOUTH"))] == ["cn.grid.2026"]


def test_c24_the_factor_of_a_nearer_region_stands_before_a_series_further_away() -> None:
    """The region chain decides first (C19)."""
    near = factor("0.4", id="east", region="CN-EAST")

    assert {line["factor"]["id"] for line in lines(series("0.1", "0.2", region="CN"), factors=(near,))} == {"east"}


def test_c24_fuels_are_not_cut_by_a_series_of_electricity() -> None:
    """One line of gas, eight of electricity."""
    gas = counter("gas", "volume", "fuel", fuel="natural_gas", rating_thousandths_per_hour=None)
    burnt = factor("2", id="gas", line="scope1", activity="natural_gas", unit="m3")
    given = series(*["0.1"] * 8)
    readings = {
        ("main", "active_energy_import"): steady("2026-03-02 06:00", "2026-03-02 14:00", KWH),
        gas.key: rows(("2026-03-02 06:00", 0), ("2026-03-02 14:00", 9000)),
    }

    shown = documents(site(counter(), gas, factor_series=(given,), factors=(factor("0.5"), burnt)), readings)[0]["carbon"]["lines"]

    assert [sum(line["line"] == name for line in shown) for name in ("scope1", "scope2_location")] == [1, 8]
