"""Thinning on real SQLite: what stays, what is signed, what a hub is told, and that tampering is not hidden by it."""

import gzip
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.buffer import rows, sealed, thinning
from gateway.buffer.outbox import THINNED
from gateway.buffer.store import Store
from gateway.buffer.thinning import kept
from gateway.retention import DAY_MS, Retention
from protocols.batch import check
from protocols.reading import IMPORTED, ClockSet, Event, Reading
from protocols.thinning import NOTHING_LEFT, Thinned, holds

HOUR_S = 3600
LATER_MS = 40 * DAY_MS
MUCH_LATER_MS = 500 * DAY_MS
RETENTION = Retention(free_bytes_min=0)


def sign(digest: bytes) -> bytes:
    return digest + digest


def verify(digest: bytes, signature: bytes) -> bool:
    return signature == digest + digest


def level(meter: str, at_s: int, value: int | None = 7) -> Reading:
    values = {} if value is None else {"active_power": value}
    return Reading(meter, 1, at_s * 1000, at_s * 1000 + 5_000_000, values, {} if values else {"active_power": "no_answer"}, 20)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path, "gw-1", sign, retention=RETENTION)
    yield opened
    opened.close()


def fill(store: Store, seconds: int = HOUR_S, acknowledged: bool = True) -> None:
    """Two meters every 10 s with a counter every quarter, a batch a minute."""
    for at_s in range(0, seconds, 10):
        store.add([level("a", at_s), level("b", at_s + 1)])
        if at_s % 900 == 0:
            store.add([Reading("a", 1, at_s * 1000, at_s * 1000 + 5_000_000, {"active_energy_import": at_s}, {}, 20)])
        if at_s % 60 == 50:
            store.commit(at_s * 1000)
            store.outbox.seal(5_000_000 + at_s * 1000)
    if acknowledged:
        store.outbox.acknowledge([row[0] for row in store.reader().execute("select number from batch")], 1)


def thin(store: Store, now_ms: int) -> int:
    dropped = 0
    while done := store.thin(now_ms).dropped:
        dropped += done
    return dropped


def count(store: Store, table: str) -> int:
    return int(store.reader().execute(f'select count(*) from "{table}"').fetchone()[0])


def records(store: Store) -> list[Thinned]:
    return [Thinned(*row) for row in store.reader().execute(f"select {', '.join(Thinned._fields)} from thinning order by number")]


def all_hold(store: Store) -> bool:
    """What `verify` asks of every thinned batch."""
    found = records(store)
    for each in found:
        batch = store.reader().execute("select * from batch where number = ?", (each.number,)).fetchone()
        left = sealed.records_of(store.reader(), batch["first_sequence"], batch["last_sequence"])
        if not holds("gw-1", batch["hash"], each, left, verify):
            return False
    return bool(found)


def test_young_rows_stay(store: Store) -> None:
    """Nothing is done before its age."""
    fill(store)

    assert thin(store, 5_000_000 + 30 * DAY_MS) == 0
    assert count(store, "power") == 720


def test_after_a_month_the_first_row_of_each_minute_stays(store: Store) -> None:
    """A real row of each meter, also where a minute lies in two batches; counters are untouched."""
    fill(store)
    before = {tuple(row) for row in store.reader().execute("select * from power")}
    dropped = thin(store, LATER_MS)
    after = [tuple(row) for row in store.reader().execute("select * from power")]
    minutes = [row[0] for row in store.reader().execute("select time_ms / 60000 from power_a order by 1")]

    assert dropped == 720 - len(after)
    assert set(after) <= before
    assert minutes == sorted(set(minutes))
    assert len(minutes) == 61  # the hour begins within a minute
    assert count(store, "counter") == 4
    assert all_hold(store)


def test_after_a_year_one_row_a_quarter_stays_whatever_was_thinned_before(store: Store) -> None:
    """Thinning in two steps and at once leave the same rows."""
    fill(store)
    thin(store, LATER_MS)
    thin(store, MUCH_LATER_MS)

    assert count(store, "power_a") == 5
    assert 900 in {each.grain_s for each in records(store)}
    assert all_hold(store)


def test_tampering_with_a_thinned_batch_shows(store: Store) -> None:
    """A changed value, a row that goes, and a grain that is claimed: the signed record holds for none of them."""
    fill(store)
    thin(store, LATER_MS)
    for statement in (
        "update power set active_power = 8 where sequence = (select min(sequence) from power)",
        "delete from power where sequence = (select max(sequence) from power)",
        "update counter set active_energy_import = 1",
        "update thinning set dropped = dropped + 1 where number = 2",
    ):
        store._db.execute("begin")
        store._db.execute(statement)
        assert not all_hold_in(store)
        store._db.execute("rollback")
    assert all_hold(store)


def all_hold_in(store: Store) -> bool:
    """As `all_hold`, seen by the writer in its open transaction."""
    readers, store._readers = store._readers, _Writing(store)  # type: ignore[assignment]
    try:
        return all_hold(store)
    finally:
        store._readers = readers
        store._db.conn.row_factory = None


class _Writing:
    def __init__(self, store: Store) -> None:
        self._connection = store._db.conn

    def get(self) -> object:
        self._connection.row_factory = sqlite3.Row
        return self._connection


