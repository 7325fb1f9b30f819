"""The sealed batches as they stand in the store, and their records in the form in which they were sealed. It only reads.

A record is sealed as it was recorded: a reading that was dated later stands in its batch without a date for ever,
and the clock record of its boot gives the date to whoever reads the batch.
"""

import sqlite3
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from gateway.buffer import rows
from gateway.buffer.schema import POWER
from protocols.reading import ClockSet, Reading, Record

ALL = 2**62
BEFORE_ALL = -(2**62)


class Link(NamedTuple):
    """One row of the table of batches; `body` is there until the hub has it, `refused_body` once it was refused for good."""

    number: int
    first_sequence: int
    last_sequence: int
    previous: str
    hash: str
    sealed_ms: int
    acknowledged_ms: int | None
    refused: str | None
    signature: str | None
    marks: bytes | None
    body: bytes | None
    refused_body: bytes | None

    @property
    def is_continuation(self) -> bool:
        """Not sealed here: the batch at the hub behind which the chain goes on, or the beginning of a new chain (number 0)."""
        return self.sealed_ms == 0 and self.body is None


def links(connection: sqlite3.Connection) -> Iterator[Link]:
    query = f"select {', '.join(Link._fields)} from batch order by number"  # noqa: S608 - the columns of the schema
    return (Link(*row) for row in connection.execute(query))


def last_sealed(connection: sqlite3.Connection) -> int:
    """The number of the last record that is in a batch."""
    return int(connection.execute("select coalesce(max(last_sequence), 0) from batch").fetchone()[0])


def as_sealed(connection: sqlite3.Connection, after: int, limit: int = ALL) -> Iterator[Record]:
    """Records above `after` in sequence order, at most `limit` from each table."""
    clocks = _clocks(connection, after)
    for record in rows.every_record(connection, after, limit):
        is_dated = isinstance(record, Reading) and record.boot in clocks
        yield _without_later_date(record, clocks[record.boot]) if is_dated and isinstance(record, Reading) else record


def _clocks(connection: sqlite3.Connection, after: int) -> Mapping[int, Sequence[ClockSet]]:
    found: dict[int, list[ClockSet]] = defaultdict(list)
    query = "select boot, offset_ms, known_at_ms, sequence from clock where sequence > ? order by sequence"
    for row in connection.execute(query, (after,)):
        found[row[0]].append(ClockSet(*row))
    return dict(found)


def _without_later_date(reading: Reading, clocks: Sequence[ClockSet]) -> Reading:
    """One whose time is another than that of the clock record had its own from the beginning."""
    index = bisect_right([clock.sequence for clock in clocks], reading.sequence)
    is_later = index < len(clocks) and reading.time_ms == reading.monotonic_ms + clocks[index].offset_ms
    return reading._replace(time_ms=None) if is_later else reading


def unreadable(connection: sqlite3.Connection) -> tuple[str, int] | None:
    """Table and sequence of the first row that is no record of its table."""
    found = []
    for table in (*rows.power_tables(connection), "counter", "undated", *rows.OTHERS):
        last = BEFORE_ALL
        try:
            for record in rows.one_table(connection, table):
                last = record.sequence
        except (ValueError, TypeError, KeyError, AttributeError):
            query = f'select min(sequence) from "{table}" where sequence > ?'  # noqa: S608 - a table of the schema
            found.append((int(connection.execute(query, (last,)).fetchone()[0]), table))
    return (min(found)[1].removeprefix(POWER), min(found)[0]) if found else None
