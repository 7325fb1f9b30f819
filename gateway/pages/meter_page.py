"""All that one page says of one meter. Pure: what it needs was asked before."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.interfaces import Judgement
from gateway.pages.alarm_rows import AlarmRow
from gateway.pages.curve import Curve
from gateway.pages.event_page import EventRow
from gateway.pages.finding import Said, said
from gateway.pages.health import Fact, errors
from gateway.pages.histogram import Histogram, histogram
from gateway.pages.meter_rows import MeterRow, meter_rows
from gateway.pages.phase_table import CounterRow, PhaseRow, counter_rows, phase_rows
from gateway.pages.phasor_picture import PhasorPicture, phasor_picture
from gateway.pages.shift_figure import Document
from gateway.pages.submeter_facts import submeter_facts
from gateway.pages.viewer import UNKNOWN, Viewer
from gateway.status import GatewayStatus, MeterDetail, MeterStatus
from protocols.reading import milliseconds_of

# Old first: what changed the meter's counter lately is what a person looks for.
EPOCHS_SHOWN_MAX = 12


@dataclass(frozen=True)
class FrameRow:
    time: str
    sent: str
    heard: str
    outcome: str


@dataclass(frozen=True)
class Epoch:
    """Something that happened to a counter: a swap, a reset, a gap."""

    time: str
    kind: str
    quantity: str
    detail: str


@dataclass(frozen=True)
class MeterPage:
    row: MeterRow
    is_live: bool
    facts: tuple[Fact, ...]
    phasors: PhasorPicture | None
    phases: tuple[PhaseRow, ...]
    counters: tuple[CounterRow, ...]
    epochs: tuple[Epoch, ...]
    polls: tuple[Fact, ...]
    submeter: tuple[Fact, ...]
    histogram: Histogram | None
    frames: tuple[FrameRow, ...]
    wiring: tuple[Said, ...]
    alarms: tuple[AlarmRow, ...]
    events: tuple[EventRow, ...]
    curve: Curve


@dataclass(frozen=True)
class Asked:
    """What was asked for the page of one meter."""

    detail: MeterDetail
    wiring: Sequence[Judgement]
    alarms: tuple[AlarmRow, ...]
    events: tuple[EventRow, ...]
    figures: Sequence[Document]
    curve: Curve


def meter_page(meter: MeterStatus, status: GatewayStatus, asked: Asked, viewer: Viewer) -> MeterPage:
    row = next(row for row in meter_rows(status, viewer) if row.name == meter.name)
    return MeterPage(
        row=row,
        is_live=meter.state in ("ok", "slow", "flaky"),
        facts=_facts(meter, row, viewer),
        phasors=phasor_picture(meter.values, viewer),
        phases=phase_rows(meter.values, viewer),
        counters=counter_rows(meter.values, viewer),
        epochs=_epochs(meter.name, asked.figures, viewer),
        polls=_polls(meter, viewer),
        submeter=submeter_facts(meter.submeter, viewer),
        histogram=histogram(asked.detail.turnaround, viewer),
        frames=tuple(
            FrameRow(viewer.clock(each.time_ms), spaced(each.sent), spaced(each.heard), each.outcome) for each in asked.detail.frames
        ),
        wiring=tuple(said(asked.wiring, viewer)),
        alarms=asked.alarms,
        events=asked.events,
        curve=asked.curve,
    )


def spaced(frame: bytes) -> str:
    """As manuals print frames."""
    return frame.hex(" ").upper()


def _facts(meter: MeterStatus, row: MeterRow, viewer: Viewer) -> tuple[Fact, ...]:
    facts = [("role", row.role), ("model", meter.model), ("place", row.place), ("parent", meter.parent), ("line", meter.production_line)]
    return (
        *(Fact(viewer.say(f"meter.{key}"), value) for key, value in facts if value),
        Fact(viewer.say("meter.answered"), viewer.ago(meter.time_ms)),
    )


def _polls(meter: MeterStatus, viewer: Viewer) -> tuple[Fact, ...]:
    if meter.state == "imported":
        return ()
    counters = meter.counters
    slow = meter.turnaround_slow_ms
    return (
        Fact(viewer.say("meter.requests"), viewer.number(counters.requests)),
        Fact(viewer.say("meter.answers"), f"{viewer.number(counters.answers)} ({_share(counters.answers, counters.requests, viewer)})"),
        Fact(viewer.say("lines.errors"), errors(counters, viewer)),
        Fact(viewer.say("meters.turnaround"), _span(meter.turnaround_median_ms, viewer)),
        Fact(viewer.say("meter.slowest"), _span(slow, viewer)),
    )


def _share(part: int, whole: int, viewer: Viewer) -> str:
    return viewer.percent(part / whole) if whole else UNKNOWN


def _span(milliseconds: float | None, viewer: Viewer) -> str:
    return UNKNOWN if milliseconds is None else viewer.say("duration.milliseconds", number=viewer.number(round(milliseconds)))


def _epochs(name: str, figures: Sequence[Document], viewer: Viewer) -> tuple[Epoch, ...]:
    """What the figures of the last days say happened to the meter's counters, the newest first, each once."""
    found = {
        (event["time"], event["kind"], entry["quantity"], event["detail"])
        for figure in figures
        for entry in figure["meters"]
        if entry["meter"] == name
        for event in entry["events"]
    }
    newest = sorted(found, reverse=True)[:EPOCHS_SHOWN_MAX]
    return tuple(
        Epoch(
            viewer.time(milliseconds_of(time)), viewer.word("counter_event", kind), viewer.word("measured", quantity), viewer.told(detail)
        )
        for time, kind, quantity, detail in newest
    )
