"""What happened, the newest first: events as rows, and what they can be filtered by. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.pages.viewer import UNKNOWN, Viewer
from protocols.reading import Event

# How each kind looks; a new kind is told, not judged.
_LOOKS = {
    "alarm_raised": "absent", "alarm_cleared": "ok", "alarm_noted": "imported",
    "meter_absent": "absent", "meter_back": "ok", "line_closed": "absent", "line_open": "ok",
    "ratio_changed": "slow",
}  # fmt: skip
_NEUTRAL = "imported"


@dataclass(frozen=True)
class EventRow:
    time: str
    look: str
    kind: str
    subject: str
    detail: str


def event_rows(events: Sequence[Event], viewer: Viewer) -> tuple[EventRow, ...]:
    return tuple(
        EventRow(
            UNKNOWN if event.time_ms is None else viewer.instant(event.time_ms),
            _LOOKS.get(event.kind, _NEUTRAL),
            viewer.word("event_kind", event.kind),
            meter_of(event),
            viewer.told(event.detail),
        )
        for event in events
    )


def meter_of(event: Event) -> str:
    """An alarm's subject is its key: what stands behind the colon is the meter, if it has one."""
    return event.subject.partition(":")[2] if event.kind.startswith("alarm_") else event.subject
