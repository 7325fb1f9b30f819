"""What the engine asks of the store: counters of one meter in time order, and the figures published before."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from protocols.quantity import COUNTER, QUANTITIES
from protocols.reading import Declared

_FOREVER = 2**62
# A counter that stood in no figure for longer is walked from its first reading: rare, and it has few.
_LOOK_BACK_MS = 62 * 86_400_000


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
    before = value_before(connection, names, quantity, from_ms)
    found = counters(connection, names, quantity, from_ms if before is None else before, _FOREVER)
    rows = [row.time_ms for row in found if row.value is not None]
    ends = [*rows, now_ms] if rows else []
    return [(first, following) for first, following in pairwise(ends) if following - first > longer_than_ms]


def values(
    connection: sqlite3.Connection, names: Sequence[str], quantity: str, from_ms: int, to_ms: int | None, known: int = _FOREVER
) -> sqlite3.Cursor:
    """Rows of (time, value, reason) as `counters`, in plain tuples, of the records up to number `known` as they were dated then."""
    marks = ", ".join("?" * len(names))
    query = f"""
        select time_ms, "{quantity}", case when missing is null then '' else coalesce(json_extract(missing, '$.{quantity}'), '') end
        from counter
        where meter in (select id from meter where name in ({marks})) and time_ms >= ? and time_ms < ?
          and ("{quantity}" is not null or json_extract(missing, '$.{quantity}') is not null) and sequence <= ?"""  # noqa: S608 - as above
    if known != _FOREVER:
        query += _DATED_BY_THEN
    cursor = connection.cursor()
    cursor.row_factory = None
    later = () if known == _FOREVER else (known,)
    return cursor.execute(query, (*names, from_ms, _FOREVER if to_ms is None else to_ms, known, *later))


_DATED_BY_THEN = " and not exists (select 1 from clock where clock.boot = counter.boot and clock.sequence > ?)"


def value_before(connection: sqlite3.Connection, names: Sequence[str], quantity: str, time_ms: int, known: int = _FOREVER) -> int | None:
    """The instant of the newest value before `time_ms`, of the records up to number `known`."""
    return max(_edges(connection, names, quantity, ("desc", "<"), time_ms, known), default=None)


def value_after(connection: sqlite3.Connection, names: Sequence[str], quantity: str, time_ms: int, known: int = _FOREVER) -> int | None:
    """The instant of the first value at or after `time_ms`, of the records up to number `known`."""
    return min(_edges(connection, names, quantity, ("asc", ">="), time_ms, known), default=None)


def _edges(
    connection: sqlite3.Connection, names: Sequence[str], quantity: str, side: tuple[str, str], time_ms: int, known: int
) -> list[int]:
    """One query per name: each is one look into an index."""
    order, than = side
    query = f"""
        select time_ms from counter
        where meter = (select id from meter where name = ?) and time_ms {than} ? and "{quantity}" is not null and sequence <= ?
        {"" if known == _FOREVER else _DATED_BY_THEN} order by time_ms {order} limit 1"""  # noqa: S608 - constants
    later = () if known == _FOREVER else (known,)
    found = (connection.execute(query, (name, time_ms, known, *later)).fetchone() for name in names)
    return [each[0] for each in found if each is not None]


def span_ms(connection: sqlite3.Connection) -> tuple[int, int] | None:
    """Instants of the first and last counter reading, or None."""
    # By meter each of the two is one look into the index; over the table it would be a scan of years.
    query = """
        select min(first_ms), max(last_ms) from (
            select (select min(time_ms) from counter where counter.meter = meter.id) as first_ms,
                   (select max(time_ms) from counter where counter.meter = meter.id) as last_ms from meter)"""
    first, last = connection.execute(query).fetchone()
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


def last_sequence(connection: sqlite3.Connection) -> int:
    """The number of the newest record."""
    return int(connection.execute("select value from number where name = 'next_sequence'").fetchone()[0]) - 1


def declarations(connection: sqlite3.Connection, known: int = _FOREVER) -> list[Declared]:
    """Every declaration up to record `known`, in order; those that were taken back are among them."""
    query = "select id, known_at_ms, from_ms, document, sequence from declaration where sequence <= ? order by sequence"
    return [Declared(row[0], row[1], row[2], json.loads(row[3]), row[4]) for row in connection.execute(query, (known,))]


def newest_first(connection: sqlite3.Connection, until_ms: int, limit: int, known: int = _FOREVER) -> Iterator[dict[str, Any]]:
    """The newest version, up to record `known`, of figures that end at or before an instant, the latest first."""
    query = """
        select document from figure where sequence in (
            select max(sequence) from figure where end_ms <= ? and end_ms > ? and sequence <= ? group by key)
        order by start_ms desc limit ?"""
    for (document,) in connection.execute(query, (until_ms, until_ms - _LOOK_BACK_MS, known, limit)):
        yield json.loads(document)


def carried(connection: sqlite3.Connection, until_ms: int, known: int = _FOREVER) -> list[dict[str, Any]]:
    """Of the whole site's figures, up to record `known`, that end at or before an instant: certificates used, storage left."""
    query = """
        select json_extract(document, '$.certificates'), json_extract(document, '$.storage') from figure
        where sequence in (select max(sequence) from figure where end_ms <= ? and sequence <= ? group by key)
          and json_extract(document, '$.production_line') is null order by start_ms"""
    rows = [(json.loads(used or "null"), json.loads(left or "null")) for used, left in connection.execute(query, (until_ms, known))]
    both = [{"production_line": None, "certificates": used, "storage": left} for used, left in rows]
    return [{key: value for key, value in each.items() if value is not None or key == "production_line"} for each in both]


def newest_site(connection: sqlite3.Connection) -> dict[str, Any] | None:
    row = connection.execute("select document from site order by sequence desc limit 1").fetchone()
    return json.loads(row[0]) if row else None