def test_a_batch_that_was_tampered_with_is_not_thinned(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """A signed record over altered rows would make them sound."""
    fill(store)
    with store._db.atomic():
        store._db.execute("update power set active_power = 8 where sequence = 9")
    thin(store, LATER_MS)

    assert 1 not in {each.number for each in records(store)}
    assert "batch 1 is not thinned" in caplog.text


def test_what_no_hub_has_waits_for_it(store: Store) -> None:
    """Age alone takes nothing that was not acknowledged."""
    fill(store, acknowledged=False)

    assert thin(store, MUCH_LATER_MS) == 0
    assert count(store, "power") == 720


def test_without_a_hub_age_thins_and_a_later_hub_gets_signed_tombstones(tmp_path: Path) -> None:
    """A site that never had a hub does not fill its card; what is gone is said under its number."""
    store = Store(tmp_path, "gw-1", sign, retention=Retention(free_bytes_min=0, has_hub=False))
    fill(store, 600, acknowledged=False)
    thin(store, LATER_MS)
    bodies = [json.loads(gzip.decompress(batch.content)) for batch in store.outbox.waiting(100)]
    store.close()

    assert {body["tombstone"]["reason"] for body in bodies} == {THINNED}
    for body in bodies:
        check(body, verify)


def test_short_of_space_the_acknowledged_go_first_and_counters_never(tmp_path: Path) -> None:
    """Coarser and coarser; only when nothing acknowledged is left, batches that no hub has, as tombstones."""
    store = Store(tmp_path, "gw-1", sign, retention=Retention(free_bytes_min=2**62))
    fill(store, 1200)
    store.add([level("a", 2000 + each) for each in range(20)])
    store.add([Event("x", "a", "", 1, 0, 5_000_000)])
    store.commit(1)
    store.outbox.seal(6_000_000)
    unacknowledged = store.outbox.last_number()
    order = []
    while (done := store.thin(7_000_000)).dropped:
        order.append((done.tombstones > 0, max(each.grain_s for each in records(store)), done.early))
    (tombstone,) = [json.loads(gzip.decompress(batch.content)) for batch in store.outbox.waiting(9)]
    left = (count(store, "power"), count(store, "counter"), count(store, "event"))
    is_sound = all_hold(store)
    store.close()

    assert order[0] == (False, 60, True)
    assert order[2] == (False, NOTHING_LEFT, True)
    assert [tombstones for tombstones, *_ in order] == sorted(tombstones for tombstones, *_ in order)
    assert (tombstone["number"], tombstone["tombstone"]["reason"]) == (unacknowledged, THINNED)
    assert left == (0, 2, 1)
    assert is_sound


def test_the_file_gives_back_what_thinning_freed(store: Store) -> None:
    """Slice by slice, down to a tenth of it that new rows fill."""
    wide = {
        f"{kind}_l{phase}": 9_000_000 for kind in ("active_power", "reactive_power", "apparent_power", "current") for phase in (1, 2, 3)
    }
    for at_s in range(0, 12 * HOUR_S, 10):
        store.add([level("a", at_s)._replace(values=wide)])
        store.commit(at_s * 1000)
        if at_s % 600 == 590:
            store.outbox.seal(5_000_000 + at_s * 1000)
    store.outbox.acknowledge([row[0] for row in store.reader().execute("select number from batch")], 1)
    before = store._db.execute("pragma page_count").fetchone()[0]
    thin(store, MUCH_LATER_MS)
    after, free = (store._db.execute(f"pragma {name}").fetchone()[0] for name in ("page_count", "freelist_count"))

    assert after < before / 2
    assert free <= after / thinning.FREE_SHARE_MAX + 1


def test_a_slice_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever waits, one slice takes no more than its records and a batch."""
    monkeypatch.setattr(thinning, "SLICE_RECORDS", 24)
    fill(store)

    assert 0 < store.thin(LATER_MS).dropped <= 24


def test_a_body_is_made_again_from_rows_that_got_their_date_later(tmp_path: Path) -> None:
    """They were sealed without one, and that is what their digest is of."""
    store = Store(tmp_path, "gw-1", sign)
    store.add([level("a", 1)._replace(time_ms=None), level("a", 2)._replace(boot=IMPORTED)])
    store.commit(1)
    store.outbox.seal(10)
    (before,) = store.outbox.waiting(1)
    store.add([ClockSet(1, 1_000_000, 1_000_900)])
    store.commit(2)
    store.outbox._at_hand.clear()
    (after,) = store.outbox.waiting(1)
    dated = [reading.time_ms for reading in rows.readings(store.reader(), 0, 9)]
    store.close()

    assert before == after
    assert None not in dated


def test_rows_that_were_altered_leave_as_a_tombstone_that_says_so(store: Store) -> None:
    """A hub is told rather than sent what was never sealed."""
    fill(store, 60, acknowledged=False)
    with store._db.atomic():
        store._db.execute("update power set active_power = 8 where sequence = 1")
    store.outbox._at_hand.clear()
    (batch,) = store.outbox.waiting(1)

    assert "no longer those that were sealed" in json.loads(gzip.decompress(batch.content))["tombstone"]["reason"]


def test_a_row_with_values_stands_for_its_minute_before_one_without() -> None:
    """A meter that failed once in a minute was measured in it."""
    numbered = [each._replace(sequence=at) for at, each in enumerate((level("a", 0, None), level("a", 10), level("b", 20, None)), 1)]

    assert kept(numbered, 60_000, []) == {2, 3}
    assert kept(numbered, 60_000, [level("a", 3)]) == {3}
