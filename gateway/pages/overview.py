"""All that the overview shows, gathered from one status and the figures of the last days. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.pages.chart import Chart, carbon_chart, energy_chart, shown_days
from gateway.pages.health import Fact, Part, parts
from gateway.pages.meter_rows import MeterRow, meter_rows
from gateway.pages.problems import Verdict, verdict
from gateway.pages.shift_figure import ShiftFigure
from gateway.pages.shifts import RunningShift, ShiftRow, of_lines, running_shifts, shift_rows
from gateway.pages.site_power import SitePower, site_power
from gateway.pages.viewer import Amount, Viewer
from gateway.status import GatewayStatus

# More do not fit the card of the power.
POWER_PARTS_MAX = 4


@dataclass(frozen=True)
class LineShifts:
    """The past of one production line, or of the site itself (`name` "")."""

    name: str
    charts: tuple[Chart, ...]
    rows: tuple[ShiftRow, ...]


@dataclass(frozen=True)
class Overview:
    instant: str
    verdict: Verdict
    power: Amount
    power_note: str
    power_parts: tuple[Fact, ...]
    running: tuple[RunningShift, ...]
    lines: tuple[LineShifts, ...]
    days: str
    meters: tuple[MeterRow, ...]
    meters_note: str
    parts: tuple[Part, ...]


def overview(status: GatewayStatus, figures: Sequence[ShiftFigure], viewer: Viewer) -> Overview:
    power = site_power(status, viewer.now_ms)
    return Overview(
        instant=viewer.instant(viewer.now_ms),
        verdict=verdict(status, viewer),
        power=viewer.power(power.milliwatts),
        power_note=_power_note(power, viewer),
        power_parts=_power_parts(power, viewer),
        running=running_shifts(figures, viewer),
        lines=tuple(
            LineShifts(name, (energy_chart(each, viewer), carbon_chart(each, viewer)), shift_rows(each, viewer))
            for name, each in (of_lines(figures) or {"": []}).items()
        ),
        days=_days(viewer),
        meters=meter_rows(status, viewer),
        meters_note=_meters_note(status, viewer),
        parts=parts(status, viewer),
    )


def _power_note(power: SitePower, viewer: Viewer) -> str:
    if power.silent:
        return viewer.say("power.silent", meters=viewer.say("number.list_joint").join(power.silent))
    return viewer.say("power.sum", count=len(power.meters)) if power.meters else viewer.say("power.none")


def _power_parts(power: SitePower, viewer: Viewer) -> tuple[Fact, ...]:
    """What each meter at the border adds; many are better read in the table of meters."""
    amounts = {name: viewer.power(part) for name, part in power.parts.items() if part is not None}
    facts = tuple(Fact(name, f"{amount.number} {amount.unit}") for name, amount in amounts.items())
    return facts if 1 < len(facts) <= POWER_PARTS_MAX else ()


def _days(viewer: Viewer) -> str:
    days = shown_days(viewer)
    return viewer.say("calendar.span", first=viewer.short_day(days[0]), last=viewer.short_day(days[-1]))


def _meters_note(status: GatewayStatus, viewer: Viewer) -> str:
    """How many are in each state, in the order of the table of states."""
    states = [meter.state for meter in status.meters]
    counted = [(state, states.count(state)) for state in dict.fromkeys(states)]
    said = [viewer.say("meters.in_state", number=count, state=viewer.word("state", state)) for state, count in counted]
    return viewer.say("number.list_joint").join(said)
