"""The sealed batches as they stand in the store, and their records in the form in which they were sealed. It only reads.

A record is sealed as it was recorded: a reading that was dated later stands in its batch without a date for ever,
and the clock record of its boot gives the date to whoever reads the batch.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gateway.buffer import rows
from protocols.reading import Reading, Record
from protocols.thinning import Thinned

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


def thinned(connection: sqlite3.Connection) -> Mapping[int, Thinned]:
    """What is signed of the batches that were thinned, by their numbers."""
    found = connection.execute(f"select {', '.join(Thinned._fields)} from thinning")  # noqa: S608 - the columns of the schema
    return {row[0]: Thinned(*row) for row in found}


def last_sealed(connection: sqlite3.Connection) -> int:
    """The number of the last record that is in a batch."""
    return int(connection.execute("select coalesce(max(last_sequence), 0) from batch").fetchone()[0])


def as_sealed(connection: sqlite3.Connection, after: int, limit: int = ALL) -> Iterator[Record]:
    """Records above `after` in sequence order, at most `limit` from each table."""
    offsets = _offsets_ms(connection)
    later = connection.execute("select sequence from dated_later where sequence > ? order by sequence", (after,))
    next_later = _number(later)
    for record in rows.every_record(connection, after, limit):
        while next_later < record.sequence:  # thinned since
            next_later = _number(later)
        if next_later == record.sequence and isinstance(record, Reading):
            yield _without_later_date(record, offsets.get(record.boot))
        else:
            yield record


def _number(numbers: sqlite3.Cursor) -> int:
    """The next one; beyond all records after the last."""
    found = numbers.fetchone()
    return ALL if found is None else int(found[0])


def _offsets_ms(connection: sqlite3.Connection) -> Mapping[int, int]:
    """Of the first clock record of each boot."""
    return {boot: offset_ms for boot, offset_ms, _ in connection.execute("select boot, offset_ms, min(sequence) from clock group by boot")}


def _without_later_date(reading: Reading, offset_ms: int | None) -> Reading:
    """A date that is not the one the clock record gave stays: then the record is not as it was sealed, and that shows."""
    is_given = offset_ms is not None and reading.time_ms == reading.monotonic_ms + offset_ms
    return reading._replace(time_ms=None) if is_given else reading


def unreadable(connection: sqlite3.Connection) -> tuple[str, int] | None:
    """Table and sequence of the first row that is no record of its table."""
    found = []
    for table in rows.TABLES:
        last = BEFORE_ALL
        try:
            for record in rows.one_table(connection, table):
                last = record.sequence
        except (ValueError, TypeError, KeyError, AttributeError):
            query = f'select min(sequence) from "{table}" where sequence > ?'  # noqa: S608 - a table of the schema
            found.append((int(connection.execute(query, (last,)).fetchone()[0]), table))
    return (min(found)[1], min(found)[0]) if found else None
