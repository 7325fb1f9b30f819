"""What people look at of the past: curves in buckets, counters, events and the versions of a figure. It only reads.

Buckets are made by the database, so that a month of ten-second polls never becomes a month of rows here.
"""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from gateway.buffer import series
from gateway.buffer.rows import power_tables
from gateway.buffer.schema import LEVELS, POWER
from gateway.interfaces import Bucket, CounterValue, EventFilter
from protocols.reading import Event

# A longer list nobody reads; the rest is found by going back page by page.
EVENTS_MAX = 500


def curve(connection: sqlite3.Connection, names: Sequence[str], quantity: str, from_ms: int, to_ms: int, bucket_ms: int) -> list[Bucket]:
    """Mean, least and most of a level in each bucket of [from_ms, to_ms) that has a value; buckets count from `from_ms`."""
    if quantity not in LEVELS:
        raise ValueError(f"{quantity} is no level")
    tables = [POWER + name for name in names if POWER + name in power_tables(connection) and quantity in _columns(connection, POWER + name)]
    found: dict[int, Bucket] = {}
    for table in tables:
        query = f"""
            select (time_ms - ?) / ?, sum("{quantity}") / count("{quantity}"), min("{quantity}"), max("{quantity}")
            from "{table}" where time_ms >= ? and time_ms < ? and "{quantity}" is not null group by 1"""  # noqa: S608 - names of the schema
        for index, mean, least, most in connection.execute(query, (from_ms, bucket_ms, from_ms, to_ms)):
            found[index] = Bucket(from_ms + index * bucket_ms, mean, least, most)
    return [found[index] for index in sorted(found)]


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[0] for row in connection.execute("select name from pragma_table_info(?)", (table,))}


def counter(connection: sqlite3.Connection, names: Sequence[str], quantity: str, from_ms: int, to_ms: int) -> list[CounterValue]:
    """Readings of a counter in time order; what could not be read is left out."""
    rows = series.counters(connection, names, quantity, from_ms, to_ms)
    return [CounterValue(row.time_ms, row.value) for row in rows if row.value is not None]


def events(connection: sqlite3.Connection, wanted: EventFilter) -> list[Event]:
    """The newest first. An alarm's subject is its key: kind, colon, meter."""
    conditions, values = ["sequence < cast(? as integer)"], [str(wanted.before or 2**62)]
    if wanted.kind:
        conditions.append("kind = ?")
        values.append(wanted.kind)
    if wanted.meter:
        conditions.append("(subject = ? or substr(subject, instr(subject, ':') + 1) = ?)")
        values += [wanted.meter, wanted.meter]
    query = f"""
        select kind, subject, detail, boot, monotonic_ms, time_ms, sequence from event
        where {" and ".join(conditions)} order by sequence desc limit ?"""  # noqa: S608 - constants
    return [Event(*row) for row in connection.execute(query, (*values, min(wanted.limit, EVENTS_MAX)))]


def event_kinds(connection: sqlite3.Connection) -> list[str]:
    return [kind for (kind,) in connection.execute("select distinct kind from event order by kind")]


def versions(connection: sqlite3.Connection, start_ms: int, shift: str, production_line: str) -> list[dict[str, Any]]:
    """Every version of the figure that begins then, the newest first."""
    published = "select document from figure where start_ms = ? order by sequence desc"
    running = "select document from running where start_ms = ?"
    found = [json.loads(row[0]) for query in (running, published) for row in connection.execute(query, (start_ms,))]
    return [each for each in found if each["shift"] == shift and (each["production_line"] or "") == production_line]
