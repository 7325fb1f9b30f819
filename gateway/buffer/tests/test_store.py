"""The store on real SQLite: commits, sequence, dates given later, reopening, a full disk."""

import gzip
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from gateway.buffer import rows, series, sieve
from gateway.buffer.chain import as_sealed
from gateway.buffer.outbox import _sealed
from gateway.buffer.schema import READING_COLUMNS, migrations
from gateway.buffer.store import Store, StoreError
from gateway.interfaces import EVENTS, FIGURES, METERS, READINGS, Filter
from protocols.batch import SealedBatch, canonical, check, link_hash
from protocols.reading import ClockSet, Event, Figure, Reading, SiteDescription

SIGNATURE = b"s" * 64


def waiting(store: Store, count: int) -> list[SealedBatch]:
    """The batches in the outbox, unpacked."""
    return [_sealed(batch) for batch in store.outbox.waiting(count)]


def sign(digest: bytes) -> bytes:
    return digest + digest


def power(meter: str, time_ms: int | None, **values: int) -> Reading:
    return Reading(meter, 1, 5, time_ms, values, {}, 20)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "data", "gw-1", sign)
    yield opened
    opened.close()


def counters(store: Store, meter: str, quantity: str = "active_energy_import") -> list[tuple[int, int | None, str]]:
    return [(row.time_ms, row.value, row.reason) for row in series.counters(store.reader(), [meter], quantity, 0, 10**15)]


def test_a_reading_with_counters_and_levels_lies_in_two_tables_under_two_numbers(store: Store) -> None:
    """Counters are kept for ever and power is thinned, so they are separate records."""
    store.add([power("main", 1000, active_power=7, active_energy_import=9)])
    committed = store.commit(2000)

    assert committed == (2, 1000)
    assert [document["sequence"] for document in store.records.page(READINGS, 0, 10, Filter()).documents] == [1, 2]
    assert counters(store, "main") == [(1000, 9, "")]


def test_columns_come_with_the_first_measurement(store: Store) -> None:
    """A quantity that a meter gives later becomes a column; earlier rows hold null there."""
    store.add([power("main", 1000, active_power=7)])
    store.commit(1)
    store.add([power("main", 2000, active_power=8, frequency=50_000)])
    store.commit(2)

    rows = store.reader().execute('select time_ms, active_power, frequency from "power_main"').fetchall()
    assert [tuple(row) for row in rows] == [(1000, 7, None), (2000, 8, 50_000)]


def test_nothing_is_visible_before_it_is_committed(store: Store) -> None:
    """What a power cut could still take is shown to nobody."""
    store.add([power("main", 1000, active_power=7)])

    assert store.records.page(READINGS, 0, 10, Filter()).documents == []
    assert store.status().waiting_records == 1


def test_sequence_goes_on_without_gaps_after_a_restart(tmp_path: Path) -> None:
    """The boot number rises, the sequence continues where the last commit ended."""
    first = Store(tmp_path, "gw-1", sign)
    first.add([power("main", 1000, active_power=7)])
    first.commit(1)
    first.add([power("main", 2000, active_power=8)])  # never committed: lost, and its number is not
    first.close()
    second = Store(tmp_path, "gw-1", sign)
    second.add([power("main", 3000, active_power=9)])
    second.commit(2)
    documents = second.records.page(READINGS, 0, 10, Filter()).documents

    assert (first.boot, second.boot) == (1, 2)
    assert [(document["sequence"], document["time"]) for document in documents] == [
        (1, "1970-01-01T00:00:01Z"),
        (2, "1970-01-01T00:00:03Z"),
    ]
    assert second.status().readings_stored == 2
    second.close()


def test_readings_without_a_date_get_one_when_the_clock_is_known(store: Store) -> None:
    """They keep their number, and the engine learns from when on counters changed."""
    store.add([power("main", None, active_energy_import=9, active_power=1)])
    store.commit(1)
    waiting = counters(store, "main")
    store.add([ClockSet(boot=1, offset_ms=1_000_000, known_at_ms=1_000_900)])
    committed = store.commit(2)

    assert waiting == []
    assert committed.changed_from_ms == 1_000_005
    assert counters(store, "main") == [(1_000_005, 9, "")]
    assert [d["sequence"] for d in store.records.page(READINGS, 0, 10, Filter()).documents] == [1, 2]


