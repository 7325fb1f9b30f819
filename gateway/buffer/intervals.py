"""The intervals of the store in the order in which they became known, worked out from its counter rows. It only reads.

Only reads that had arrived before are looked at, so the same position gives the same documents at every time.
A read without a date arrives, for this purpose, with the clock record that dates it.
"""

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from gateway.buffer.schema import COUNTERS
from protocols.interval import Interval, Point, is_boundary, told
from protocols.reading import IMPORTED

# A position is an arrival and a place in it: a clock record may date a month of reads at once.
PLACE_BITS = 24


class _Read(NamedTuple):
    arrival: int
    sequence: int
    meter_id: int
    meter: str
    time_ms: int
    values: dict[str, int]


def intervals(connection: sqlite3.Connection, length_ms: int, after: int) -> Iterator[tuple[int, Interval | None]]:
    """What lies behind the position `after`, each with its own; None where a read tells nothing new."""
    arrival, place = after >> PLACE_BITS, 0
    for read in _reads(connection, arrival):
        if read.arrival > arrival:
            arrival, place = read.arrival, 0
        for quantity in read.values:
            for interval in _told(connection, read, quantity, length_ms):
                place += 1
                position = (arrival << PLACE_BITS) + place
                if position > after:
                    yield position, interval
        yield max(after, (arrival << PLACE_BITS) + place), None


def _told(connection: sqlite3.Connection, read: _Read, quantity: str, length_ms: int) -> Iterator[Interval]:
    known = _Known(connection, read, quantity)
    own = Point(read.time_ms, read.values[quantity], read.sequence)
    if is_boundary(own, known, length_ms):
        yield from told(read.meter, quantity, own, known, length_ms)


class _Known:
    """The reads of one counter that had arrived before `read`."""

    def __init__(self, connection: sqlite3.Connection, read: _Read, quantity: str) -> None:
        self._connection, self._read = connection, read
        # The clock record of a read's boot tells when it arrived, if it was without a date before.
        self._query = f"""
            select time_ms, "{quantity}", sequence from counter
            where meter = ? and "{quantity}" is not null and time_ms >= ? and time_ms < ?
              and (max(sequence, {_CLOCK}), sequence) < (?, ?)
            order by time_ms {{}}, sequence limit 1"""  # noqa: S608 - a quantity of the table and constants

    def last_before(self, time_ms: int, from_ms: int) -> Point | None:
        return self._point("desc", from_ms, time_ms)

    def first_from(self, time_ms: int) -> Point | None:
        return self._point("asc", time_ms, 2**62)

    def _point(self, order: str, from_ms: int, to_ms: int) -> Point | None:
        values = (self._read.meter_id, from_ms, to_ms, self._read.arrival, self._read.sequence)
        row = self._connection.execute(self._query.format(order), values).fetchone()
        return None if row is None else Point(*row)


# The arrival of what a boot read before its clock was known; 0 for imports and where no clock is known.
_CLOCK = f"coalesce((select min(clock.sequence) from clock where clock.boot = counter.boot and counter.boot <> {IMPORTED}), 0)"  # noqa: S608 - a constant


def _reads(connection: sqlite3.Connection, arrival: int) -> Iterator[_Read]:
    """In order of arrival, from `arrival` on: what was dated when it came, and at each first clock of a boot what that dates."""
    while True:
        clock = connection.execute(
            "select boot, min(sequence) as first from clock group by boot having first >= ? order by first limit 1", (arrival,)
        ).fetchone()
        end = 2**62 if clock is None else clock["first"]
        yield from _dated(connection, arrival, end)
        if clock is None:
            return
        yield from (
            _read(row, end) for row in connection.execute(f"{_ROWS} where boot = ? and sequence < ? order by sequence", tuple(clock))
        )
        arrival = end + 1


_ROWS = "select counter.*, (select name from meter where id = counter.meter) as meter_name from counter"


def _dated(connection: sqlite3.Connection, first: int, end: int) -> Iterator[_Read]:
    query = f"{_ROWS} where sequence >= ? and sequence < ? and sequence > {_CLOCK} order by sequence"
    return (_read(row, row["sequence"]) for row in connection.execute(query, (first, end)))


def _read(row: sqlite3.Row, arrival: int) -> _Read:
    values = {name: row[name] for name in COUNTERS if row[name] is not None}
    return _Read(arrival, row["sequence"], row["meter"], row["meter_name"], row["time_ms"], values)
