"""The topics and payloads of MQTT. Pure: values in, (topic, payload) out; sending is `mqtt`'s.

Below `PREFIX/SITE/`: the stream (`readings/METER`, `figures`, `events`), one message for every record in order,
and the present state, retained: `status`, `meters/METER`, `shifts/LINE/SHIFT`, `alarms`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from gateway.deliver.sinks.sink import Document
from gateway.interfaces import EVENTS, FIGURES, READINGS
from gateway.status import GatewayStatus, MeterStatus
from protocols.reading import iso_or_none, outside_values

ONLINE, OFFLINE = "online", "offline"
WHOLE_SITE = "site"  # where a shift belongs to no production line

# What means something in a topic; a name may hold any of them.
_RESERVED = str.maketrans({character: f"%{ord(character):02X}" for character in "%/+#$\0"})


class Message(NamedTuple):
    topic: str
    payload: str


class Topics:
    def __init__(self, prefix: str, site: str) -> None:
        self.base = f"{prefix}/{level(site)}"
        self.status = f"{self.base}/status"
        self.alarms = f"{self.base}/alarms"

    def meter(self, name: str) -> str:
        return f"{self.base}/meters/{level(name)}"

    def shift(self, line: str | None, name: str) -> str:
        return f"{self.base}/shifts/{level(line or WHOLE_SITE)}/{level(name)}"

    def record(self, kind: str, document: Document) -> Message:
        topic = {READINGS: f"readings/{level(str(document.get('meter', '')))}", FIGURES: "figures", EVENTS: "events"}[kind]
        return Message(f"{self.base}/{topic}", text(document))

    def present(self, status: GatewayStatus, alarms: Iterable[Mapping[str, Any]]) -> Iterator[Message]:
        for meter in status.meters:
            yield Message(self.meter(meter.name), text(_meter(meter)))
        standing = list(alarms)
        yield Message(self.alarms, text({"count": len(standing), "alarms": standing}))

    def newest_shifts(self, figures: Iterable[Mapping[str, Any]]) -> Iterator[Message]:
        """Of every shift the newest figure, the running one included."""
        newest = {(figure["production_line"], figure["shift"]): figure for figure in sorted(figures, key=lambda each: str(each["start"]))}
        return (Message(self.shift(*key), text(figure)) for key, figure in newest.items())


def level(name: str) -> str:
    return name.translate(_RESERVED) or "%00"


def text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _meter(meter: MeterStatus) -> dict[str, Any]:
    return {
        "meter": meter.name,
        "state": meter.state,
        "reason": meter.reason or None,
        "time": iso_or_none(meter.time_ms),
        "values": outside_values(meter.values),
    }
