"""Forwarding whatever the other system does: nothing lost, nothing out of order, one bad document set aside, places kept."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.deliver.sinks.forwarder import LOOK_S, REJECTED_MAX, WAIT_S_MAX
from gateway.deliver.sinks.sink import AwayError, Document, RejectedError
from gateway.deliver.tests.forwarding import Records, forwarder, sequences, until
from gateway.interfaces import EVENTS, READINGS


class Sink:
    """Takes documents, unless it is told to be away or to reject some."""

    name = "fake"
    kinds = (READINGS, EVENTS)
    page_size = 8

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.away = ""
        self.wait_s: float | None = None
        self.rejected: set[int] = set()
        self.unready: set[int] = set()
        self.offered = 0
        self.closed = False

    def is_ready(self, document: Document) -> bool:
        return document["sequence"] not in self.unready

    def wants(self, kind: str, document: Document) -> bool:
        return document.get("kind") != "dull"

    def take(self, kind: str, documents: Sequence[Document]) -> None:
        self.offered += 1
        if self.away:
            raise AwayError(self.away, self.wait_s)
        if any(each["sequence"] in self.rejected for each in documents):
            raise RejectedError("that is not JSON")
        self.taken += [dict(each) for each in documents]

    def refresh(self) -> None:
        if self.away:
            raise AwayError(self.away, self.wait_s)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def records() -> Records:
    return Records()


def begun(sink: Sink, records: Records, folder: Path) -> Any:
    """A forwarder that has had its first look, so that what comes from now on is its business."""
    made = forwarder(sink, records, folder)
    made.work()
    return made


def test_new_system_begins_with_what_comes(tmp_path: Path, records: Records) -> None:
    """What was stored before the first start is not poured out; what comes after is, in order, and then it rests."""
    records.readings(100)
    sink = Sink()
    forward = begun(sink, records, tmp_path)
    records.readings(30)
    waits = [forward.work() for _ in range(5)]

    assert sequences(sink.taken) == list(range(101, 131))
    assert waits == [0.0, 0.0, 0.0, 0.0, LOOK_S]
    assert (forward.status().state, forward.status().delivered, forward.status().behind) == ("reachable", 30, 0)


def test_outage_loses_nothing_and_a_restart_goes_on(tmp_path: Path, records: Records) -> None:
    """While the system is away waits grow to a bound and the sentence says why; another process goes on where this one was."""
    sink = Sink()
    forward = begun(sink, records, tmp_path)
    records.readings(20)
    forward.work()
    sink.away = "nobody there"
    records.readings(2000)
    waits = [forward.work() for _ in range(9)]
    status = forward.status()
    sink.away = ""
    again = forwarder(sink, records, tmp_path)
    until(lambda: len(sink.taken) >= 2020, again.work, 400)

    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, WAIT_S_MAX, WAIT_S_MAX, WAIT_S_MAX]
    assert (status.state, status.sentence, status.behind) == ("unreachable", "nobody there", 2012)
    assert sequences(sink.taken) == list(range(1, 2021))


def test_system_may_ask_for_a_pause(tmp_path: Path, records: Records) -> None:
    """What it wishes is heeded within the bound."""
    sink = Sink()
    forward = begun(sink, records, tmp_path)
    sink.away, waits = "later", []
    for sink.wait_s in (30.0, 10.0**6):
        waits.append(forward.work())

    assert waits == [30.0, WAIT_S_MAX]


def test_one_bad_document_is_set_aside(tmp_path: Path, records: Records) -> None:
    """A document that is rejected alone is offered a bounded number of times; all others arrive in order, each once."""
    sink = Sink()
    forward = begun(sink, records, tmp_path)
    records.readings(20)
    sink.rejected = {5}
    until(lambda: len(sink.taken) == 19, forward.work)

    assert sequences(sink.taken) == [number for number in range(1, 21) if number != 5]
    assert forward.status().set_aside == 1
    assert sink.offered < 20 + 2 * REJECTED_MAX


def test_document_that_is_not_ready_holds_its_kind_only(tmp_path: Path, records: Records) -> None:
    """What must wait for its date keeps those behind it waiting, and no other kind."""
    sink = Sink()
    forward = begun(sink, records, tmp_path)
    records.readings(3)
    records.event("swap")
    records.event("dull")
    sink.unready = {2}
    for _ in range(3):
        forward.work()
    held = sequences(sink.taken)
    sink.unready = set()
    forward.work()

    assert held == [1, 4]
    assert sequences(sink.taken) == [1, 4, 2, 3]


def test_new_store_is_forwarded_from_its_beginning(tmp_path: Path, records: Records) -> None:
    """A place beyond the newest record belongs to a store that is gone."""
    sink = Sink()
    forward = begun(sink, records, tmp_path)
    records.readings(50)
    until(lambda: len(sink.taken) == 50, forward.work)
    fresh = Records()
    fresh.readings(3)
    again = forwarder(sink, fresh, tmp_path)
    again.work()

    assert sequences(sink.taken[50:]) == [1, 2, 3]


def test_broken_place_file_is_said_and_replaced(tmp_path: Path, records: Records, caplog: pytest.LogCaptureFixture) -> None:
    """It begins with what comes from now on, and the log says so."""
    (tmp_path / "forward-fake.json").write_text("[")
    records.readings(9)
    sink = Sink()
    forward = begun(sink, records, tmp_path)
    records.readings(1)
    forward.work()

    assert sequences(sink.taken) == [10]
    assert "cannot be read" in caplog.text


@pytest.mark.parametrize("seed", range(10))
def test_any_mix_of_outages_and_restarts(tmp_path: Path, records: Records, seed: int) -> None:
    """Outages, restarts and bad documents in any order: in the end everything else has arrived at least once, first times in order."""
    chance = random.Random(seed)
    sink = Sink()
    forward = begun(sink, records, tmp_path)
    for _ in range(60):
        act = chance.randrange(6)
        if act == 0:
            sink.away = chance.choice(("", "away"))
        elif act == 1:
            forward = forwarder(sink, records, tmp_path)
        elif act == 2:
            records.readings(chance.randrange(30))
            sink.rejected.add(records.newest())
        forward.work()
    sink.away = ""
    until(lambda: forward.status().behind == 0 and forward.work() == LOOK_S, forward.work, 2000)

    first_times = list(dict.fromkeys(sequences(sink.taken)))
    assert first_times == sorted(set(range(1, records.newest() + 1)) - sink.rejected)
