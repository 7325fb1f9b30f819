"""C29: the 95 % interval and the worst case, against values worked out by hand with pocket-calculator arithmetic."""

from decimal import Decimal, getcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from gateway.carbon import CounterSpec
from gateway.carbon.exact import root
from gateway.carbon.tests.builders import KWH, Document, counter, documents, factor, rows, site
from gateway.carbon.uncertainty import class_limit_pct

BEGIN, END = "2026-03-02 06:00", "2026-03-02 14:00"


def figure(*used: tuple[CounterSpec, int], **changes: Any) -> Document:
    readings = {spec.key: rows((BEGIN, 0), (END, kwh * KWH)) for spec, kwh in used}
    return documents(site(*(spec for spec, _ in used), **changes), readings)[0]


def sure(*used: tuple[CounterSpec, int], **changes: Any) -> tuple[str | None, str | None]:
    carbon = figure(*used, **changes)["carbon"]
    return carbon["uncertainty_95_pct"], carbon["worst_case_pct"]


def of_class(limit: str, name: str = "main", **changes: Any) -> CounterSpec:
    return counter(name, class_pct=Decimal(limit), **changes)


def test_c29_a_meter_of_class_1_alone() -> None:
    """1.96 x 1 % / sqrt(3) = 1.131607 %."""
    assert sure((of_class("1"), 100)) == ("1.131607", "1.000000")


def test_c29_transformers_are_combined_with_the_meter_in_quadrature() -> None:
    """1.96 x sqrt(1 + 0.25 + 0.04) / sqrt(3) = 1.285258; at worst 1 + 0.5 + 0.2."""
    spec = of_class("1", ct_class_pct=Decimal("0.5"), vt_class_pct=Decimal("0.2"))

    assert sure((spec, 100)) == ("1.285258", "1.700000")


def test_c29_two_meters_are_independent() -> None:
    """Halves of class 1: 1.131607 / sqrt(2); at worst 1 %."""
    assert sure((of_class("1"), 50), (of_class("1", "second"), 50)) == ("0.800167", "1.000000")


def test_c29_the_factor_of_two_meters_is_the_same_factor() -> None:
    """Its 5 % are not averaged away: sqrt(0.800167² + 5²)."""
    grid = factor("0.5306", uncertainty_pct=Decimal(5))

    assert sure((of_class("1"), 50), (of_class("1", "second"), 50), factors=(grid,)) == ("5.063622", "6.000000")


def test_c29_one_meter_under_two_factors_is_the_same_meter() -> None:
    """A shift across New Year: the meter's 1.131607 % hold for both halves together, not 0.800167 %."""
    years = tuple(factor("0.5", year=year, id=f"cn.{year}") for year in (2025, 2026))
    spec = of_class("1")
    readings = {spec.key: rows(("2025-12-31 22:00", 0), ("2026-01-01 00:00", 50 * KWH), ("2026-01-01 06:00", 100 * KWH))}

    carbon = documents(site(spec, factors=years), readings)[0]["carbon"]

    assert (len([line for line in carbon["lines"] if line["line"] == "scope2_location"]), carbon["uncertainty_95_pct"]) == (2, "1.131607")


def test_c29_two_lines_with_one_factor_have_the_same_error_of_it() -> None:
    """Two boilers with 50 kg each, exact meters' part sqrt(2) smaller, the factor's 5 % whole: sqrt(0.800167² + 5²)."""
    boilers = [
        counter(name, "volume", "fuel", fuel="natural_gas", class_pct=Decimal(1), rating_thousandths_per_hour=None) for name in ("b1", "b2")
    ]
    gas = factor("0.5", id="gas", line="scope1", activity="natural_gas", unit="m3", uncertainty_pct=Decimal(5))
    readings = {spec.key: rows((BEGIN, 0), (END, 100_000)) for spec in boilers}

    carbon = documents(site(*boilers, factors=(gas,)), readings)[0]["carbon"]

    assert (len(carbon["lines"]), carbon["uncertainty_95_pct"], carbon["worst_case_pct"]) == (2, "5.063622", "6.000000")


def test_c29_different_factors_are_independent() -> None:
    """Gas and grid with equal kg and 5 % each, meters of class 1: sqrt((1.131607² + 5²) / 2)."""
    gas = counter("gas", "volume", "fuel", fuel="natural_gas", class_pct=Decimal(1), rating_thousandths_per_hour=None)
    factors = (
        factor("0.5", uncertainty_pct=Decimal(5)),
        factor("0.5", id="gas", line="scope1", activity="natural_gas", unit="m3", uncertainty_pct=Decimal(5)),
    )
    readings = {("main", "active_energy_import"): rows((BEGIN, 0), (END, 100 * KWH)), gas.key: rows((BEGIN, 0), (END, 100_000))}

    carbon = documents(site(of_class("1"), gas, factors=factors), readings)[0]["carbon"]

    assert (carbon["scope1_kg"], carbon["scope2_location_kg"]) == ("50.0000", "50.0000000")
    assert (carbon["uncertainty_95_pct"], carbon["worst_case_pct"]) == ("3.624951", "6.000000")


