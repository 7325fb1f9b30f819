"""Records <-> rows of the tables, and back in sequence order. Knows columns, not transactions."""

import heapq
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from gateway.buffer.schema import COUNTERS, POWER_COLUMNS
from protocols.quantity import COUNTER, QUANTITIES
from protocols.reading import IMPORTED, ClockSet, Declared, Event, Figure, Reading, Record, SiteDescription

# A full disk keeps polls waiting for some hours; what was sealed a day after a stretch holds none of it.
LATE_MS = 86_400_000


def split(reading: Reading) -> list[Reading]:
    """One reading per table: counters and levels live for different times. An empty one stays one."""
    counters = {name: value for name, value in reading.values.items() if QUANTITIES[name].kind == COUNTER}
    counters_missing = {name: why for name, why in reading.missing.items() if name in COUNTERS}
    levels = {name: value for name, value in reading.values.items() if name not in counters}
    levels_missing = {name: why for name, why in reading.missing.items() if name not in counters_missing}
    parts = [(counters, counters_missing), (levels, levels_missing)]
    return [reading._replace(values=values, missing=missing) for values, missing in parts if values or missing]


def is_counter_reading(reading: Reading) -> bool:
    """True for the part that goes to the counter table; `reading` comes from `split`."""
    return any(name in COUNTERS for name in (*reading.values, *reading.missing))


def reading_row(reading: Reading) -> dict[str, Any]:
    return {
        "sequence": reading.sequence,
        "boot": reading.boot,
        "monotonic_ms": reading.monotonic_ms,
        "time_ms": reading.time_ms,
        "turnaround_ms": reading.turnaround_ms,
        "missing": _text(reading.missing),
        **reading.values,
    }


def power_row(reading: Reading, meter: int, offset_ms: int) -> dict[str, Any]:
    assert reading.time_ms is not None
    return {
        "sequence": reading.sequence,
        "meter": meter,
        "boot": reading.boot,
        "drift_ms": reading.time_ms - reading.monotonic_ms - offset_ms,
        "time_ms": reading.time_ms,
        "turnaround_ms": reading.turnaround_ms,
        "missing": _text(reading.missing),
        **reading.values,
    }


def undated_row(reading: Reading) -> dict[str, Any]:
    row = reading_row(reading._replace(values={}))
    return {**row, "meter": reading.meter, "values": _text(reading.values)}


def _text(mapping: Mapping[str, Any]) -> str | None:
    return json.dumps(dict(mapping), separators=(",", ":")) if mapping else None


def _reading(row: sqlite3.Row, meter: str, values: Mapping[str, int]) -> Reading:
    missing = json.loads(row["missing"]) if row["missing"] else {}
    return Reading(meter, row["boot"], row["monotonic_ms"], row["time_ms"], values, missing, row["turnaround_ms"], row["sequence"])


_AFTER = "sequence > ? order by sequence limit ?"


def readings(connection: sqlite3.Connection, after: int, limit: int) -> Iterator[Reading]:
    """Readings with a sequence above `after` in sequence order, at most `limit` from each table."""
    streams = [power(connection, after, limit), _counters(connection, after, limit), _undated(connection, after, limit)]
    return heapq.merge(*streams, key=lambda reading: reading.sequence)


_NOT_MEASURED = frozenset((*POWER_COLUMNS, "meter_name", "offset_ms"))
_POWER = """
    select meter.name as meter_name, offset_ms, power.* from power
    join meter on meter.id = power.meter join boot on boot.number = power.boot"""


def power(connection: sqlite3.Connection, after: int, limit: int) -> Iterator[Reading]:
    return _power(connection.execute(f"{_POWER} where {_AFTER}", (after, limit)))


def _power(rows: sqlite3.Cursor) -> Iterator[Reading]:
    levels = [name for name, *_ in rows.description if name not in _NOT_MEASURED]
    for row in rows:
        values = {name: row[name] for name in levels if row[name] is not None}
        missing = json.loads(row["missing"]) if row["missing"] else {}
        monotonic_ms = row["time_ms"] - row["offset_ms"] - row["drift_ms"]
        yield Reading(row["meter_name"], row["boot"], monotonic_ms, row["time_ms"], values, missing, row["turnaround_ms"], row["sequence"])


def _counters(connection: sqlite3.Connection, after: int, limit: int) -> Iterator[Reading]:
    query = f"select meter.name as meter_name, counter.* from counter join meter on meter.id = counter.meter where {_AFTER}"  # noqa: S608 - constants
    for row in connection.execute(query, (after, limit)):
        yield _reading(row, row["meter_name"], {name: row[name] for name in COUNTERS if row[name] is not None})


def _undated(connection: sqlite3.Connection, after: int, limit: int) -> Iterator[Reading]:
    for row in connection.execute(f"select * from undated where {_AFTER}", (after, limit)):  # noqa: S608 - constants
        yield _reading(row, row["meter"], json.loads(row["values"] or "{}"))


def counters_between(connection: sqlite3.Connection, meter: str, from_ms: int, to_ms: int) -> Iterator[Reading]:
    """Counter readings recorded under the name `meter`, from_ms <= time <= to_ms."""
    query = "select * from counter where meter = (select id from meter where name = ?) and time_ms between ? and ?"
    for row in connection.execute(query, (meter, from_ms, to_ms)):
        yield _reading(row, meter, {name: row[name] for name in COUNTERS if row[name] is not None})


