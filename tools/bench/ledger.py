"""What the stores on disk say when the parts have stopped: nothing lost, nothing twice, the books exact.

Reads the gateway's and the hub's files; each finding is a sentence, and no finding is what one hopes for.
"""

import gzip
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from gateway import catalogue, site_check
from gateway.books import Books
from gateway.buffer import rows, series
from gateway.buffer.connection import FILE
from gateway.buffer.store import Store
from gateway.clock import SystemClock
from gateway.deliver.key import gateway_key
from gateway.folder import FolderLock
from gateway.site import Site
from protocols.batch import clock_document, event_document, reading_document, reading_documents
from protocols.meter import Meter
from protocols.reading import IMPORTED, ClockSet, Event, Figure, Reading, Record
from tools.hub.server import open_database

EVERYTHING = 2**31
EVERYTHING_MS = 2**62
SHOWN = 5  # findings of one kind; more say the same again


class Sums(NamedTuple):
    """What is in the store, and how much of it the hub has said to have."""

    records: int
    readings: int
    figures: int
    acknowledged: int
    batches_acknowledged: int
    batches_waiting: int


@contextmanager
def opened(data: Path) -> Iterator[sqlite3.Connection]:
    """The gateway's store for reading, also beside a running gateway."""
    with closing(sqlite3.connect(f"file:{(data / FILE).as_posix()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("pragma busy_timeout=5000")
        connection.execute("begin")  # one state of the store, whatever is committed meanwhile
        yield connection


def records(data: Path) -> list[Record]:
    with opened(data) as connection:
        return rows.records(connection, 0, EVERYTHING)


def readings(data: Path) -> list[Reading]:
    with opened(data) as connection:
        return list(rows.readings(connection, 0, EVERYTHING))


def events(data: Path) -> list[Event]:
    with opened(data) as connection:
        return list(rows.events(connection, 0, EVERYTHING))


def sums(data: Path) -> Sums:
    found = records(data)
    with opened(data) as connection:
        acknowledged = "acknowledged_ms is not null"
        query = f"""
            select coalesce(sum(last_sequence - first_sequence + 1) filter (where {acknowledged}), 0),
                   count(*) filter (where {acknowledged}), count(*) filter (where not {acknowledged}) from batch"""  # noqa: S608 - constants
        batches = tuple(connection.execute(query).fetchone())
    return Sums(len(found), _count(found, Reading), _count(found, Figure), *batches)


def _count(found: Sequence[Record], kind: type) -> int:
    return sum(isinstance(record, kind) for record in found)


def unsound(data: Path) -> list[str]:
    """Sequence numbers with a gap or a double, and readings that were stored twice."""
    found = records(data)
    numbers = [record.sequence for record in found]
    faults = [] if numbers == list(range(1, len(numbers) + 1)) else [f"the sequence numbers are not 1 to {len(numbers)}: {_gaps(numbers)}"]
    with opened(data) as connection:
        following = connection.execute("select value from number where name = 'next_sequence'").fetchone()[0]
    if following != len(numbers) + 1:
        faults.append(f"the next sequence number is {following} after {len(numbers)} records")
    polled = Counter(_instant(record) for record in found if isinstance(record, Reading) and record.boot != IMPORTED)
    brought = Counter(key for record in found if isinstance(record, Reading) and record.boot == IMPORTED for key in _values(record))
    doubles = [key for counter in (polled, brought) for key, count in counter.items() if count > 1]
    return faults + [f"stored twice: {key}" for key in doubles[:SHOWN]]


def _gaps(numbers: Sequence[int]) -> str:
    return ", ".join(f"{number} stands at {place}" for place, number in enumerate(numbers, start=1) if number != place)[:200]


def _instant(reading: Reading) -> tuple[str, int, int, bool, tuple[str, ...]]:
    """One poll of a meter has one instant per block; a block's quantities tell it from the others."""
    return reading.meter, reading.boot, reading.monotonic_ms, rows.is_counter_reading(reading), tuple(sorted(reading.values))


def _values(reading: Reading) -> Iterator[tuple[str, str, int | None]]:
    for quantity in (*reading.values, *reading.missing):
        yield reading.meter, quantity, reading.time_ms


def at_hub(hub_db: str, gateway: str) -> list[tuple[int, object]]:
    """Sequence and document of every record that the hub's store holds of a gateway, however often."""
    with closing(open_database(hub_db)) as database, database.reading() as session:
        rows = session.rows("select sequence, document from records where gateway = ?", gateway)
        bodies = session.rows("select body from bodies where gateway = ?", gateway)
    found: list[tuple[int, object]] = [(row["sequence"], json.loads(row["document"])) for row in rows]
    for row in bodies:
        found += [(document["sequence"], document) for document in reading_documents(json.loads(gzip.decompress(row["body"])))]
    return found


def undelivered(data: Path, hub_db: str) -> list[str]:
    """Records of acknowledged batches that the hub does not hold exactly once with the same contents."""
    here = {record.sequence: record for record in records(data)}
    with opened(data) as connection:
        acknowledged = [
            sequence
            for first, last in connection.execute("select first_sequence, last_sequence from batch where acknowledged_ms is not null")
            for sequence in range(first, last + 1)
        ]
    stored = at_hub(hub_db, gateway_key(data).gateway)
    times = Counter(sequence for sequence, _ in stored)
    there = dict(stored)
    faults = [f"record {each} is at the hub {times[each]} times" for each in acknowledged if times[each] != 1]
    faults += [f"record {each} is at the hub but not here" for each in there if each not in here]
    return faults + [
        f"record {each} is another one at the hub" for each in acknowledged if each in there and not _same(here[each], there[each])
    ]


def _same(record: Record, document: object) -> bool:
    if isinstance(record, Reading):
        # What was sealed before the clock was set has no date there, and got one here.
        undated = isinstance(document, dict) and document["time"] is None
        return document == reading_document(record._replace(time_ms=None) if undated else record)
    if isinstance(record, Event):
        return document == event_document(record)
    if isinstance(record, ClockSet):
        return document == clock_document(record)
    return document == record.document


def loaded(path: Path) -> tuple[Site, dict[str, Meter]]:
    models: dict[str, Meter] = {}

    def quantities(data_folder: Path) -> dict[str, frozenset[str]]:
        models.update(catalogue.meters(data_folder))
        return {name: frozenset(meter.quantities) for name, meter in models.items()}

    return site_check.load(path, quantities), models


def misbooked(path: Path) -> list[str]:
    """What is wrong in the books of the site of this file; nobody may run on it, and stale figures are put right by looking.

    Raw last - raw first = figures + adjustments for every counter, and all published figures are those that
    the stored readings give now.
    """
    site, models = loaded(path)
    with FolderLock(site.data_folder):
        key = gateway_key(site.data_folder)
        store = Store(site.data_folder, key.gateway, key.sign)
        try:
            books = Books(site, models, store, SystemClock().now_ms)
            faults = books.conservation()
            before = _contents(store)
            first_ms, _ = series.span_ms(store.reader()) or (0, 0)
            books.update(first_ms)
            after = _contents(store)
        finally:
            store.close()
    return faults + [f"the figure {each} is not what the readings give" for each in sorted(after) if before.get(each) != after[each]]


def _contents(store: Store) -> dict[str, str]:
    return {key: document["sha256"] for key, document in series.newest_by_key(store.reader(), 0, EVERYTHING_MS).items()}
