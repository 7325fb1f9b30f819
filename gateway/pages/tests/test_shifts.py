"""Figures of the contract as shifts on the page: the running one, the rows, the units of carbon."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from gateway.pages.shift_figure import ESTIMATED, INTERPOLATED, LOCATION, MEASURED, ShiftFigure, shift_figure
from gateway.pages.shifts import of_lines, running_shifts, shift_rows
from gateway.pages.tests.fakes import HOUR_MS, NOW_MS, figure
from gateway.pages.viewer import Amount, Viewer
from protocols.reading import milliseconds_of

ROLES = {"main": "import", "press-1": "load", "pv": "generation"}


def _figure(**changes: Any) -> ShiftFigure:
    return shift_figure(figure(**changes), ROLES)


def _running(**changes: Any) -> ShiftFigure:
    return _figure(state="running", counted_ms=milliseconds_of("2026-03-28T03:45:00Z"), **changes)


def test_running_shift_shows_energy_carbon_start_and_rest(viewer: Viewer) -> None:
    """What the technician asks: how much so far, since when, how long still, and how old the counters are."""
    (shift,) = running_shifts([_running()], viewer)

    assert (shift.title, shift.started, shift.remaining, shift.elapsed_pct) == ("early", "since 06:00", "2 h 13 min left", 72)
    assert (shift.energy, shift.counted) == (Amount("1,950", "kWh"), "counters read at 11:45")
    assert (shift.carbon, shift.carbon_method) == (Amount("1,096", "kg CO2"), "electricity, location-based")
    assert shift.carbon_notes == ("provisional factor of an earlier year", "1,096 kg CO2 market-based")
    assert shift.products == ("housing-a: 480 pieces, 0.84 kWh and 0.47 kg CO2 each",)


def test_a_shift_that_made_nothing_has_no_amount_each(viewer: Viewer) -> None:
    """None made, and not known how many, are two things."""
    made = _running().products[0]
    figure = replace(_running(), products=(replace(made, units=Decimal(0)), replace(made, units=None)))

    assert running_shifts([figure], viewer)[0].products == ("housing-a: 0 pieces",)


@pytest.mark.parametrize("gases", ["CO2", "CO2e"])
def test_carbon_is_labelled_exactly_as_its_factor(viewer: Viewer, gases: str) -> None:
    """A factor of CO2 alone never reads as CO2e, nor the other way round."""
    (shift,) = running_shifts([_running(gases=gases)], viewer)

    assert shift.carbon.unit == f"kg {gases}"
    assert shift_rows([_running(gases=gases)], viewer)[0].carbon.endswith(f" kg {gases}")


def test_unknown_energy_and_carbon_are_dashes_with_a_word(viewer: Viewer) -> None:
    """No reading or no factor is never a 0."""
    (shift,) = running_shifts([_running(kwh=None)], viewer)

    assert (shift.energy, shift.carbon) == (Amount("–"), Amount("–"))
    assert shift.carbon_notes == ("not known: a factor or a reading is missing",)


def test_fuels_stand_on_their_own_line(viewer: Viewer) -> None:
    """Scope 1 is not added to electricity, whose gases may be others."""
    document = figure(state="running", scope1_kg="12.300000")
    document["carbon"]["lines"].append({"line": "scope1", "gases": "CO2e", "kg": "12.300000", "factor": {}, "provisional": False})

    (shift,) = running_shifts([shift_figure(document, ROLES)], viewer)

    assert shift.carbon == Amount("1,096", "kg CO2")
    assert shift.carbon_notes[-1] == "12.3 kg CO2e from fuels on site"


def test_only_the_shift_that_has_begun_runs(viewer: Viewer) -> None:
    """A closed shift and one that lies ahead are not running."""
    ahead = _figure(state="running", start_ms=NOW_MS + HOUR_MS)

    assert running_shifts([_figure(), ahead], viewer) == ()


def test_production_lines_run_beside_the_site(viewer: Viewer) -> None:
    """Each production line has its own running shift; the site stands first."""
    shifts = running_shifts([_running(production_line="paint"), _running()], viewer)

    assert [shift.title for shift in shifts] == ["early", "early · paint"]


def test_time_between_shifts_has_a_name(viewer: Viewer, chinese: Viewer) -> None:
    """The pseudo-shift of the method is not shown by its code."""
    between = _running(name="unassigned")

    assert running_shifts([between], viewer)[0].title == "Between shifts"
    assert shift_rows([between], chinese)[0].name == "班次之间"


def test_shares_follow_the_counters_that_feed_the_site() -> None:
    """A load's estimate is no doubt about the site's energy; nor is the export stream of the grid meter."""
    document = figure(kwh=Decimal(100), interpolated=Decimal("0.1"), estimated=Decimal("0.2"))
    export = document["meters"][0] | {"quantity": "active_energy_export", "measured": "0.000000", "estimated": "500.000000"}
    load = document["meters"][1] | {"estimated": "900.000000", "missing_s": 999}

    shown = shift_figure(document | {"meters": [document["meters"][0], export, load]}, ROLES)

    assert shown.shares == {MEASURED: Decimal("0.7"), INTERPOLATED: Decimal("0.1"), ESTIMATED: Decimal("0.2")}
    assert shown.missing_s == 0


def test_shares_of_a_production_line_follow_its_loads() -> None:
    """Where no counter feeds the site, the ones there are vouch for the figure: no estimate passes for measured."""
    load = figure(kwh=Decimal(100))["meters"][1] | {"measured": "30.000000", "estimated": "10.000000", "missing_s": 60}

    shown = shift_figure(figure(production_line="paint") | {"meters": [load]}, ROLES)

    assert shown.shares == {MEASURED: Decimal("0.75"), INTERPOLATED: Decimal(0), ESTIMATED: Decimal("0.25")}
    assert shown.missing_s == 60


def test_figure_without_any_reading_is_read() -> None:
    """Null balance, null carbon, null readings: the contract allows it, so the page does."""
    document = figure(kwh=None) | {"balance": None, "carbon": None, "products": []}
    document["meters"][0] |= {"first": None, "last": {"time": None, "value": None}, "missing_s": 28_800}

    shown = shift_figure(document, ROLES)

    assert (shown.energy_kwh, shown.carbon[LOCATION].kg, shown.carbon[LOCATION].gases, shown.counted_to_ms) == (None, None, "", None)


def test_rows_show_quality_gaps_and_state_newest_first(viewer: Viewer) -> None:
    """The table says in words what the bars show."""
    earlier = _figure(start_ms=NOW_MS - 30 * HOUR_MS, estimated=Decimal("0.25"), missing_s=4_980, complete=False, state="restated")

    rows = shift_rows([earlier, _figure()], viewer)

    assert [row.energy for row in rows] == ["1,950", "1,950"]
    assert (rows[1].shares, rows[1].missing, rows[1].state, rows[1].complete) == (("75 %", "0 %", "25 %"), "1 h 23 min", "restated", False)
    assert (rows[0].missing, rows[0].complete) == ("", True)


def test_reasons_of_a_figure_stand_beside_it(viewer: Viewer) -> None:
    """What is null says why; a long list is cut."""
    why = [f"no factor for part {number}" for number in range(9)]
    shown = shift_figure(figure(state="running", kwh=None) | {"reasons": why}, ROLES)

    assert running_shifts([shown], viewer)[0].reasons == tuple(why[:3])
    assert shift_rows([shown], viewer)[0].reasons == tuple(why[:3])


def test_what_a_running_shift_lacks_is_not_missing(viewer: Viewer) -> None:
    """Its rest is still to come."""
    assert shift_rows([_running(missing_s=8_000)], viewer)[0].missing == ""


def test_lines_are_kept_apart_in_order_of_time() -> None:
    """One chart per production line, the site first."""
    late = _figure(start_ms=NOW_MS)
    paint = replace(late, production_line="paint")

    assert of_lines([paint, late, _figure()]) == {"": [_figure(), late], "paint": [paint]}
