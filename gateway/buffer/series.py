"""What the engine asks of the store: counters of one meter in time order, and the figures published before."""

import json
import sqlite3
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from protocols.quantity import COUNTER, QUANTITIES

_FOREVER = 2**62


class CounterRow(NamedTuple):
    """`value` in inner thousandths, or None with the reason: the meter was asked and gave no reading."""

    time_ms: int
    value: int | None
    reason: str


def counters(connection: sqlite3.Connection, names: Sequence[str], quantity: str, from_ms: int, to_ms: int) -> list[CounterRow]:
    """The counter of the meter known by `names`, from_ms <= time < to_ms, oldest first."""
    if QUANTITIES[quantity].kind != COUNTER:
        raise ValueError(f"{quantity} is no counter")
    marks = ", ".join("?" * len(names))
    query = f"""
        select time_ms, "{quantity}", json_extract(missing, '$.{quantity}') from counter
        where meter in (select id from meter where name in ({marks})) and time_ms >= ? and time_ms < ?
          and ("{quantity}" is not null or json_extract(missing, '$.{quantity}') is not null)
        order by time_ms, sequence"""  # noqa: S608 - a quantity of the table and question marks
    return [CounterRow(time_ms, value, reason or "") for time_ms, value, reason in connection.execute(query, (*names, from_ms, to_ms))]


def gaps(
    connection: sqlite3.Connection, names: Sequence[str], quantity: str, from_ms: int, now_ms: int, longer_than_ms: int
) -> list[tuple[int, int]]:
    """Stretches without a reading of the counter, the one up to now included; none where the meter was never read."""
    rows = [row.time_ms for row in counters_since(connection, names, quantity, from_ms) if row.value is not None]
    ends = [*rows, now_ms] if rows else []
    return [(first, following) for first, following in pairwise(ends) if following - first > longer_than_ms]


# A pair of readings may straddle the beginning of a window: the newest few before it belong to the question.
LEAD = 3


def counters_since(connection: sqlite3.Connection, names: Sequence[str], quantity: str, from_ms: int) -> list[CounterRow]:
    """The counter from `from_ms` on, and the last few readings before."""
    marks = ", ".join("?" * len(names))
    query = f"""
        select time_ms from counter where meter in (select id from meter where name in ({marks})) and time_ms < ?
          and "{quantity}" is not null order by time_ms desc limit {LEAD}"""  # noqa: S608 - a quantity of the table and question marks
    before = [time_ms for (time_ms,) in connection.execute(query, (*names, from_ms))]
    return counters(connection, names, quantity, min(before, default=from_ms), _FOREVER)


def span_ms(connection: sqlite3.Connection) -> tuple[int, int] | None:
    """Instants of the first and last counter reading, or None."""
    first, last = connection.execute("select min(time_ms), max(time_ms) from counter").fetchone()
    return None if first is None else (first, last)


_NEWEST = """
    select document from figure where sequence in (
        select max(sequence) from figure where start_ms < ? and end_ms > ? and known_at_ms <= ? group by key)
    order by start_ms, key"""


def published(connection: sqlite3.Connection, from_ms: int, to_ms: int, as_known_at_ms: int | None = None) -> list[dict[str, Any]]:
    """The newest version of every figure that touches [from_ms, to_ms), as it was known at an instant (None: now)."""
    known_at_ms = _FOREVER if as_known_at_ms is None else as_known_at_ms
    return [json.loads(document) for (document,) in connection.execute(_NEWEST, (to_ms, from_ms, known_at_ms))]


def running(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    return [json.loads(document) for (document,) in connection.execute("select document from running order by start_ms, key")]


def newest_by_key(connection: sqlite3.Connection, from_ms: int, to_ms: int) -> dict[str, dict[str, Any]]:
    """The newest published document of every figure that touches [from_ms, to_ms), by its key."""
    query = _NEWEST.replace("select document", "select key, document", 1)
    return {key: json.loads(document) for key, document in connection.execute(query, (to_ms, from_ms, _FOREVER))}


def figures(connection: sqlite3.Connection, from_ms: int, to_ms: int, as_known_at_ms: int | None = None) -> list[dict[str, Any]]:
    """Published and running figures in order of time; as known at an instant there are only published ones."""
    found = published(connection, from_ms, to_ms, as_known_at_ms)
    if as_known_at_ms is None:
        query = "select document from running where start_ms < ? and end_ms > ? order by start_ms, key"
        found += [json.loads(document) for (document,) in connection.execute(query, (to_ms, from_ms))]
    return sorted(found, key=lambda document: (document["start"], document["production_line"] or ""))


def newest_site(connection: sqlite3.Connection) -> dict[str, Any] | None:
    row = connection.execute("select document from site order by sequence desc limit 1").fetchone()
    return json.loads(row[0]) if row else None