def test_records_stay_as_they_were_sealed_whenever_their_date_is_known(store: Store) -> None:
    """One dated by the clock record, before it or after it, was sealed without; one with the same date of its own, with it."""
    own = power("main", 1_000_005, active_power=1)
    store.add([own, power("main", None, active_power=2), ClockSet(1, 1_000_000, 1_000_900)])
    store.commit(1)
    store.add([power("main", None, active_power=3)])
    store.commit(2)
    sealed = [record for record in as_sealed(store.reader(), 0) if isinstance(record, Reading)]

    assert [each["time"] for each in store.records.page(READINGS, 0, 10, Filter()).documents] == 3 * ["1970-01-01T00:16:40.005Z"]
    assert [(record.sequence, record.time_ms) for record in sealed] == [(1, 1_000_005), (2, None), (4, None)]


def test_a_reading_after_an_outage_reaches_back_to_the_one_before(store: Store) -> None:
    """The figures inside the outage change with it, however long it was."""
    store.add([power("main", 1_000, active_energy_import=1), power("other", 9_000_000_000, active_energy_import=1)])
    store.commit(1)
    store.add([power("main", 9_000_000_000, active_energy_import=5)])

    assert store.commit(2).changed_from_ms == 1_000


def test_no_reading_is_kept_with_its_reason(store: Store) -> None:
    """A meter that refused a counter leaves a row that says so, not a zero."""
    store.add([Reading("main", 1, 5, 1000, {}, {"active_energy_import": "exception_2"})])
    store.commit(1)

    assert counters(store, "main") == [(1000, None, "exception_2")]


def test_batches_are_chained_and_hold_every_record_once(store: Store) -> None:
    """Sealing covers all committed records of every kind in sequence order, and a batch checks out."""
    store.add([power("main", 1000, active_power=7), Event("meter", "main", "It answers.", 1, 5, 1000)])
    store.commit(1)
    store.outbox.seal(10)
    figure = Figure("k", 0, 10, 1, 5, {"sha256": "x"}, known_sequence=3)
    store.add([SiteDescription(5, {"meters": []}), figure, ClockSet(1, 2, 3)])
    store.commit(2)
    store.outbox.seal(20)
    first, second = waiting(store, 10)

    for batch in (first, second):
        check(batch.body, lambda digest, signature: signature == digest + digest)
    assert (first.first_sequence, first.last_sequence, second.first_sequence, second.last_sequence) == (1, 2, 3, 5)
    assert second.body["previous"] == first.hash
    assert second.body["figures"] == [{"sequence": 4, "known_sequence": 3, "figure": {"sha256": "x"}}]
    assert store.outbox.seal(30) == 0


def test_an_acknowledged_batch_leaves_the_queue_and_its_digest_stays(store: Store) -> None:
    """Acknowledging twice changes nothing."""
    store.add([power("main", 1000, active_power=7)])
    store.commit(1)
    store.outbox.seal(10)
    store.outbox.acknowledge([1], 50)
    store.outbox.acknowledge([1], 60)

    assert store.outbox.waiting(10) == []
    assert store.outbox.depth() == (0, 0, None, 50, 1, 1, 0)
    assert store.reader().execute("select body, length(hash) from batch").fetchone()[:] == (None, 64)


def test_a_refused_batch_is_replaced_by_a_tombstone_and_its_body_is_kept(store: Store) -> None:
    """The queue goes on; the next batch still links to the hash of the refused one."""
    store.add([power("main", 1000, active_power=7)])
    store.commit(1)
    store.outbox.seal(10)
    store.add([power("main", 2000, active_power=7)])
    store.commit(2)
    store.outbox.seal(20)
    original = waiting(store, 1)[0]
    store.outbox.refuse(1, "422: too old")
    tombstone, following = waiting(store, 2)

    assert tombstone.body["tombstone"] == {"hash": original.hash, "reason": "422: too old"}
    assert tombstone.body["readings"] == []
    assert following.body["previous"] == link_hash(tombstone.body) == original.hash
    assert store.reader().execute("select refused, refused_body is null from batch where number = 1").fetchone()[:] == ("422: too old", 0)
    tombstones = store.records.completeness(None, None)["gateways"][0]["tombstones"]
    assert [(each["number"], each["first_sequence"], each["reason"]) for each in tombstones] == [(1, 1, "422: too old")]


