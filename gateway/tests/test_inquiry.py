"""What people ask of the running gateway, from a real store: histories under earlier names, and a doctor that keeps nobody waiting."""

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.buffer.store import Store
from gateway.inquiry import BUSES_EVERY_MS, Inquiry
from gateway.interfaces import EventFilter
from gateway.status import MeterDetail
from gateway.tests.works import open_store, works
from protocols.reading import Event, Reading

# A thread of this program that looks through an empty day.
SOON_S = 10


class Lines:
    """Stands for the lines of a site whose meters are fed by hand."""

    def __init__(self) -> None:
        self.reason = ""

    def meters(self) -> dict[str, Any]:
        return {}

    def read_now(self, name: str) -> Any:
        class Result:
            reason = self.reason

        return Result()


class Bench:
    def __init__(self, folder: Path) -> None:
        self.store: Store = open_store(folder)
        self.now_ms = 10**12
        self.lines = Lines()
        metering = SimpleNamespace(site=works(folder), acquisition=self.lines)
        self.inquiry = Inquiry(self.store, lambda: metering, lambda: self.now_ms)  # type: ignore[arg-type, return-value]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


def test_history_goes_on_under_the_earlier_name(bench: Bench) -> None:
    """Power and counter of a renamed meter stand in one curve."""
    bench.store.add([Reading("incoming", 1, 0, 1_000, {"active_power": 5, "active_energy_import": 7}, {}, 1)])
    bench.store.commit(0)

    assert [bucket.mean for bucket in bench.inquiry.curve("main", "active_power", 0, 60_000, 60_000)] == [5]
    assert [reading.value for reading in bench.inquiry.counter("main", "active_energy_import", 0, 60_000)] == [7]


def test_meter_without_a_line_has_no_wire_to_show(bench: Bench) -> None:
    """Nothing was ever sent to it, and no wiring is judged."""
    assert (bench.inquiry.detail("main"), list(bench.inquiry.wiring("main"))) == (MeterDetail(), [])


def test_read_now_says_why_it_brought_nothing(bench: Bench) -> None:
    """The reason is handed on; "" is an answer."""
    good = bench.inquiry.read_now("main")
    bench.lines.reason = "no_answer"

    assert (good, bench.inquiry.read_now("main")) == ("", "no_answer")


def test_events_come_from_the_store(bench: Bench) -> None:
    """With their kinds to choose from."""
    bench.store.add([Event("meter_absent", "main", "It does not answer.", 1, 0, 5)])
    bench.store.commit(0)

    assert [event.subject for event in bench.inquiry.events(EventFilter())] == ["main"]
    assert list(bench.inquiry.event_kinds()) == ["meter_absent"]


def test_bus_doctor_looks_in_the_background(bench: Bench) -> None:
    """The first to ask waits for nothing and is told so; the verdict is kept for a while, then looked at anew."""
    first = bench.inquiry.buses()
    until = time.monotonic() + SOON_S
    while bench.inquiry.buses() is None and time.monotonic() < until:
        time.sleep(0.01)
    kept = bench.inquiry.buses()
    bench.now_ms += BUSES_EVERY_MS

    assert (first, kept) == (None, [])
    assert bench.inquiry.buses() == []  # the old verdict, while the new one is made
