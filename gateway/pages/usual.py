"""The running shift against what the same shift used in the weeks before. Pure.

Usual is the median of the same shift on the same weekday; fewer than two complete ones are no habit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from gateway.pages.shift_figure import LOCATION, ShiftFigure
from gateway.pages.viewer import DAY_MS, Viewer

# A month is short enough to have the same products, and long enough that one odd day does not decide.
WEEKS = 4
KNOWN_MIN = 2
WEEK_MS = 7 * DAY_MS


@dataclass(frozen=True)
class Usual:
    """Whole-shift amounts; None where too few are known. `kg` only counts the gases of the running figure."""

    kwh: Decimal | None
    kg: Decimal | None


@dataclass(frozen=True)
class Against:
    """`reached_pct` of what the whole shift should need or usually does, at most 100 for the bar; `is_over`: more than its target."""

    sentence: str
    reached_pct: int
    is_over: bool = False


def same_shift_before(running: ShiftFigure) -> tuple[int, ...]:
    """Instants in the middle of the same shift in the weeks before; an hour of summer time does not move them out of it."""
    middle_ms = (running.start_ms + running.end_ms) // 2
    return tuple(middle_ms - week * WEEK_MS for week in range(1, WEEKS + 1))


def usual(running: ShiftFigure, before: Sequence[ShiftFigure]) -> Usual:
    alike = [each for each in before if (each.name, each.production_line) == (running.name, running.production_line) and each.complete]
    energies = [each.energy_kwh for each in alike if each.energy_kwh is not None]
    gases = running.carbon[LOCATION].gases
    carbons = [each.carbon[LOCATION].kg for each in alike if each.carbon[LOCATION].gases == gases]
    known = [kg for kg in carbons if kg is not None]
    return Usual(_median(energies), _median(known))


def _median(values: Sequence[Decimal]) -> Decimal | None:
    return median(values) if len(values) >= KNOWN_MIN else None


def against(value: Decimal | None, whole: Decimal | None, unit: str, viewer: Viewer) -> Against | None:
    if value is None or not whole:
        return None
    share = value / whole
    said = viewer.say("usual.reached", share=viewer.percent(share), amount=viewer.glance(whole), unit=unit)
    return Against(said, max(0, min(100, round(100 * share))))
