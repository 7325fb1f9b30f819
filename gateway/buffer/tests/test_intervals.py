"""Interval energies from counter reads, whatever order they arrive in, on real SQLite."""

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gateway.buffer.source import Description
from gateway.buffer.store import Store
from gateway.interfaces import INTERVALS, Filter
from protocols.reading import IMPORTED, ClockSet, Reading, iso, milliseconds_of

T0 = milliseconds_of("2026-03-28T22:00:00Z")
MINUTE = 60_000
QUARTER = 15 * MINUTE


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path, "gw-1", lambda digest: digest, Description("works", "", QUARTER))
    yield opened
    opened.close()


def counter(time_ms: int | None, value: int, *, boot: int = IMPORTED, monotonic_ms: int = 0, meter: str = "main") -> Reading:
    return Reading(meter, boot, monotonic_ms, time_ms, {"active_energy_import": value}, {})


def told(store: Store, limit: int = 1000) -> list[dict[str, Any]]:
    """Every interval document in order, page by page."""
    found: list[dict[str, Any]] = []
    position, more = 0, True
    while more:
        page = store.records.page(INTERVALS, position, limit, Filter())
        assert len(page.documents) <= limit
        found += page.documents
        position, more = page.position, page.more
    return found


def newest(documents: list[dict[str, Any]]) -> dict[str, tuple[str, str | None, str]]:
    """What a consumer ends up with: per end the document that came last."""
    return {each["end"]: (each["start"], each["amount"], each["quality"]) for each in documents}


def test_interval_between_two_boundary_reads(store: Store) -> None:
    """The first read after each boundary counts; reads in between tell nothing; values and times of the reads are named."""
    store.add([counter(T0 + 300, 1000), counter(T0 + MINUTE, 1500), counter(T0 + QUARTER + 200, 4000)])
    store.commit(1)

    (document,) = told(store)
    assert document == {
        "gateway": "gw-1",
        "sequence": 3,
        "meter": "main",
        "quantity": "active_energy_import",
        "unit": "kWh",
        "start": iso(T0),
        "end": iso(T0 + QUARTER),
        "amount": "0.003000",
        "quality": "measured",
        "first": {"time": iso(T0 + 300), "value": "0.001000"},
        "last": {"time": iso(T0 + QUARTER + 200), "value": "0.004000"},
    }


@pytest.mark.parametrize(
    ("reads", "amount", "quality"),
    [
        ([(0, 5), (QUARTER + 2 * MINUTE, 9)], "0.000004", "late"),
        ([(0, 5), (3 * QUARTER, 9)], "0.000004", "gap"),
        ([(0, 5), (QUARTER, 2)], None, "counter_fell"),
    ],
)
def test_quality_says_what_an_amount_is_worth(store: Store, reads: list[tuple[int, int]], amount: str | None, quality: str) -> None:
    """A read long after its boundary, a span of several intervals, and a counter that fell are each said; the last has no amount."""
    store.add([counter(T0 + offset, value) for offset, value in reads])
    store.commit(1)

    assert [(each["amount"], each["quality"]) for each in told(store)] == [(amount, quality)]


def test_late_read_splits_a_gap(store: Store) -> None:
    """A read that arrives later restates the interval it ends and the one that begins with it."""
    store.add([counter(T0, 0), counter(T0 + 2 * QUARTER, 10)])
    store.commit(1)
    position = store.records.page(INTERVALS, 0, 10, Filter()).position
    store.add([counter(T0 + QUARTER, 4)])
    store.commit(2)

    later = store.records.page(INTERVALS, position, 10, Filter()).documents
    assert newest(list(later)) == {
        iso(T0 + QUARTER): (iso(T0), "0.000004", "measured"),
        iso(T0 + 2 * QUARTER): (iso(T0 + QUARTER), "0.000006", "measured"),
    }


