"""The thread that writes: its steps one by one, and once as a thread."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.books import Books
from gateway.buffer import series
from gateway.buffer.store import Store
from gateway.retention import Retention
from gateway.tests.works import KWH, SetClock, counter, ms, open_store, steady, works
from gateway.writer import Writer
from protocols.reading import ClockSet, Reading

NOW = "2026-03-02 08:00"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "data")
    yield opened
    opened.close()


class Desk:
    """A writer whose steps the test takes itself."""

    def __init__(self, folder: Path, store: Store, *, seals: bool = True, unset: bool = False, speed: float = 1.0) -> None:
        self.clock = SetClock(ms(NOW), unset=unset)
        self.books = Books(works(folder), {}, store, self.clock.now_ms)
        self.writer = Writer(store, self.books, self.clock, lambda: seals, speed)


def shifts(store: Store) -> list[str]:
    return [document["shift"] for document in series.figures(store.reader(), 0, 10**15)]


def test_one_round_commits_books_and_seals(tmp_path: Path, store: Store) -> None:
    """In that order: what is sealed has its figure."""
    store.add(steady("main", "2026-03-02 06:00", NOW, KWH))
    Desk(tmp_path, store).writer._work()

    assert store.status().waiting_records == 0
    assert shifts(store) == ["early"]
    assert store.outbox.depth().batches == 1


def test_nothing_is_sealed_before_its_time(tmp_path: Path, store: Store) -> None:
    """Who composes the gateway decides how large batches are."""
    store.add(steady("main", "2026-03-02 06:00", NOW, KWH))
    Desk(tmp_path, store, seals=False).writer._work()

    assert store.outbox.depth().batches == 0


def test_a_fault_in_the_books_stops_neither_the_store_nor_the_batches(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is in the log, and figures come as soon as it is gone."""
    desk = Desk(tmp_path, store)
    store.add(steady("main", "2026-03-02 06:00", NOW, KWH))
    with monkeypatch.context() as broken, caplog.at_level(logging.ERROR):
        broken.setattr(desk.books, "update", lambda _from_ms: 1 / 0)
        desk.writer._work()
    without = (store.status().waiting_records, store.outbox.depth().batches, shifts(store))
    desk.writer._work()

    assert without == (0, 1, [])
    assert "ZeroDivisionError" in caplog.text
    assert shifts(store) == ["early"]


def test_an_import_is_booked_from_its_earliest_counter_on(tmp_path: Path, store: Store) -> None:
    """Whatever came first."""
    desk = Desk(tmp_path, store)
    for from_ms in (500, None, 300, 400):
        desk.writer.changed(from_ms)

    assert desk.writer._changed_from_ms == 300


def test_the_clock_is_recorded_once_it_is_known(tmp_path: Path, store: Store) -> None:
    """A reading from before gets its date by it, and is booked."""
    desk = Desk(tmp_path, store, unset=True)
    store.add([Reading("main", store.boot, 60_000, None, {"active_energy_import": KWH}, {})])
    desk.writer._work()
    undated = series.counters(store.reader(), ["main"], "active_energy_import", 0, 10**15)
    desk.clock.unset, desk.clock.monotonic_ms = False, 120_000
    desk.writer._work()
    desk.writer._work()
    dated = series.counters(store.reader(), ["main"], "active_energy_import", 0, 10**15)

    assert undated == []
    assert [(row.time_ms, row.value) for row in dated] == [(ms(NOW) - 60_000, KWH)]
    assert store.reader().execute("select count(*) from clock").fetchone()[0] == 1


def test_the_record_of_the_clock_says_when_the_boot_began(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wall time less monotonic time."""
    desk = Desk(tmp_path, store)
    desk.clock.monotonic_ms = 90_000
    added: list[object] = []
    monkeypatch.setattr(store, "add", added.extend)
    desk.writer._date()
    desk.writer._date()

    assert added == [ClockSet(store.boot, ms(NOW) - 90_000, ms(NOW))]


def test_what_is_stopped_has_written_everything(tmp_path: Path, store: Store) -> None:
    """The last commit is after the last reading."""
    desk = Desk(tmp_path, store)
    desk.writer.start()
    store.add([counter("main", ms(NOW), KWH)])
    desk.writer.stop()

    assert store.status().waiting_records == 0
    assert not desk.writer._thread.is_alive()


def test_who_hurries_it_need_not_wait_for_the_next_commit(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counters came in, and a shift may hang on them: they are committed although no time has passed on the clock."""
    desk = Desk(tmp_path, store, speed=100.0)
    committed = threading.Event()
    commit = store.commit

    def noticed(now_ms: int) -> object:
        found = commit(now_ms)
        if found.records:
            committed.set()
        return found

    monkeypatch.setattr(store, "commit", noticed)
    desk.writer.start()
    store.add([counter("main", ms(NOW), KWH)])
    early = committed.wait(0.05)
    desk.writer.hurry()
    hurried = committed.wait(10)
    desk.writer.stop()

    assert (early, hurried) == (False, True)


def test_what_space_takes_before_its_age_is_told_once_an_hour(tmp_path: Path) -> None:
    """An event says what goes and what stays, and what to do."""
    store = Store(tmp_path / "data", "gw-1", lambda digest: digest + digest, retention=Retention(free_bytes_min=2**62))
    desk = Desk(tmp_path, store)
    store.add([Reading("main", 1, each, 1_000 + each, {"active_power": each}, {}) for each in range(100)])
    desk.writer._work()
    store.outbox.acknowledge([1], 1)
    for _ in range(3):
        desk.writer._thin()
    desk.writer._work()
    details = [row["detail"] for row in store.reader().execute("select detail from event where kind = 'store_thinned'")]
    store.close()

    assert len(details) == 1
    assert "Counters, events and figures stay" in details[0]
