"""A shift against its target: which target fits, what is said, and that it goes before the habit."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.interfaces import ShiftTarget
from gateway.pages.shift_figure import ShiftFigure, shift_figure
from gateway.pages.shifts import running_shifts, shift_rows
from gateway.pages.target import against_target, target_of
from gateway.pages.tests.fakes import figure
from gateway.pages.usual import Against, Usual
from gateway.pages.viewer import Viewer

EVERY_DAY, WEEK_END = frozenset(range(7)), frozenset({5, 6})


def _figure(**changes: Any) -> ShiftFigure:
    return shift_figure(figure(**changes), {"main": "import"})


def _target(**changes: Any) -> ShiftTarget:
    return ShiftTarget("early", "", EVERY_DAY, Decimal(2000), Decimal(1000))._replace(**changes)


def test_first_target_that_fits_holds() -> None:
    """By shift, production line and weekday: a Saturday has its own."""
    saturday = _target(weekdays=WEEK_END, energy_kwh=Decimal(500))
    targets = [_target(shift="late"), _target(production_line="hall-2"), saturday, _target()]

    assert target_of(_figure(day="2026-03-28"), targets) == saturday
    assert target_of(_figure(day="2026-03-27"), targets) == _target()
    assert target_of(_figure(name="night"), targets) is None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Decimal(1500), Against("75 % of the target 2,000 kWh", 75)),
        (Decimal(2000), Against("100 % of the target 2,000 kWh", 100)),
        (Decimal(2300), Against("15 % above the target 2,000 kWh", 100, is_over=True)),
        (None, Against("target 2,000 kWh", 0)),
    ],
)
def test_target_is_compared_with(value: Decimal | None, said: Against, viewer: Viewer) -> None:
    """Below, reached, above, and while nothing is counted yet."""
    assert against_target(value, Decimal(2000), "kWh", viewer) == said


def test_target_goes_before_what_is_usual(viewer: Viewer) -> None:
    """Energy has a target, carbon none: then the habit is what is left to compare with."""
    usuals = {"": Usual(Decimal(3000), Decimal(2000))}
    (shift,) = running_shifts([_figure(state="running")], viewer, usuals, [_target(carbon_kg=None)])

    assert shift.energy_against is not None
    assert shift.carbon_against is not None
    assert [shift.energy_against.sentence, shift.carbon_against.sentence] == [
        "97.5 % of the target 2,000 kWh",
        "54.8 % of the usual 2,000 kg CO2",
    ]


def test_row_says_what_of_its_target_was_needed(viewer: Viewer) -> None:
    """And marks more than all of it; without a target or a figure it says nothing."""
    rows = shift_rows([_figure(), _figure(kwh=None), _figure(name="late")], viewer, [_target()])

    assert [row.targets for row in rows] == [(("energy 97.5 % of target", False), ("carbon 109.6 % of target", True)), (), ()]
