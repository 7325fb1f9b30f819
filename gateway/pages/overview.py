"""All that the overview shows, gathered from one status and the figures of the last days. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from gateway.interfaces import ShiftTarget, StandingAlarm
from gateway.pages.alarm_rows import AlarmRow, alarm_rows
from gateway.pages.chart import Chart, carbon_chart, energy_chart, shown_days
from gateway.pages.flow import Flow, flow
from gateway.pages.health import Part, parts
from gateway.pages.meter_rows import MeterRow, meter_rows
from gateway.pages.problems import Verdict, verdict
from gateway.pages.shift_figure import ShiftFigure
from gateway.pages.shifts import RunningShift, ShiftRow, of_lines, running_shifts, shift_rows
from gateway.pages.site_power import SitePower, site_power
from gateway.pages.usual import Usual
from gateway.pages.viewer import Amount, Viewer
from gateway.status import GatewayStatus


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
    running: tuple[RunningShift, ...]
    lines: tuple[LineShifts, ...]
    days: str
    meters: tuple[MeterRow, ...]
    meters_note: str
    parts: tuple[Part, ...]
    flow: Flow | None
    solar: str
    alarms: tuple[AlarmRow, ...]
    alarms_note: str


def overview(
    status: GatewayStatus,
    figures: Sequence[ShiftFigure],
    viewer: Viewer,
    usuals: Mapping[str, Usual],
    alarms: Sequence[StandingAlarm],
    targets: Sequence[ShiftTarget] = (),
) -> Overview:
    power = site_power(status, viewer.now_ms)
    return Overview(
        instant=viewer.instant(viewer.now_ms),
        verdict=verdict(status, viewer, alarms),
        power=viewer.power(power.milliwatts),
        power_note=_power_note(power, viewer),
        running=running_shifts(figures, viewer, usuals, targets),
        lines=tuple(
            LineShifts(name, (energy_chart(each, viewer), carbon_chart(each, viewer)), shift_rows(each, viewer, targets))
            for name, each in (of_lines(figures) or {"": []}).items()
        ),
        days=_days(viewer),
        meters=meter_rows(status, viewer),
        meters_note=_meters_note(status, viewer),
        parts=parts(status, viewer),
        flow=flow(status, viewer),
        solar=_solar(status, power, viewer),
        alarms=alarm_rows(alarms, viewer),
        alarms_note=_alarms_note(alarms, viewer),
    )


def _solar(status: GatewayStatus, power: SitePower, viewer: Viewer) -> str:
    """The part of what the site uses now that its own generation could cover."""
    generated = [power.parts[meter.name] for meter in status.meters if meter.role == "generation" and meter.name in power.parts]
    known = [part for part in generated if part is not None]
    if not known or len(known) < len(generated) or not power.milliwatts or power.milliwatts < 0:
        return ""
    return viewer.say("power.solar", share=viewer.percent(min(Decimal(sum(known)) / power.milliwatts, Decimal(1))))


def _alarms_note(alarms: Sequence[StandingAlarm], viewer: Viewer) -> str:
    noted = sum(bool(alarm.noted_by) for alarm in alarms)
    return viewer.say("alarm_row.count", count=len(alarms), noted=noted) if alarms else ""


def _power_note(power: SitePower, viewer: Viewer) -> str:
    if power.silent:
        return viewer.say("power.silent", meters=viewer.say("number.list_joint").join(power.silent))
    return viewer.say("power.sum", count=len(power.meters)) if power.meters else viewer.say("power.none")


def _days(viewer: Viewer) -> str:
    days = shown_days(viewer)
    return viewer.say("calendar.span", first=viewer.short_day(days[0]), last=viewer.short_day(days[-1]))


def _meters_note(status: GatewayStatus, viewer: Viewer) -> str:
    """How many are in each state, in the order of the table of states."""
    states = [meter.state for meter in status.meters]
    counted = [(state, states.count(state)) for state in dict.fromkeys(states)]
    said = [viewer.say("meters.in_state", number=count, state=viewer.word("state", state)) for state, count in counted]
    return viewer.say("number.list_joint").join(said)