def power_within(connection: sqlite3.Connection, first: int, last: int) -> Iterator[Reading]:
    """Power readings by their numbers, both included."""
    return _power(connection.execute(f"{_POWER} where sequence between ? and ? order by sequence", (first, last)))


def power_between(connection: sqlite3.Connection, meter: str, from_ms: int, to_ms: int) -> Iterator[Reading]:
    """Power readings of a meter, from_ms <= time <= to_ms: imported ones by their index, polled ones by when their batch was sealed."""
    span = (meter, from_ms, to_ms)
    of_meter = "power.meter = (select id from meter where name = ?) and time_ms between ? and ?"
    imported = connection.execute(f"{_POWER} where power.boot = {IMPORTED} and {of_meter} order by time_ms", span)
    polled = f"{_POWER} where power.sequence > ? and +power.boot != {IMPORTED} and {of_meter} order by power.sequence"
    after, _ = sealed_around(connection, from_ms, to_ms)
    return heapq.merge(_power(imported), _power(connection.execute(polled, (after, *span))), key=lambda reading: reading.time_ms or 0)


def sealed_around(connection: sqlite3.Connection, from_ms: int, to_ms: int) -> tuple[int, int]:
    """Between which numbers polls of that stretch lie: above the first, up to the second."""
    before = "select last_sequence from batch where sealed_ms < ? and sealed_ms > 0 order by number desc limit 1"
    beyond = "select last_sequence from batch where sealed_ms > ? order by number limit 1"
    (after,) = connection.execute(before, (from_ms,)).fetchone() or (0,)
    (last,) = connection.execute(beyond, (to_ms + LATE_MS,)).fetchone() or (2**62,)
    return after, last


def undated_of(cursor: sqlite3.Cursor, boot: int) -> list[Reading]:
    """All readings of `boot` that wait for a date."""
    rows = cursor.execute("select * from undated where boot = ? order by sequence", (boot,))
    return [_reading(row, row["meter"], json.loads(row["values"] or "{}")) for row in rows]


def events(connection: sqlite3.Connection, after: int, limit: int) -> Iterator[Event]:
    rows = connection.execute(
        f"select kind, subject, detail, boot, monotonic_ms, time_ms, sequence from event where {_AFTER}",  # noqa: S608 - constants
        (after, limit),
    )
    return (Event(*row) for row in rows)


def figures(connection: sqlite3.Connection, after: int, limit: int) -> Iterator[Figure]:
    rows = connection.execute(
        f"select key, start_ms, end_ms, version, known_at_ms, document, sequence, known_sequence from figure where {_AFTER}",  # noqa: S608 - constants
        (after, limit),
    )
    return (Figure(row[0], row[1], row[2], row[3], row[4], json.loads(row[5]), row[6], row[7]) for row in rows)


def _clocks(connection: sqlite3.Connection, after: int, limit: int) -> Iterator[ClockSet]:
    rows = connection.execute(f"select boot, offset_ms, known_at_ms, sequence from clock where {_AFTER}", (after, limit))  # noqa: S608 - constants
    return (ClockSet(*row) for row in rows)


def _sites(connection: sqlite3.Connection, after: int, limit: int) -> Iterator[SiteDescription]:
    rows = connection.execute(f"select known_at_ms, document, sequence from site where {_AFTER}", (after, limit))  # noqa: S608 - constants
    return (SiteDescription(row[0], json.loads(row[1]), row[2]) for row in rows)


def declarations(connection: sqlite3.Connection, after: int, limit: int) -> Iterator[Declared]:
    query = f"select id, known_at_ms, from_ms, document, sequence from declaration where {_AFTER}"  # noqa: S608 - constants
    return (Declared(row[0], row[1], row[2], json.loads(row[3]), row[4]) for row in connection.execute(query, (after, limit)))


def records(connection: sqlite3.Connection, after: int, limit: int) -> list[Record]:
    """The next `limit` records of any kind in sequence order."""
    return list(islice(every_record(connection, after, limit), limit))


def every_record(connection: sqlite3.Connection, after: int, limit: int) -> Iterator[Record]:
    """Records of any kind above `after` in sequence order, at most `limit` from each table; few are in memory at a time."""
    streams = [iter(look(connection, after, limit)) for look in (readings, *OTHERS.values())]
    return heapq.merge(*streams, key=lambda record: record.sequence)


# The tables of the records that are no readings, and how each is read.
OTHERS: dict[str, Callable[[sqlite3.Connection, int, int], Iterator[Any]]] = {
    "event": events,
    "figure": figures,
    "clock": _clocks,
    "site": _sites,
    "declaration": declarations,
}


# Every table of records, and how it is read.
TABLES: dict[str, Callable[[sqlite3.Connection, int, int], Iterator[Any]]] = {
    "power": power,
    "counter": _counters,
    "undated": _undated,
    **OTHERS,
}


def one_table(connection: sqlite3.Connection, table: str) -> Iterator[Any]:
    """Every record that lies in a table, in sequence order."""
    return TABLES[table](connection, -(2**62), 2**62)
