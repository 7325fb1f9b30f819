"""How a group of records is numbered and laid into the tables, inside the caller's transaction."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlite_utils import Database

from gateway.buffer import rows
from gateway.buffer.schema import POWER, ensure_power_table
from protocols.reading import ClockSet, Declared, Event, Figure, Reading, Record, SiteDescription

_TABLES: dict[type, str] = {Event: "event", ClockSet: "clock", SiteDescription: "site", Figure: "figure", Declared: "declaration"}
FOR_EVER_AGO_MS = 0  # before every reading: a site file that says something else may touch every figure


class Committed(NamedTuple):
    """What a commit wrote: how many records, and since when figures may change by them (None: not at all)."""

    records: int
    changed_from_ms: int | None


class Insertion:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._columns: dict[str, frozenset[str]] = {}  # of the power tables, by meter

    def forget(self) -> None:
        """The transaction was rolled back: what was learnt about tables in it does not hold."""
        self._columns.clear()

    def write(self, records: Sequence[Record]) -> Committed:
        first = int(self._db.execute("select value from number where name = 'next_sequence'").fetchone()[0])
        kinds: dict[type, list[Any]] = defaultdict(list)
        for index, record in enumerate(records):
            kinds[type(record)].append(record._replace(sequence=first + index))
        touched = [self._readings(kinds[Reading])]
        for kind, table in _TABLES.items():
            self._rows(table, [_row(record) for record in kinds[kind]])
        touched += [self._date(clock) for clock in kinds[ClockSet]]
        if records:
            self._db.execute("update number set value = ? where name = 'next_sequence'", (first + len(records),))
        touched += [declared.from_ms for declared in kinds[Declared]]
        touched += [FOR_EVER_AGO_MS for _ in kinds[SiteDescription]]
        changed_from_ms = min((each for each in touched if each is not None), default=None)
        if changed_from_ms is not None:
            # In the same transaction: whoever is killed before the figures are made finds here what is left to do.
            self._db.execute(
                "update number set value = min(?, coalesce(value, ?)) where name = 'unbooked_from_ms'", (changed_from_ms, changed_from_ms)
            )
        return Committed(len(records), changed_from_ms)

    def _readings(self, readings: Sequence[Reading]) -> int | None:
        """Into the tables they belong to; returns since when counters have changed by them."""
        power: dict[str, list[Reading]] = defaultdict(list)
        counters, undated = [], []
        for reading in readings:
            if reading.time_ms is None:
                undated.append(reading)
            elif rows.is_counter_reading(reading):
                counters.append(reading)
            else:
                power[reading.meter].append(reading)
        for meter, found in power.items():
            self._ensure(meter, frozenset(name for reading in found for name in reading.values))
            self._rows(POWER + meter, [rows.reading_row(reading) for reading in found])
        identities = self._meters(reading.meter for reading in counters)
        self._rows("counter", [{**rows.reading_row(reading), "meter": identities[reading.meter]} for reading in counters])
        self._rows("undated", [rows.undated_row(reading) for reading in undated])
        return self._changed_from(counters, identities)

    def _changed_from(self, counters: Sequence[Reading], identities: dict[str, int]) -> int | None:
        """The pair that a reading makes with the one before it changes too: after an outage that pair begins long ago."""
        earliest: dict[str, int] = {}
        for reading in counters:
            if reading.time_ms is not None:
                earliest[reading.meter] = min(reading.time_ms, earliest.get(reading.meter, reading.time_ms))
        found = []
        for meter, time_ms in earliest.items():
            before = "select max(time_ms) from counter where meter = ? and time_ms < ?"
            (previous_ms,) = self._db.execute(before, (identities[meter], time_ms)).fetchone()
            found.append(time_ms if previous_ms is None else previous_ms)
        return min(found, default=None)

    def _ensure(self, meter: str, quantities: frozenset[str]) -> None:
        known = self._columns.get(meter)
        if known is None or not quantities <= known:
            ensure_power_table(self._db, meter, quantities)
            self._columns[meter] = (known or frozenset()) | quantities

    def _rows(self, table: str, found: Sequence[dict[str, Any]]) -> None:
        """Rows of one shape go in with one statement; shapes differ only by what was measured."""
        shapes: dict[tuple[str, ...], list[tuple[Any, ...]]] = defaultdict(list)
        for row in found:
            shapes[tuple(row)].append(tuple(row.values()))
        for columns, values in shapes.items():
            names = ", ".join(f'"{column}"' for column in columns)
            marks = ", ".join("?" * len(columns))
            self._db.conn.executemany(f'insert into "{table}" ({names}) values ({marks})', values)  # noqa: S608 - names of the schema

    def _meters(self, names: Iterable[str]) -> dict[str, int]:
        wanted = sorted(set(names))
        if not wanted:
            return {}
        self._db.conn.executemany("insert or ignore into meter (name) values (?)", [(name,) for name in wanted])
        return {name: identity for identity, name in self._db.execute("select id, name from meter")}

    def _date(self, clock: ClockSet) -> int | None:
        """Readings of `clock.boot` that waited for a date get one and move to where dated ones live."""
        cursor = self._db.conn.cursor()
        cursor.row_factory = sqlite3.Row
        waiting = rows.undated_of(cursor, clock.boot)
        self._db.execute("delete from undated where boot = ?", (clock.boot,))
        return self._readings([reading._replace(time_ms=reading.monotonic_ms + clock.offset_ms) for reading in waiting])


def renumber(db: Database, after: int, by: int) -> int:
    """Shift the sequence of every record above `after`, in the caller's transaction; how many there were.

    Through negative numbers, because a row must not meet its neighbour's old number on the way.
    """
    moved = 0
    for table in [*rows.power_tables(db.conn), "counter", "undated", *_TABLES.values()]:
        cursor = db.conn.execute(f'update "{table}" set sequence = -(sequence + ?) where sequence > ?', (by, after))  # noqa: S608 - names of the schema
        moved += cursor.rowcount
        db.conn.execute(f'update "{table}" set sequence = -sequence where sequence < 0')  # noqa: S608 - names of the schema
    db.conn.execute("update figure set known_sequence = known_sequence + ? where known_sequence > ?", (by, after))
    db.conn.execute("update number set value = value + ? where name = 'next_sequence'", (by,))
    return moved


def _row(record: Any) -> dict[str, Any]:
    row: dict[str, Any] = record._asdict()
    if "document" in row:
        row["document"] = json.dumps(row["document"], separators=(",", ":"), ensure_ascii=False)
    return row
