"""What people look at of the past: curves in buckets, counters, events and the versions of a figure. It only reads.

Buckets are made by the database, so that a month of ten-second polls never becomes a month of rows here.
"""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from gateway.buffer import rows, series
from gateway.buffer.schema import LEVELS
from gateway.interfaces import Bucket, CounterValue, EventFilter
from protocols.reading import IMPORTED, Event

# A longer list nobody reads; the rest is found by going back page by page.
EVENTS_MAX = 500


def curve(connection: sqlite3.Connection, names: Sequence[str], quantity: str, from_ms: int, to_ms: int, bucket_ms: int) -> list[Bucket]:
    """Mean, least and most of a level in each bucket of [from_ms, to_ms) that has a value; buckets count from `from_ms`."""
    if quantity not in LEVELS:
        raise ValueError(f"{quantity} is no level")
    if quantity not in {row[0] for row in connection.execute("select name from pragma_table_info('power')")}:
        return []
    found: dict[int, Bucket] = {}
    after, last = rows.sealed_around(connection, from_ms, to_ms)
    of_meter = f'meter = (select id from meter where name = ?) and time_ms >= ? and time_ms < ? and "{quantity}" is not null'  # noqa: S608 - a name of the schema
    query = f"""
        select (time_ms - ?) / ?, sum("{quantity}") / count("{quantity}"), min("{quantity}"), max("{quantity}") from (
            select time_ms, "{quantity}" from power where boot = {IMPORTED} and {of_meter}
            union all select time_ms, "{quantity}" from power where sequence > ? and sequence <= ? and +boot != {IMPORTED} and {of_meter}
        ) group by 1"""  # noqa: S608 - names of the schema
    for name in names:
        span = (name, from_ms, to_ms)
        for index, mean, least, most in connection.execute(query, (from_ms, bucket_ms, *span, after, last, *span)):
            found[index] = Bucket(from_ms + index * bucket_ms, mean, least, most)
    return [found[index] for index in sorted(found)]


def counter(connection: sqlite3.Connection, names: Sequence[str], quantity: str, from_ms: int, to_ms: int) -> list[CounterValue]:
    """Readings of a counter in time order; what could not be read is left out."""
    found = series.counters(connection, names, quantity, from_ms, to_ms)
    return [CounterValue(row.time_ms, row.value) for row in found if row.value is not None]


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
