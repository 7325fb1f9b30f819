"""Each line up close: its round against the interval, answers and errors by kind, meter by meter, and what the bus doctor says. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.interfaces import Judgement
from gateway.pages.finding import Said, said
from gateway.pages.health import Fact, Part, errors, line_part
from gateway.pages.meter_rows import answered
from gateway.pages.viewer import UNKNOWN, Viewer
from gateway.status import GatewayStatus, LineStatus, MeterStatus


@dataclass(frozen=True)
class OnLine:
    name: str
    address: str
    state: str
    state_word: str
    answers: str
    errors: str
    turnaround: str
    slowest: str


@dataclass(frozen=True)
class Line:
    part: Part
    more: tuple[Fact, ...]
    meters: tuple[OnLine, ...]


@dataclass(frozen=True)
class LinePage:
    """`findings` None while the bus doctor is still looking."""

    lines: tuple[Line, ...]
    findings: tuple[Said, ...] | None


def line_page(status: GatewayStatus, findings: Sequence[Judgement] | None, viewer: Viewer) -> LinePage:
    lines = tuple(
        Line(
            line_part(line, viewer),
            _more(line, viewer),
            tuple(_on_line(meter, viewer) for meter in status.meters if meter.line == line.name),
        )
        for line in status.lines
    )
    return LinePage(lines, None if findings is None else tuple(said(findings, viewer)))


def _more(line: LineStatus, viewer: Viewer) -> tuple[Fact, ...]:
    return (
        Fact(viewer.say("line_page.target"), line.target),
        Fact(viewer.say("line_page.kind"), viewer.word("line_kind", line.kind)),
        Fact(viewer.say("line_page.least"), viewer.seconds(line.least_cycle_ms)),
        Fact(viewer.say("meter.requests"), viewer.number(line.counters.requests)),
    )


def _on_line(meter: MeterStatus, viewer: Viewer) -> OnLine:
    return OnLine(
        name=meter.name,
        address=UNKNOWN if meter.address is None else str(meter.address),
        state=meter.state,
        state_word=viewer.word("state", meter.state),
        answers=answered(meter.counters, viewer),
        errors=errors(meter.counters, viewer),
        turnaround=_milliseconds(meter.turnaround_median_ms, viewer),
        slowest=_milliseconds(meter.turnaround_slow_ms, viewer),
    )


def _milliseconds(value: float | None, viewer: Viewer) -> str:
    return UNKNOWN if value is None else viewer.say("duration.milliseconds", number=viewer.number(round(value)))
