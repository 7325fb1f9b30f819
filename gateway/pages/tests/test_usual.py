"""The running shift against the weeks before: what is a habit, and what is too little to be one."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.pages.shift_figure import ShiftFigure, shift_figure
from gateway.pages.tests.fakes import figure
from gateway.pages.usual import WEEK_MS, WEEKS, Against, Usual, against, same_shift_before, usual
from gateway.pages.viewer import Viewer


def _figure(**changes: Any) -> ShiftFigure:
    return shift_figure(figure(**changes), {"main": "import"})


def test_usual_is_the_median_of_the_same_shift() -> None:
    """One odd week does not make the habit; another shift and an incomplete one do not count."""
    before = [_figure(kwh=Decimal(kwh)) for kwh in (100, 110, 900)]
    before += [_figure(kwh=Decimal(1), name="late"), _figure(kwh=Decimal(1), complete=False)]

    assert usual(_figure(), before) == Usual(Decimal(110), Decimal("61.787000"))


@pytest.mark.parametrize("known", [0, 1])
def test_one_shift_is_no_habit(known: int) -> None:
    """Nothing is called usual that was seen once."""
    assert usual(_figure(), [_figure()] * known) == Usual(None, None)


def test_other_gases_are_not_compared() -> None:
    """CO2 of this year beside CO2e of the last would compare unlike things."""
    assert usual(_figure(gases="CO2e"), [_figure(gases="CO2")] * 3).kg is None


def test_weeks_before_are_asked_in_the_middle_of_the_shift() -> None:
    """An hour of summer time moves nobody out of it."""
    running = _figure()

    assert same_shift_before(running) == tuple((running.start_ms + running.end_ms) // 2 - week * WEEK_MS for week in range(1, WEEKS + 1))


@pytest.mark.parametrize(
    ("kwh", "sentence", "reached"), [("50", "50 % of the usual 100 kWh", 50), ("130", "130 % of the usual 100 kWh", 100)]
)
def test_against_says_how_far(viewer: Viewer, kwh: str, sentence: str, reached: int) -> None:
    """The sentence says it all; the bar ends where it ends."""
    assert against(Decimal(kwh), Decimal(100), "kWh", viewer) == Against(sentence, reached)


def test_unknown_is_not_compared(viewer: Viewer) -> None:
    """Neither without a figure nor without a habit."""
    assert (against(None, Decimal(1), "kWh", viewer), against(Decimal(1), None, "kWh", viewer)) == (None, None)