def test_reads_without_a_date_come_with_their_clock(store: Store) -> None:
    """A consumer that has read on meanwhile gets the intervals of an undated time once it is dated."""
    store.add([counter(None, 0, boot=1, monotonic_ms=0), counter(None, 3, boot=1, monotonic_ms=QUARTER), counter(T0, 9, meter="other")])
    store.commit(1)
    before = store.records.page(INTERVALS, 0, 10, Filter())
    store.add([counter(T0 + QUARTER, 11, meter="other")])
    store.commit(2)
    between = store.records.page(INTERVALS, before.position, 10, Filter())
    store.add([ClockSet(1, T0, T0 + 2 * QUARTER), counter(T0 + 2 * QUARTER, 8, boot=1, monotonic_ms=2 * QUARTER)])
    store.commit(3)
    after = store.records.page(INTERVALS, between.position, 10, Filter())

    assert [len(page.documents) for page in (before, between, after)] == [0, 1, 2]
    assert told(store) == [*between.documents, *after.documents]
    assert [(each["start"], each["amount"]) for each in after.documents] == [(iso(T0), "0.000003"), (iso(T0 + QUARTER), "0.000005")]


def test_read_that_was_dated_later_is_told_once(store: Store) -> None:
    """Whoever begins after the clock is known gets it with the clock, and not at its own number too."""
    store.add([counter(T0 - QUARTER, 0), counter(None, 3, boot=1)])
    store.commit(1)
    store.add([ClockSet(1, T0, T0 + QUARTER)])
    store.commit(2)

    assert [(each["start"], each["amount"]) for each in told(store)] == [(iso(T0 - QUARTER), "0.000003")]


@pytest.mark.parametrize("seed", range(20))
def test_any_order_and_any_pages_end_the_same(store: Store, seed: int) -> None:
    """Reads of a day in any order, in any groups, pulled meanwhile in pages of any size: in the end the consumer has what order gives."""
    chance = random.Random(seed)
    times = sorted({chance.randrange(96) * QUARTER + chance.choice((0, 500, 5 * MINUTE)) for _ in range(60)})
    reads = [counter(T0 + time, index * 7) for index, time in enumerate(times)]
    chance.shuffle(reads)
    pulled: list[dict[str, Any]] = []
    position = 0
    while reads:
        count = chance.randrange(1, 8)
        store.add(reads[:count])
        store.commit(1)
        del reads[:count]
        page = store.records.page(INTERVALS, position, chance.randrange(1, 5), Filter())
        pulled += page.documents
        position = page.position
    page = store.records.page(INTERVALS, position, 1000, Filter())
    pulled += page.documents

    assert pulled == told(store, chance.randrange(1, 9))
    firsts: dict[int, int] = {}
    for index, time in enumerate(times):
        firsts.setdefault(time // QUARTER, index * 7)
    slots = sorted(firsts)
    expected = {iso(T0 + b * QUARTER): (iso(T0 + a * QUARTER), firsts[b] - firsts[a]) for a, b in pairwise(slots)}
    assert {end: (start, int((amount or "").replace(".", ""))) for end, (start, amount, _) in newest(pulled).items()} == expected


def test_filters_and_other_gateways(store: Store) -> None:
    """A meter and a period filter; another gateway has nothing here; the position goes on all the same."""
    store.add([counter(T0 + index * QUARTER, index, meter=meter) for index in range(5) for meter in ("main", "press-1")])
    store.commit(1)
    of_main = store.records.page(INTERVALS, 0, 100, Filter(meter="main", from_ms=T0 + QUARTER, to_ms=T0 + 2 * QUARTER))
    nothing = store.records.page(INTERVALS, of_main.position, 100, Filter())

    assert [(each["meter"], each["start"]) for each in of_main.documents] == [("main", iso(T0 + QUARTER))]
    assert (list(nothing.documents), nothing.more) == ([], False)
    assert list(store.records.page(INTERVALS, 0, 100, Filter(gateway="gw-2")).documents) == []
