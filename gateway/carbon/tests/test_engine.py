"""Which figures there are, and what a whole document looks like."""

import pytest

from gateway.carbon import ProductRule, ShiftRule, figures, pending
from gateway.carbon.tests.builders import (
    EXPORT,
    IMPORT,
    KWH,
    Document,
    berlin,
    counter,
    documents,
    entries,
    ms,
    rows,
    shift_named,
    site,
    steady,
)


def names(found: list[Document]) -> list[tuple[str, str]]:
    return [(document["date"], document["shift"]) for document in found]


def test_c7_figures_cover_the_time_from_the_first_to_the_last_reading() -> None:
    """Every shift that shares time with it, whole."""
    found = documents(site(), steady("2026-03-02 13:00", "2026-03-02 23:00", KWH))

    assert names(found) == [("2026-03-02", "early"), ("2026-03-02", "late"), ("2026-03-02", "night")]
    assert [document["elapsed_s"] for document in found] == [8 * 3600] * 3


@pytest.mark.parametrize(
    ("first", "last", "hours"), [("2026-03-28 20:00", "2026-03-29 08:00", 7), ("2026-10-24 19:00", "2026-10-25 08:00", 9)]
)
def test_c1_elapsed_s_of_a_night_with_a_clock_change_is_elapsed(first: str, last: str, hours: int) -> None:
    """22:00 to 06:00 in Berlin: never the difference of the wall clocks, and nothing of it is missing."""
    night = shift_named(documents(site(zone=berlin()), steady(first, last, KWH)), first[:10], "night")

    assert night["elapsed_s"] == hours * 3600
    assert (night["meters"][0]["amount"], night["meters"][0]["missing_s"]) == (f"{hours * 4}.000000", 0)


def test_c7_a_shift_that_begins_with_the_last_reading_is_there_only_while_it_runs() -> None:
    """It shares no time with the readings, but a person wants to see it begin."""
    inputs, readings = site(), {("main", IMPORT): steady("2026-03-02 06:00", "2026-03-02 14:00", KWH)}

    running = figures(inputs, readings, (), ms("2026-03-02 14:00"))
    later = figures(inputs, readings, (), ms("2026-03-02 22:00"))

    assert [draft.document["shift"] for draft in running] == ["early", "late"]
    assert [draft.document["shift"] for draft in later] == ["early"]


def test_a_single_reading_has_a_figure_that_knows_nothing() -> None:
    """One reading is no energy: null."""
    found = documents(site(), rows(("2026-03-02 07:00", 5)))

    assert names(found) == [("2026-03-02", "early")]
    assert found[0]["meters"][0]["amount"] is None
    assert found[0]["meters"][0]["first"] == found[0]["meters"][0]["last"] == {"time": "2026-03-02T07:00:00Z", "value": "0.000005"}


def test_c8_a_pending_counter_is_named() -> None:
    """So that it is polled at the power pace until its verdict."""
    specs = (counter(), counter("press", role="load"))
    readings = {("main", IMPORT): rows(("2026-03-02 07:00", 5), ("2026-03-02 07:15", 0)), ("press", IMPORT): rows(("2026-03-02 07:00", 5))}

    assert pending(specs, readings, ()) == [("main", IMPORT)]


def test_c7_a_step_stands_in_the_figure_in_which_its_pair_ends() -> None:
    """A rollover with the reading at the change of shift: first, last, measured and adjustment of one figure agree."""
    times = ("2026-03-02 13:30", "2026-03-02 13:45", "2026-03-02 14:00", "2026-03-02 14:15")
    readings = rows(*zip(times, (998 * KWH, 999 * KWH, KWH, 3 * KWH), strict=True))

    early, late = entries(documents(site(counter(modulus_thousandths=1000 * KWH)), readings))

    assert [(entry["amount"], entry["adjustment"]) for entry in (early, late)] == [("3.000000", "-1000.000000"), ("2.000000", "0.000000")]
    assert (early["first"]["value"], early["last"]["value"], late["events"]) == ("998.000000", "1.000000", [])


def test_without_readings_there_are_no_figures() -> None:
    """Nothing is made up."""
    assert documents(site(), []) == []


def test_c9_a_counter_without_a_rating_says_so() -> None:
    """Nothing could be held back as implausible."""
    found = documents(site(counter(rating_thousandths_per_hour=None)), steady("2026-03-02 06:00", "2026-03-02 14:00", KWH))

    assert "main active_energy_import: no rating is declared, so nothing was held back as implausible" in found[0]["reasons"]


def test_a_value_that_is_not_known_has_its_reason() -> None:
    """Every null of carbon is explained."""
    found = documents(site(), steady("2026-03-02 06:00", "2026-03-02 14:00", KWH))[0]

    assert [name for name, value in found["carbon"].items() if value is None] == ["scope1_kg", "uncertainty_95_pct", "worst_case_pct"]
    assert "scope1_kg: no fuel is metered here" in found["reasons"]
    assert any(reason.startswith("uncertainty_95_pct, worst_case_pct: not known") for reason in found["reasons"])


def test_a_production_line_of_a_site_that_generates_has_no_scope_2_of_its_own() -> None:
    """How much of the sun each line used is not declared."""
    specs = (
        counter(),
        counter("main", EXPORT),
        counter("pv", EXPORT, "generation"),
        counter("press", role="load", parent="main", production_line="hall"),
    )
    readings = {spec.key: steady("2026-03-02 06:00", "2026-03-02 14:00", KWH) for spec in specs}

    found = documents(site(*specs, shifts=[ShiftRule("press", "06:00", "14:00", production_line="hall")]), readings)

    hall = next(document for document in found if document["production_line"] == "hall")
    assert (hall["balance"]["load_kwh"], hall["carbon"]["scope2_location_kg"]) == ("32.000000", None)
    assert any(reason.startswith("scope2: the site generates") for reason in hall["reasons"])


def test_a_product_stands_in_the_figures_of_its_own_calendar() -> None:
    """The press has shifts of its own, and so has what it makes."""
    specs = (counter(), counter("press", role="load", parent="main", production_line="hall"))
    readings = {spec.key: steady("2026-03-02 06:00", "2026-03-02 14:00", KWH) for spec in specs}
    shifts = [ShiftRule("day", "06:00", "14:00"), ShiftRule("press", "06:00", "14:00", production_line="hall")]

    found = documents(site(*specs, shifts=shifts, products=(ProductRule("housing", node="press"),)), readings)

    assert [(document["production_line"], len(document["products"])) for document in found] == [(None, 0), ("hall", 1)]


def test_fuel_that_is_not_known_is_told() -> None:
    """The gas meter was not read in this shift."""
    gas = counter("gas", "volume", "fuel", fuel="natural_gas")
    readings = {
        ("main", IMPORT): steady("2026-03-02 06:00", "2026-03-02 14:00", KWH),
        gas.key: rows(("2026-03-02 15:00", 0), ("2026-03-02 16:00", 9)),
    }

    found = documents(site(counter(), gas), readings)

    assert "gas: the fuel used is not known, so its carbon is not in this figure" in found[0]["reasons"]
    assert found[0]["carbon"]["scope1_kg"] is None