# The gap from 12:30 to 15:30 holds 30 kWh, half of them before the end of the shift: 15 of 65 kWh are estimated.
@pytest.mark.parametrize(("declared", "interval", "worst"), [("0.1", "2.846040", "3.307692"), ("1", "26.138503", "24.076923")])
def test_c29_the_estimated_part_has_its_declared_limit(declared: str, interval: str, worst: str) -> None:
    """sqrt(1 + (15/65 x limit)²) x 1.96 / sqrt(3); at worst both limits together."""
    spec = of_class("1")
    readings = rows((BEGIN, 0), ("2026-03-02 12:30", 50 * KWH), ("2026-03-02 15:30", 80 * KWH))

    found = documents(site(spec, estimate_limit=Decimal(declared)), {spec.key: readings})[0]

    assert (found["meters"][0]["amount"], found["meters"][0]["estimated"]) == ("65.000000", "15.000000")
    assert (found["carbon"]["uncertainty_95_pct"], found["carbon"]["worst_case_pct"]) == (interval, worst)


def test_c29_without_a_class_both_are_null_and_the_meter_is_named() -> None:
    """One of two is enough."""
    found = figure((of_class("1"), 50), (counter("second"), 50))

    assert (found["carbon"]["uncertainty_95_pct"], found["carbon"]["worst_case_pct"]) == (None, None)
    assert "uncertainty_95_pct, worst_case_pct: not known, no accuracy class is declared for second" in found["reasons"]


def test_c29_a_meter_that_does_not_enter_the_carbon_needs_no_class() -> None:
    """The press is inside the main meter."""
    assert sure((of_class("1"), 100), (counter("press", role="load", parent="main"), 40)) == ("1.131607", "1.000000")


def test_c29_a_factor_without_published_uncertainty_is_named() -> None:
    """The number stands for the meters' part, and the figure says so."""
    reasons = figure((of_class("1"), 100))["reasons"]

    assert any("no uncertainty is published for the factor cn.grid.2026" in reason for reason in reasons)


def test_c29_nothing_used_is_surely_nothing() -> None:
    """A percentage of zero is not divided by zero."""
    assert sure((of_class("1"), 0)) == ("0.000000", "0.000000")


def test_c29_co2_and_co2e_have_no_whole_that_a_percentage_could_be_of() -> None:
    """Null with its reason, as the sum itself."""
    heat = counter("steam", "heat", "heat", class_pct=Decimal(1), rating_thousandths_per_hour=None)
    factors = (factor("0.5306"), factor("110", id="heat", activity="heat", unit="GJ", gases="CO2e"))

    found = figure((of_class("1"), 100), (heat, 1), factors=factors)

    assert found["carbon"]["uncertainty_95_pct"] is None
    assert any("CO2 and CO2e are not added" in reason for reason in found["reasons"])


@pytest.mark.parametrize(("written", "percent"), [("1", "1"), ("0.5S", "0.5"), ("0.2s", "0.2"), ("B", "1"), ("c", "0.5"), (" 2 ", "2")])
def test_c29_a_class_is_read_as_its_limit(written: str, percent: str) -> None:
    """S classes have the limit of their number, letters that of the directive."""
    assert class_limit_pct(written) == Decimal(percent)


@pytest.mark.parametrize("written", ["", "D", "0", "-1", "1.2.3", "one", "NaN", "1e2"])
def test_c29_what_is_no_class_is_refused(written: str) -> None:
    """The sentence shows some."""
    with pytest.raises(ValueError, match=r"no accuracy class such as '1', '0.5S' or 'B'"):
        class_limit_pct(written)


@settings(deadline=None)
@given(numerator=some.integers(0, 10**24), denominator=some.integers(1, 10**12))
def test_c29_a_root_is_rounded_once(numerator: int, denominator: int) -> None:
    """Against the standard library with more digits than could matter."""
    context = getcontext().copy()
    context.prec = 120
    exact = context.sqrt(context.divide(Decimal(numerator), Decimal(denominator)))

    assert root(Fraction(numerator, denominator)) == exact.quantize(Decimal("0.000001"), context=context)
