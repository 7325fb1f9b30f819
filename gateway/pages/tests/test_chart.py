"""The bars: their heights, their qualities and their scale."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.pages.chart import HEIGHT, MISSING, Segment, carbon_chart, energy_chart, nice_top
from gateway.pages.shift_figure import ShiftFigure, shift_figure
from gateway.pages.shifts import DAYS_SHOWN
from gateway.pages.tests.fakes import HOUR_MS, NOW_MS, figure, history
from gateway.pages.viewer import Viewer

ROLES = {"main": "import"}


def _figure(**changes: Any) -> ShiftFigure:
    return shift_figure(figure(**changes), ROLES)


@pytest.mark.parametrize(
    ("largest", "top"), [("0", "4"), ("0.3", "0.4"), ("4", "4"), ("4.1", "8"), ("950", "1000"), ("3150", "4000"), ("8001", "10000")]
)
def test_scale_has_four_steps_a_person_can_count_in(largest: str, top: str) -> None:
    """Steps of 1, 2, 2.5 or 5; the largest value fits."""
    assert nice_top(Decimal(largest)) == Decimal(top)


def test_bar_is_stacked_from_the_surest_up(viewer: Viewer) -> None:
    """Half of the scale: 60 % measured below, then interpolated, estimated on top."""
    chart = energy_chart(
        [_figure(kwh=Decimal(500), interpolated=Decimal("0.1"), estimated=Decimal("0.3")), _figure(kwh=Decimal(1000))], viewer
    )

    assert chart.bars[0].segments == (
        Segment("measured", 140.0, 60.0),
        Segment("interpolated", 130.0, 10.0),
        Segment("estimated", 100.0, 30.0),
    )
    assert chart.bars[1].segments == (Segment("measured", 0.0, float(HEIGHT)),)
    assert chart.ticks == ("1,000", "750", "500", "250", "0")


def test_gap_is_drawn_on_top_and_told(viewer: Viewer) -> None:
    """Missing time has no height of its own: it is marked, and said in the title."""
    (bar,) = energy_chart([_figure(kwh=Decimal(900), missing_s=4_980)], viewer).bars

    assert [segment.quality for segment in bar.segments] == ["measured", MISSING]
    assert bar.title == "Sat 28 Mar, early: 900 kWh; 1 h 23 min without readings"


def test_unknown_energy_is_an_empty_frame(viewer: Viewer) -> None:
    """No figure is not a bar of height 0."""
    (bar,) = energy_chart([_figure(kwh=None)], viewer).bars

    assert bar.segments == (Segment(MISSING, 0, HEIGHT),)
    assert bar.title == "Sat 28 Mar, early: –"


def test_running_shift_without_energy_draws_nothing(viewer: Viewer) -> None:
    """What has just begun lacks nothing yet."""
    (bar,) = energy_chart([_figure(kwh=None, state="running")], viewer).bars

    assert (bar.running, bar.segments) == (True, ())


def test_site_that_gives_more_than_it_takes_has_no_bar_below_the_ground(viewer: Viewer) -> None:
    """A negative figure stands in the table, not under the axis."""
    (bar,) = energy_chart([_figure(kwh=Decimal(-5))], viewer).bars

    assert bar.segments == ()


def test_two_weeks_of_three_shifts_stand_side_by_side(viewer: Viewer) -> None:
    """Every shift of the shown days has its own place, in order, inside its day."""
    figures = [shift_figure(each, ROLES) for each in history()]

    chart = energy_chart(figures, viewer)

    starts = [bar.x for bar in chart.bars]
    assert len(chart.days) == DAYS_SHOWN
    assert len(chart.bars) == (DAYS_SHOWN - 1) * 3 + 1
    assert starts == sorted(starts)
    assert all(left.x + left.width <= right.x for left, right in zip(chart.bars, chart.bars[1:], strict=False))
    assert chart.bars[-1].x + chart.bars[-1].width <= chart.width
    assert (chart.days[-1].weekday, chart.days[-1].number, chart.days[-1].today) == ("Sat", "28", True)


def test_chart_says_its_sum_in_words(viewer: Viewer) -> None:
    """What a screen reader hears of the picture."""
    chart = energy_chart([_figure(kwh=Decimal(400)), _figure(kwh=Decimal(900), name="late"), _figure(kwh=None)], viewer)

    assert chart.summary == (
        "2 shifts with 1,300 kWh in all; the largest is late of Sat 28 Mar with 900 kWh. The table below has each of them."
    )
    assert energy_chart([], viewer).summary == "No shift has been counted yet."


def test_carbon_chart_shows_one_kind_of_gases_only(viewer: Viewer) -> None:
    """CO2 and CO2e do not share an axis: what counts other gases than the newest factor is not known on it."""
    chart = carbon_chart([_figure(gases="CO2e", start_ms=NOW_MS - 9 * HOUR_MS), _figure(gases="CO2")], viewer)

    assert chart.title == "Carbon per shift, kg CO2"
    assert [bar.segments[0].quality for bar in chart.bars] == [MISSING, "measured"]
