"""Curves, counters, events and versions as people look at them, from a real store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.buffer import history
from gateway.buffer.store import Store
from gateway.interfaces import Bucket, CounterValue, EventFilter
from protocols.reading import Event, Figure, Reading

MINUTE_MS = 60_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path, "gw-1", lambda digest: digest)
    yield opened
    opened.close()


def _power(store: Store, meter: str, *rows: tuple[int, int | None]) -> None:
    store.add(
        [
            Reading(meter, 1, 0, at, {} if mw is None else {"active_power": mw}, {"active_power": "no_answer"} if mw is None else {}, 5)
            for at, mw in rows
        ]
    )
    store.commit(0)


def test_bucket_has_mean_least_and_most(store: Store) -> None:
    """Buckets count from the beginning of the stretch; a failed poll is no zero; an empty bucket is not there."""
    _power(store, "main", (1_000, 10), (2_000, 30), (3_000, None), (2 * MINUTE_MS + 1_000, -5), (9 * MINUTE_MS, 7))

    found = history.curve(store.reader(), ["main"], "active_power", 1_000, 5 * MINUTE_MS, MINUTE_MS)

    assert found == [Bucket(1_000, 20, 10, 30), Bucket(2 * MINUTE_MS + 1_000, -5, -5, -5)]


def test_curve_goes_on_under_an_earlier_name(store: Store) -> None:
    """A renamed meter keeps its history."""
    _power(store, "incoming", (0, 1))
    _power(store, "main", (MINUTE_MS, 2))

    found = history.curve(store.reader(), ["main", "incoming"], "active_power", 0, 2 * MINUTE_MS, MINUTE_MS)

    assert [bucket.mean for bucket in found] == [1, 2]


@pytest.mark.parametrize(("meter", "quantity"), [("nobody", "active_power"), ("main", "frequency")])
def test_what_was_never_measured_is_an_empty_curve(store: Store, meter: str, quantity: str) -> None:
    """A meter without rows, and a quantity it does not have."""
    _power(store, "main", (0, 1))

    assert history.curve(store.reader(), [meter], quantity, 0, MINUTE_MS, MINUTE_MS) == []


def test_curve_of_a_counter_is_refused(store: Store) -> None:
    """What only grows has no mean; and no text of an address becomes a column."""
    with pytest.raises(ValueError, match="is no level"):
        history.curve(store.reader(), ["main"], "active_energy_import", 0, 1, 1)


def test_counter_leaves_out_what_could_not_be_read(store: Store) -> None:
    """Readings in time order."""
    store.add([Reading("main", 1, 0, at, {"active_energy_import": at}, {}, 5) for at in (2_000, 1_000)])
    store.add([Reading("main", 1, 0, 1_500, {}, {"active_energy_import": "no_answer"}, None)])
    store.commit(0)

    found = history.counter(store.reader(), ["main"], "active_energy_import", 0, 5_000)

    assert found == [CounterValue(1_000, 1_000), CounterValue(2_000, 2_000)]


def test_events_are_filtered_newest_first(store: Store) -> None:
    """By kind, by meter with its alarms, and before the oldest one seen."""
    told = (("meter_absent", "main"), ("alarm_raised", "over_current:main"), ("alarm_raised", "sync_lag:"), ("meter_back", "main"))
    store.add([Event(kind, subject, "said", 1, index, index) for index, (kind, subject) in enumerate(told)])
    store.commit(0)
    reader = store.reader()

    everything = history.events(reader, EventFilter())
    assert [event.kind for event in everything] == ["meter_back", "alarm_raised", "alarm_raised", "meter_absent"]
    assert [event.kind for event in history.events(reader, EventFilter(meter="main"))] == ["meter_back", "alarm_raised", "meter_absent"]
    assert [event.subject for event in history.events(reader, EventFilter(kind="alarm_raised", limit=1))] == ["sync_lag:"]
    assert history.events(reader, EventFilter(before=everything[1].sequence)) == everything[2:]
    assert history.event_kinds(reader) == ["alarm_raised", "meter_absent", "meter_back"]


def test_versions_of_one_figure_newest_first(store: Store) -> None:
    """Only those of the shift and line that was asked for."""

    def figure(version: int, shift: str = "early", line: str | None = None) -> Figure:
        return Figure(f"{shift}{line}", 100, 200, version, version, {"version": version, "shift": shift, "production_line": line})

    store.add([figure(1), figure(2), figure(1, "late"), figure(1, line="press")])
    store.commit(0)

    assert [each["version"] for each in history.versions(store.reader(), 100, "early", "")] == [2, 1]
    assert len(history.versions(store.reader(), 100, "early", "press")) == 1
    assert history.versions(store.reader(), 101, "early", "") == []