def test_a_refused_batch_is_shown_and_sent_again_on_demand(store: Store) -> None:
    """What was refused is listed with its reason; a replay puts the batch itself back into the queue, once."""
    store.add([power("main", 1000, active_power=7)])
    store.commit(1)
    store.outbox.seal(10)
    original = waiting(store, 1)[0]
    store.outbox.refuse(1, "422: too old")
    store.outbox.acknowledge([1], 50)
    (refused,) = store.outbox.refused()
    replayed = [store.outbox.replay(number) for number in (1, 1, 2)]

    assert refused[:5] == (1, 1, 1, 10, "422: too old")
    assert refused.body_bytes > 100
    assert replayed == [True, False, False]
    assert waiting(store, 1) == [original]
    assert (store.outbox.refused(), store.outbox.depth().refused) == ([], 0)


def test_a_full_disk_keeps_records_in_memory_and_says_so(store: Store) -> None:
    """Nothing is lost: once there is room, the same records are committed."""
    pages = store._db.execute("pragma page_count").fetchone()[0]
    store._db.execute(f"pragma max_page_count = {pages}")
    store.add([power("main", index, active_power=index) for index in range(20_000)])
    failed = store.commit(1)
    status = store.status()
    store._db.execute("pragma max_page_count = 1000000000")
    written = store.commit(2)

    assert failed == (0, None)
    assert (status.state, status.waiting_records) == ("full", 20_000)
    assert "Make room" in status.sentence
    assert written.records == 20_000
    assert store.status().state == "ok"


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    """A file where the folder should be stands for any folder that cannot be made."""
    (tmp_path / "data").write_text("")

    with pytest.raises(StoreError, match="cannot be opened for writing"):
        Store(tmp_path / "data", "gw-1", sign)


def test_importing_again_finds_nothing_new(store: Store) -> None:
    """Known values are counted, contradictions are reported with all values, new ones go through."""
    store.add([power("main", 1000, active_energy_import=9, active_power=3)])
    store.commit(1)
    rows = [
        power("main", 1000, active_energy_import=9),
        power("main", 1000, active_power=3),
        power("main", 2000, active_energy_import=10),
        power("main", 2000, active_energy_import=10),
        power("main", 1000, active_energy_import=8),
    ]
    sifted = sieve.sift(store.reader(), rows)

    assert [(r.time_ms, dict(r.values)) for r in sifted.new] == [(2000, {"active_energy_import": 10}), (1000, {"active_energy_import": 8})]
    assert sifted.known == 3
    assert sifted.conflicts == [("main", "active_energy_import", 1000, (9, 8))]


def test_pages_skip_nothing_and_repeat_nothing(store: Store) -> None:
    """Small pages over several tables give each record once, in sequence order, filters included."""
    for index in range(1, 40):
        store.add([power(f"m{index % 3}", index * 1000, active_power=index), Event("x", "m1", "", 1, 0, index * 1000)])
        store.commit(index)
    seen, position = [], 0
    while True:
        page = store.records.page(READINGS, position, 7, Filter(meter="m1"))
        seen += [document["time"] for document in page.documents]
        position = page.position
        if not page.more:
            break

    assert len(seen) == len(set(seen)) == 13
    assert seen == sorted(seen)
    assert len(store.records.page(EVENTS, 0, 100, Filter(from_ms=10_000, to_ms=12_000)).documents) == 2


def test_figures_as_known_at_an_instant(store: Store) -> None:
    """An older version comes back exactly when asked as it was known then."""
    store.add([Figure("k", 0, 100, 1, 1000, {"version": 1})])
    store.commit(1)
    store.add([Figure("k", 0, 100, 2, 2000, {"version": 2})])
    store.commit(2)

    assert series.published(store.reader(), 0, 100) == [{"version": 2}]
    assert series.published(store.reader(), 0, 100, as_known_at_ms=1999) == [{"version": 1}]
    assert series.published(store.reader(), 0, 100, as_known_at_ms=999) == []
    assert series.newest_by_key(store.reader(), 50, 60) == {"k": {"version": 2}}
    assert series.newest_by_key(store.reader(), 100, 200) == {}


def test_the_body_in_the_outbox_is_the_canonical_form(store: Store) -> None:
    """Packing and unpacking a batch gives the very bytes that were hashed."""
    store.add([power("main", 1000, active_power=7)])
    store.commit(1)
    store.outbox.seal(10)
    batch = store.outbox.newest()

    assert batch is not None
    assert batch == store.outbox.waiting(1)[0]
    assert gzip.decompress(batch.content) == canonical(json.loads(gzip.decompress(batch.content)))


