"""A store in memory that is forwarded, and a forwarder whose waits a test counts: what the sinks' tests share."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gateway.deliver.sinks.forwarder import Forwarder
from gateway.deliver.sinks.position_file import PositionFile
from gateway.deliver.sinks.sink import Sink
from gateway.deliver.tests.fakes import START_MS, reading
from gateway.interfaces import EVENTS, FIGURES, READINGS, Filter, Page
from protocols.batch import reading_document
from protocols.reading import iso


class Records:
    """Documents of all kinds under one sequence, as a gateway's store has them."""

    def __init__(self) -> None:
        self.all: list[tuple[str, dict[str, Any]]] = []

    def add(self, kind: str, document: dict[str, Any]) -> None:
        self.all.append((kind, {"gateway": "gw-1", **document, "sequence": len(self.all) + 1}))

    def readings(self, count: int, meter: str = "main") -> None:
        for _ in range(count):
            self.add(READINGS, reading_document(reading(len(self.all) + 1, meter)))

    def figure(self, state: str, version: int = 1, day: int = 0, shift: str = "night") -> None:
        start_ms = START_MS + day * 86_400_000
        times = {"start": iso(start_ms), "end": iso(start_ms + 28_800_000), "known_at": iso(start_ms + 28_800_000)}
        balance = {"load_kwh": f"{version}.500000", "import_kwh": None}
        figure = {"shift": shift, "production_line": None, "state": state, "version": version, "balance": balance, "carbon": None}
        self.add(FIGURES, {**times, **figure})

    def event(self, kind: str, subject: str = "absent:press-1") -> None:
        self.add(EVENTS, {"kind": kind, "subject": subject, "detail": "press-1 does not answer", "boot": 1, "time": iso(START_MS)})

    def newest(self) -> int:
        return len(self.all)

    def page(self, kind: str, after: int, limit: int, _wanted: Filter) -> Page:
        found = [document for each, document in self.all if each == kind and document["sequence"] > after]
        return Page(found[:limit], found[:limit][-1]["sequence"] if found else after, more=len(found) > limit)

    # The rest of a RecordSource is not asked for here.
    def meters(self) -> list[dict[str, Any]]:
        raise NotImplementedError

    def batches(self, after: int, limit: int) -> Page:
        raise NotImplementedError

    def completeness(self, from_ms: int | None, to_ms: int | None) -> dict[str, Any]:
        raise NotImplementedError

    def health(self) -> dict[str, Any]:
        raise NotImplementedError


def forwarder(sink: Sink, records: Records, folder: Path) -> Forwarder:
    """Every look at its clock is a minute later, so positions are saved at once; waits are the longest of their range."""
    ticks = itertools.count()
    return Forwarder(sink, records, records.newest, PositionFile(folder, sink.name), random=lambda: 1.0, now_s=lambda: 60.0 * next(ticks))


def until(done: Callable[[], bool], work: Callable[[], object], rounds: int = 200) -> None:
    for _ in range(rounds):
        if done():
            return
        work()
    raise AssertionError("it did not come to an end")


def sequences(documents: Sequence[dict[str, Any]]) -> list[int]:
    return [each["sequence"] for each in documents]
