"""What is wrong, in sentences, the worst first: the top of the page.

Pure. A cause hides its symptoms: a closed line is said once, not once per meter on it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.interfaces import StandingAlarm
from gateway.pages.alarm_rows import URGENT, said
from gateway.pages.viewer import Viewer
from gateway.status import GatewayStatus, LineStatus, MeterStatus

BAD, WARN, QUIET, GOOD = "bad", "warn", "quiet", "good"
_RANK = {BAD: 0, WARN: 1, QUIET: 2, GOOD: 3}

# More sentences than these nobody reads at a glance; the rest stands beside the meters.
SHOWN_MAX = 5
# From two on, silence of all meters of a line points at the line.
WHOLE_LINE_MIN = 2


@dataclass(frozen=True)
class Problem:
    """One `aside` is said, but never as the headline: all else being well is the news."""

    severity: str
    text: str
    aside: bool = False


@dataclass(frozen=True)
class Verdict:
    """`headline` in one sentence; `others` are shown below it, `more` are only counted."""

    severity: str
    headline: str
    others: tuple[Problem, ...] = ()
    more: int = 0


def verdict(status: GatewayStatus, viewer: Viewer, alarms: Sequence[StandingAlarm] = ()) -> Verdict:
    found = sorted(
        (*_problems(status, viewer), *_alarms(alarms, status, viewer)), key=lambda problem: (problem.aside, _RANK[problem.severity])
    )
    if all(problem.aside for problem in found):
        return Verdict(GOOD, _all_well(status, viewer), tuple(found[:SHOWN_MAX]), max(len(found) - SHOWN_MAX, 0))
    return Verdict(found[0].severity, found[0].text, tuple(found[1:SHOWN_MAX]), max(len(found) - SHOWN_MAX, 0))


def _all_well(status: GatewayStatus, viewer: Viewer) -> str:
    polled = [meter for meter in status.meters if meter.state != "imported"]
    return viewer.say("verdict.all_answer", count=len(polled)) if polled else viewer.say("verdict.all_imported")


def _problems(status: GatewayStatus, viewer: Viewer) -> Iterator[Problem]:
    yield from _store(status, viewer)
    broken = {line.name for line in status.lines if line.state != "open"}
    for line in status.lines:
        if line.name in broken:
            yield Problem(BAD, viewer.say(f"verdict.line_{_known(line.state)}", line=line.name, target=line.target))
    yield from _silence(status, broken, viewer)
    yield from _outbox(status, viewer)
    yield from _clock(status, viewer)
    yield from _slow_lines(status, viewer)
    yield from _weak_meters(status, viewer)
    yield from _beginnings(status, viewer)


def _alarms(alarms: Sequence[StandingAlarm], status: GatewayStatus, viewer: Viewer) -> Iterator[Problem]:
    """One that a person has silenced is said, but is no headline until it speaks again."""
    for alarm in alarms:
        if not _is_said(alarm, status):
            silenced = alarm.silent_until_ms > viewer.now_ms
            severity = QUIET if silenced else BAD if alarm.severity == URGENT else WARN
            yield Problem(severity, _alarm_sentence(alarm, status, viewer), aside=silenced)


def _is_said(alarm: StandingAlarm, status: GatewayStatus) -> bool:
    """Whether the status itself makes a sentence of it: it knows the line, the reason and the remedy better."""
    if alarm.kind == "meter_absent":
        broken = {line.name for line in status.lines if line.state != "open"}
        return all(meter.state == "absent" or meter.line in broken for meter in status.meters if meter.name == alarm.subject)
    said_of = {
        "clock_untrusted": status.clock.state == "unset",
        "store_near_full": status.store.state != "ok",
        "sync_lag": status.outbox.hub in ("unreachable", "refusing"),
    }
    return said_of.get(alarm.kind, False)


def _alarm_sentence(alarm: StandingAlarm, status: GatewayStatus, viewer: Viewer) -> str:
    meter = next((meter for meter in status.meters if meter.name == alarm.subject), None)
    if alarm.kind == "meter_absent" and meter is not None:
        return _absent(meter, next((line for line in status.lines if line.name == meter.line), None), status, viewer)
    return viewer.say("verdict.with_advice", sentence=said(alarm, viewer), advice=viewer.say(f"alarm_advice.{alarm.kind}"))


def _known(state: str) -> str:
    return "busy" if state == "busy" else "closed"


def _store(status: GatewayStatus, viewer: Viewer) -> Iterator[Problem]:
    if status.store.state != "ok":
        key = "verdict.store_full" if status.store.state == "full" else "verdict.store_failing"
        yield Problem(BAD, viewer.say(key, path=status.store.path, count=viewer.number(status.store.waiting_records)))


def _silence(status: GatewayStatus, broken: set[str], viewer: Viewer) -> Iterator[Problem]:
    absent = [meter for meter in status.meters if meter.state == "absent" and meter.line not in broken]
    lines = {line.name: line for line in status.lines}
    whole = {name for name in lines if name not in broken and _all_absent(name, status)}
    for name in sorted(whole):
        network = "_network" if lines[name].kind == "tcp" else ""
        yield Problem(BAD, viewer.say(f"verdict.line_silent{network}", line=name, target=lines[name].target))
    # The grid meter comes first: without it the site's energy is unknown.
    for meter in sorted(absent, key=lambda meter: meter.role != "import"):
        if meter.line not in whole:
            yield Problem(BAD, _absent(meter, lines.get(meter.line), status, viewer))


def _all_absent(line: str, status: GatewayStatus) -> bool:
    states = [meter.state for meter in status.meters if meter.line == line]
    return len(states) >= WHOLE_LINE_MIN and set(states) == {"absent"}


def _absent(meter: MeterStatus, line: LineStatus | None, status: GatewayStatus, viewer: Viewer) -> str:
    since = status.started_ms if meter.time_ms is None else meter.time_ms
    key = "verdict.meter_never" if meter.time_ms is None else "verdict.meter_absent"
    reason = meter.reason or "no_answer"
    said = viewer.say(key, meter=meter.name, span=viewer.age(since), reason=viewer.word("reason", reason))
    return viewer.say("verdict.with_advice", sentence=said, advice=advice(reason, line, viewer))


def advice(reason: str, line: LineStatus | None, viewer: Viewer) -> str:
    if reason == "no_answer":
        return viewer.say("advice.no_answer_network" if line is not None and line.kind == "tcp" else "advice.no_answer")
    if reason.startswith("exception_"):
        return viewer.say("advice.exception")
    return viewer.say(f"advice.{reason}" if reason in ("line_noise", "wrong_answer") else "advice.other")


def _outbox(status: GatewayStatus, viewer: Viewer) -> Iterator[Problem]:
    outbox = status.outbox
    if outbox.hub not in ("unreachable", "refusing"):
        return
    severity = BAD if outbox.hub == "refusing" else WARN
    if outbox.oldest_ms is None:
        yield Problem(severity, viewer.say(f"verdict.hub_{outbox.hub}_empty"))
    else:
        span, records = viewer.age(outbox.oldest_ms), viewer.number(outbox.records)
        yield Problem(severity, viewer.say(f"verdict.hub_{outbox.hub}", span=span, records=records))


def _clock(status: GatewayStatus, viewer: Viewer) -> Iterator[Problem]:
    if status.clock.state == "unset":
        yield Problem(BAD, viewer.say("verdict.clock_unset"))
    elif status.clock.state != "synchronised":
        # The times are most likely right, and nothing is lost by it.
        yield Problem(WARN, viewer.say("verdict.clock_set"), aside=True)


def _slow_lines(status: GatewayStatus, viewer: Viewer) -> Iterator[Problem]:
    for line in status.lines:
        if line.cycle_ms is not None and line.cycle_ms > line.interval_ms:
            cycle, interval = viewer.seconds(line.cycle_ms), viewer.seconds(line.interval_ms)
            yield Problem(WARN, viewer.say("verdict.line_slow", line=line.name, cycle=cycle, interval=interval))


def _weak_meters(status: GatewayStatus, viewer: Viewer) -> Iterator[Problem]:
    for state in ("flaky", "slow"):
        names = [meter.name for meter in status.meters if meter.state == state]
        if names:
            joined = viewer.say("number.list_joint").join(names)
            yield Problem(WARN, viewer.say(f"verdict.meters_{state}", count=len(names), meters=joined))


def _beginnings(status: GatewayStatus, viewer: Viewer) -> Iterator[Problem]:
    if not status.meters:
        yield Problem(QUIET, viewer.say("verdict.no_meters"))
    waiting = sum(meter.state == "waiting" for meter in status.meters)
    if waiting:
        yield Problem(QUIET, viewer.say("verdict.waiting", count=waiting))