def test_a_second_writer_of_the_same_file_waits_and_then_says_why(store: Store, tmp_path: Path) -> None:
    """SQLite itself refuses; the process lock in compose is the first defence, this is the second."""
    store._db.execute("begin immediate")
    other = sqlite3.connect(tmp_path / "data" / "shiftwatt.db", timeout=0)

    with pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("update number set value = 0")
    other.close()
    store._db.execute("rollback")


def test_a_store_with_a_table_per_meter_becomes_one_with_views(tmp_path: Path) -> None:
    """Every reading of before is there to the last field, under its number, and an old file gives space back too."""
    old = sqlite3.connect(tmp_path / "shiftwatt.db")
    db = Database(old)
    migrations.apply(db, stop_before="one_power_table")
    columns = {**READING_COLUMNS, "active_power": int}
    for meter in ("main", "hall-2"):
        db.table(f"power_{meter}").create(columns, pk="sequence").create_index(["time_ms"])
    missing = '{"frequency":"no_answer"}'
    rows_of_old = [
        ("main", 1, 1, 5, 1005, 20, None, 7),
        ("hall-2", 2, 2, 5, 2005, 20, None, 8),
        ("main", 3, 1, 9, 1010, None, missing, None),
    ]
    for meter, *values in rows_of_old:
        db.table(f"power_{meter}").insert(dict(zip(columns, values, strict=True)))
    db.table("clock").insert({"sequence": 4, "boot": 1, "offset_ms": 1001, "known_at_ms": 9})
    db.execute("update number set value = 5 where name = 'next_sequence'")
    old.commit()
    db.close()
    store = Store(tmp_path, "gw-1", sign)
    found = list(rows.readings(store.reader(), 0, 10))
    sealed = [record.time_ms for record in as_sealed(store.reader(), 0) if isinstance(record, Reading)]
    view = store.reader().execute("select time, active_power from power_main order by sequence").fetchall()
    settings = [store._db.execute(f"pragma {name}").fetchone()[0] for name in ("auto_vacuum", "page_size", "journal_mode")]
    store.close()

    assert found == [
        Reading("main", 1, 5, 1005, {"active_power": 7}, {}, 20, 1),
        Reading("hall-2", 2, 5, 2005, {"active_power": 8}, {}, 20, 2),
        Reading("main", 1, 9, 1010, {}, {"frequency": "no_answer"}, None, 3),
    ]
    assert sealed == [1005, 2005, None]  # the last one got its date from the clock record
    assert [tuple(row) for row in view] == [("1970-01-01T00:00:01.005Z", 7), ("1970-01-01T00:00:01.010Z", None)]
    assert settings == [2, 2048, "wal"]


def test_meters_are_served_page_by_page_as_the_newest_site_declares_them(store: Store) -> None:
    """A page goes on where the last one ended; after a new declaration its meters come again, also to who had the old ones."""
    store.add([SiteDescription(5, {"meters": [{"meter": "main"}, {"meter": "press"}]})])
    store.commit(10)
    first = store.records.page(METERS, 0, 1, Filter())
    rest = store.records.page(METERS, first.position, 1, Filter())
    store.add([SiteDescription(20, {"meters": [{"meter": "main"}, {"meter": "oven"}]})])
    store.commit(20)
    later = store.records.page(METERS, rest.position, 10, Filter())

    names = [[each["meter"] for each in page.documents] for page in (first, rest, later)]
    assert (names, [page.more for page in (first, rest, later)]) == ([["main"], ["press"], ["main", "oven"]], [True, False, False])
    assert [each["meter"] for each in store.records.page(METERS, 0, 10, Filter(meter="oven", from_ms=20)).documents] == ["oven"]
    assert not store.records.page(METERS, 0, 10, Filter(to_ms=20)).documents


def test_figures_of_one_meter(store: Store) -> None:
    """Asked for one meter, the figures that book it are served, and no other."""
    store.add([Figure("k", 0, 10, 1, 20, {"meters": [{"meter": "main"}]})])
    store.commit(20)

    found = [len(store.records.page(FIGURES, 0, 10, Filter(meter=meter)).documents) for meter in ("main", "press")]
    assert found == [1, 0]
