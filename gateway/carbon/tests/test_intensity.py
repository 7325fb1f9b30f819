"""C25: energy and carbon per good unit."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from gateway.carbon import CounterReading, CounterSpec, Declaration, Production, ProductRule
from gateway.carbon.tests.builders import EXPORT, KWH, Document, Readings, counter, documents, factor, ms, rows, site

BEGIN, END = "2026-03-02 06:00", "2026-03-02 14:00"
MAIN, PRESS = counter(), counter("press", role="load", parent="main")
PIECES = counter("clicks", "pieces", "pieces", rating_thousandths_per_hour=10**9)


def used(value: int) -> list[CounterReading]:
    return rows((BEGIN, 0), (END, value))


def made(
    rule: ProductRule,
    declarations: Sequence[Declaration] = (),
    specs: Sequence[CounterSpec] = (MAIN, PRESS, PIECES),
    extra: Readings | None = None,
    **changes: Any,
) -> tuple[Document, list[str]]:
    readings = {MAIN.key: used(100 * KWH), PRESS.key: used(30 * KWH), PIECES.key: used(480_000), **(extra or {})}
    found = documents(site(*specs, products=(rule,), **changes), readings, declarations)[0]
    return found["products"][0], found["reasons"]


def test_c25_units_from_a_counter_and_energy_of_the_node() -> None:
    """480 pieces from 30 kWh of the press: quotients have six decimals, half-even (15.918 / 480 is 0.0331625)."""
    product, _ = made(ProductRule("housing", "clicks", "press"))

    assert product == {"product": "housing", "units": "480", "kwh_per_unit": "0.062500", "kg_per_unit": "0.033162"}


def test_c25_without_a_node_the_whole_site_makes_it() -> None:
    """100 kWh and all its carbon."""
    product, _ = made(ProductRule("housing", "clicks"))

    assert product["kwh_per_unit"] == "0.208333"
    assert product["kg_per_unit"] == str((Decimal("53.06") / 480).quantize(Decimal("0.000001")))


def test_c25_declared_units_count_where_their_time_lies() -> None:
    """Half-open: what was declared at the end of the shift belongs to the next one; twice the same counts once."""
    inside = Production("housing", ms(BEGIN), 100_000)
    declared = [
        inside,
        inside,
        Production("housing", ms(END) - 1, 20_500),
        Production("housing", ms(END), 7000),
        Production("other", ms(BEGIN), 1),
    ]

    product, _ = made(ProductRule("housing", node="press"), declared)

    assert product["units"] == "120.5"


@pytest.mark.parametrize(("units", "sentence"), [(0, "no unit was made"), (None, "the units are not known")])
def test_c25_without_units_there_is_no_intensity(units: int | None, sentence: str) -> None:
    """Null with its reason, never a division by nothing."""
    declared = [] if units is None else [Production("housing", ms(BEGIN), units)]

    product, reasons = made(ProductRule("housing", node="press"), declared)

    assert (product["kwh_per_unit"], product["kg_per_unit"]) == (None, None)
    assert f"product housing: {sentence}" in reasons


def test_c25_own_generation_counts_for_all_alike() -> None:
    """Half of the load is generated: the press carries 30 % of the carbon of what was bought."""
    pv, out = counter("pv", EXPORT, "generation"), counter("main", EXPORT)

    product, _ = made(
        ProductRule("housing", "clicks", "press"), specs=(MAIN, out, PRESS, PIECES, pv), extra={pv.key: used(100 * KWH), out.key: used(0)}
    )

    assert product["kg_per_unit"] == str((Decimal("53.06") * 30 / 200 / 480).quantize(Decimal("0.000001")))


def test_c25_fuel_burnt_below_the_node_is_part_of_it() -> None:
    """The oven under the press burns gas; gases are the same, so they add."""
    oven = counter("oven", "volume", "fuel", fuel="natural_gas", parent="press", rating_thousandths_per_hour=10**9)
    factors = (factor("0.5306"), factor("2", id="gas", line="scope1", activity="natural_gas", unit="m3"))

    product, _ = made(
        ProductRule("housing", "clicks", "press"), specs=(MAIN, PRESS, PIECES, oven), extra={oven.key: used(24_000)}, factors=factors
    )

    assert product["kg_per_unit"] == str(((Decimal("0.5306") * 30 + 48) / 480).quantize(Decimal("0.000001")))


def test_c25_gases_that_cannot_be_added_give_no_kg_per_unit() -> None:
    """Energy per unit is known all the same."""
    oven = counter("oven", "volume", "fuel", fuel="natural_gas", parent="press", rating_thousandths_per_hour=10**9)
    factors = (factor("0.5306"), factor("2", id="gas", line="scope1", activity="natural_gas", unit="m3", gases="CO2e"))

    product, reasons = made(
        ProductRule("housing", "clicks", "press"), specs=(MAIN, PRESS, PIECES, oven), extra={oven.key: used(24_000)}, factors=factors
    )

    assert (product["kwh_per_unit"], product["kg_per_unit"]) == ("0.062500", None)
    assert "product housing: CO2e and CO2 are not added" in reasons


def test_c25_a_node_without_electricity_meter_is_not_known() -> None:
    """A name that no counter carries."""
    product, reasons = made(ProductRule("housing", "clicks", "mill"))

    assert product["kwh_per_unit"] is None
    assert "product housing: the energy of its node is not known" in reasons
