"""The state of lines, outbox, clock and store as it is shown. Pure.

`sentence` of a status comes from the part itself and is told in the viewer's words.
"""

from dataclasses import dataclass
from decimal import Decimal

from gateway.pages.meter_rows import answered
from gateway.pages.viewer import UNKNOWN, Viewer
from gateway.status import ClockStatus, ForwardStatus, GatewayStatus, LineStatus, OutboxStatus, PollCounters, StoreStatus

# How each state looks; one that is new here is looked at with suspicion.
_LINE_LOOKS = {"open": "ok", "busy": "absent", "closed": "absent"}
_HUB_LOOKS = {"reachable": "ok", "unreachable": "slow", "refusing": "absent", "none": "imported"}
_CLOCK_LOOKS = {"synchronised": "ok", "set": "slow", "unset": "absent"}
_STORE_LOOKS = {"ok": "ok", "full": "absent", "failing": "absent"}
_DOUBTFUL = "flaky"

_SINKS = {"mqtt": "MQTT", "webhook": "Webhook", "influx": "InfluxDB"}
_ERROR_KINDS = ("timeouts", "noise", "exceptions", "late_replies", "wrong_answers")


@dataclass(frozen=True)
class Fact:
    label: str
    value: str


@dataclass(frozen=True)
class Part:
    """One part of the gateway: `look` is its mark, `load_pct` the bar below it where it has one, `target` the page that says more."""

    title: str
    look: str
    word: str
    facts: tuple[Fact, ...]
    sentence: str = ""
    load_pct: int | None = None
    target: str = "/sync"


def parts(status: GatewayStatus, viewer: Viewer) -> tuple[Part, ...]:
    lines = tuple(line_part(line, viewer) for line in status.lines)
    return (*lines, outbox_part(status.outbox, viewer), store_part(status.store, viewer), clock_part(status.clock, status, viewer))


def line_part(line: LineStatus, viewer: Viewer) -> Part:
    cycle = UNKNOWN if line.cycle_ms is None else viewer.seconds(line.cycle_ms)
    round_of = viewer.say("lines.cycle_of", cycle=cycle, interval=viewer.seconds(line.interval_ms))
    facts = (
        Fact(viewer.say("lines.cycle"), round_of),
        Fact(viewer.say("lines.answers"), answered(line.counters, viewer)),
        Fact(viewer.say("lines.busy"), viewer.percent(round(line.utilisation, 2))),
        Fact(viewer.say("lines.errors"), errors(line.counters, viewer)),
    )
    look = _LINE_LOOKS.get(line.state, _DOUBTFUL)
    slow = line.cycle_ms is not None and line.cycle_ms > line.interval_ms
    sentence = "" if line.state == "open" else viewer.told(line.sentence)
    load = None if line.cycle_ms is None else min(100, round(100 * line.cycle_ms / max(line.interval_ms, 1)))
    return Part(line.name, "slow" if slow and look == "ok" else look, viewer.word("line", line.state), facts, sentence, load, "/lines")


def errors(counters: PollCounters, viewer: Viewer) -> str:
    """Each kind that happened since the start, with its count."""
    counted = [(kind, getattr(counters, kind)) for kind in _ERROR_KINDS]
    said = [viewer.say(f"errors.{kind}", number=viewer.number(count)) for kind, count in counted if count]
    return viewer.say("number.list_joint").join(said) or viewer.say("errors.none")


def outbox_part(outbox: OutboxStatus, viewer: Viewer) -> Part:
    waiting = viewer.say("outbox.waiting_count", batches=viewer.number(outbox.batches), records=viewer.number(outbox.records))
    facts = (
        Fact(viewer.say("outbox.waiting"), waiting),
        Fact(viewer.say("outbox.oldest"), viewer.age(outbox.oldest_ms)),
        Fact(viewer.say("outbox.last"), viewer.ago(outbox.last_acknowledged_ms)),
        Fact(viewer.say("outbox.acknowledged"), viewer.number(outbox.records_acknowledged)),
        *([Fact(viewer.say("outbox.refused"), viewer.number(outbox.batches_refused))] if outbox.batches_refused else []),
    )
    sentence = "" if outbox.hub == "none" else viewer.told(outbox.sentence)
    return Part(viewer.say("outbox.heading"), _HUB_LOOKS.get(outbox.hub, _DOUBTFUL), viewer.word("hub", outbox.hub), facts, sentence)


def forward_part(forward: ForwardStatus, viewer: Viewer) -> Part:
    facts = (
        Fact(viewer.say("forward.delivered"), viewer.number(forward.delivered)),
        Fact(viewer.say("forward.behind"), viewer.number(forward.behind)),
        *([Fact(viewer.say("forward.set_aside"), viewer.number(forward.set_aside))] if forward.set_aside else []),
    )
    title = viewer.say("forward.heading", name=_SINKS.get(forward.name, forward.name))
    sentence = "" if forward.state == "reachable" else viewer.told(forward.sentence)
    return Part(title, _HUB_LOOKS.get(forward.state, _DOUBTFUL), viewer.word("hub", forward.state), facts, sentence)


def store_part(store: StoreStatus, viewer: Viewer) -> Part:
    facts = (
        Fact(viewer.say("store.readings"), viewer.number(store.readings_stored)),
        Fact(
            viewer.say("store.size"), viewer.say("store.size_free", size=viewer.size(store.size_bytes), free=viewer.size(store.free_bytes))
        ),
        Fact(viewer.say("store.committed"), viewer.ago(store.last_commit_ms)),
        Fact(viewer.say("store.waiting"), viewer.number(store.waiting_records)),
    )
    sentence = "" if store.state == "ok" else viewer.told(store.sentence)
    return Part(
        viewer.say("store.heading"), _STORE_LOOKS.get(store.state, _DOUBTFUL), viewer.word("store_state", store.state), facts, sentence
    )


def clock_part(clock: ClockStatus, status: GatewayStatus, viewer: Viewer) -> Part:
    facts = (
        Fact(viewer.say("clock.running"), viewer.age(status.started_ms)),
        Fact(viewer.say("clock.boot"), viewer.number(Decimal(status.boot))),
        Fact(viewer.say("clock.zone"), str(viewer.zone)),
    )
    sentence = "" if clock.state == "synchronised" else viewer.told(clock.sentence)
    return Part(
        viewer.say("clock.heading"), _CLOCK_LOOKS.get(clock.state, _DOUBTFUL), viewer.word("clock_state", clock.state), facts, sentence
    )
