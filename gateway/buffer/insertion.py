"""How a group of records is numbered and laid into the tables, inside the caller's transaction."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlite_utils import Database

from gateway.buffer import rows
from gateway.buffer.schema import add_quantities, ensure_view
from protocols.reading import IMPORTED, ClockSet, Declared, Event, Figure, Reading, Record, SiteDescription

_TABLES: dict[type, str] = {Event: "event", ClockSet: "clock", SiteDescription: "site", Figure: "figure", Declared: "declaration"}
FOR_EVER_AGO_MS = 0  # before every reading: a site file that says something else may touch every figure


class Committed(NamedTuple):
    """What a commit wrote: how many records, and since when figures may change by them (None: not at all)."""

    records: int
    changed_from_ms: int | None


class Insertion:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._columns: frozenset[str] = frozenset()  # quantities that the power table is known to have
        self._viewed: set[str] = set()  # meters that are known to have a view
        self._offsets: dict[int, int] = {}  # of the clock, by boot

    def forget(self) -> None:
        """The transaction was rolled back: what was learnt about tables in it does not hold."""
        self._columns = frozenset()
        self._viewed.clear()
        self._offsets.clear()

    def write(self, records: Sequence[Record]) -> Committed:
        first = int(self._db.execute("select value from number where name = 'next_sequence'").fetchone()[0])
        kinds: dict[type, list[Any]] = defaultdict(list)
        for index, record in enumerate(records):
            kinds[type(record)].append(record._replace(sequence=first + index))
        touched = [self._readings(kinds[Reading])]
        for kind, table in _TABLES.items():
            self._rows(table, [_row(record) for record in kinds[kind]])
        boots = {each.boot for each in (*kinds[ClockSet], *(reading for reading in kinds[Reading] if reading.time_ms is None))}
        touched += [self._date(boot) for boot in sorted(boots)]
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
        power: list[Reading] = []
        counters: list[Reading] = []
        undated: list[Reading] = []
        for reading in readings:
            kind = undated if reading.time_ms is None else counters if rows.is_counter_reading(reading) else power
            kind.append(reading)
        identities = self._meters(reading.meter for reading in (*power, *counters))
        self._power(power, identities)
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

    def _power(self, readings: Sequence[Reading], identities: dict[str, int]) -> None:
        quantities = frozenset(name for reading in readings for name in reading.values)
        if not quantities <= self._columns:
            add_quantities(self._db, quantities)
            self._columns |= quantities
        for meter in sorted({reading.meter for reading in readings} - self._viewed):
            ensure_view(self._db, meter)
            self._viewed.add(meter)
        self._rows("power", [rows.power_row(each, identities[each.meter], self._offset_ms(each)) for each in readings])

    def _offset_ms(self, reading: Reading) -> int:
        """What the clock was ahead of the monotonic one at the first dated reading of this boot: later rows note the difference."""
        assert reading.time_ms is not None
        if reading.boot not in self._offsets:
            offset_ms = 0 if reading.boot == IMPORTED else reading.time_ms - reading.monotonic_ms
            self._db.execute("insert or ignore into boot (number, offset_ms) values (?, ?)", (reading.boot, offset_ms))
            (self._offsets[reading.boot],) = self._db.execute("select offset_ms from boot where number = ?", (reading.boot,)).fetchone()
        return self._offsets[reading.boot]

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

    def _date(self, boot: int) -> int | None:
        """What was read in `boot` before its clock was known moves to where dated readings live, once its first clock record is there."""
        clock = self._db.execute("select offset_ms from clock where boot = ? order by sequence limit 1", (boot,)).fetchone()
        if clock is None:
            return None
        cursor = self._db.conn.cursor()
        cursor.row_factory = sqlite3.Row
        waiting = rows.undated_of(cursor, boot)
        self._db.execute("delete from undated where boot = ?", (boot,))
        self._rows("dated_later", [{"sequence": reading.sequence} for reading in waiting])
        return self._readings([reading._replace(time_ms=reading.monotonic_ms + clock[0]) for reading in waiting])


def renumber(db: Database, after: int, by: int) -> int:
    """Shift the sequence of every record above `after`, in the caller's transaction; how many there were.

    Through negative numbers, because a row must not meet its neighbour's old number on the way.
    """
    moved = 0
    for table in ["power", "counter", "undated", "dated_later", *_TABLES.values()]:
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
