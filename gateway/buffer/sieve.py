"""Which of some readings are new: importing rows again, in any order and any split, changes nothing."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gateway.buffer import rows
from protocols.quantity import COUNTER, QUANTITIES
from protocols.reading import Reading


class Conflict(NamedTuple):
    """Two different values for one meter, quantity and instant; the engine uses neither."""

    meter: str
    quantity: str
    time_ms: int
    values: tuple[int, ...]


class Sifted(NamedTuple):
    new: list[Reading]
    known: int  # values that were there already
    conflicts: list[Conflict]


_Key = tuple[str, str, int]


def sift(connection: sqlite3.Connection, readings: Sequence[Reading]) -> Sifted:
    """Of imported readings (all with a time) those values that the store does not hold, and what contradicts."""
    held = _held(connection, readings)
    new: list[Reading] = []
    known = 0
    conflicts: dict[_Key, Conflict] = {}
    for reading in readings:
        assert reading.time_ms is not None
        fresh: dict[str, int] = {}
        for quantity, value in reading.values.items():
            key = (reading.meter, quantity, reading.time_ms)
            values = held[key]
            if value in values:
                known += 1
            else:
                values.append(value)
                fresh[quantity] = value
            if len(values) > 1:  # also where both were there: the row that was brought again is not used
                conflicts[key] = Conflict(*key, tuple(values))
        missing = {name: why for name, why in reading.missing.items() if not held[reading.meter, name + "!", reading.time_ms]}
        for name in missing:
            held[reading.meter, name + "!", reading.time_ms].append(0)
        if fresh or missing:
            new.append(reading._replace(values=fresh, missing=missing))
    return Sifted(new, known, list(conflicts.values()))


def _held(connection: sqlite3.Connection, readings: Sequence[Reading]) -> dict[_Key, list[int]]:
    """Stored values by (meter, quantity, time) within the time span of the readings of each meter; a reason stands as quantity + "!"."""
    held: dict[_Key, list[int]] = defaultdict(list)
    spans: dict[str, list[int]] = defaultdict(list)
    for reading in readings:
        assert reading.time_ms is not None
        spans[reading.meter].append(reading.time_ms)
    quantities = {quantity for reading in readings for quantity in (*reading.values, *reading.missing)}
    with_power = any(QUANTITIES[each].kind != COUNTER for each in quantities)
    for meter, times in spans.items():
        for stored in _stored(connection, meter, min(times), max(times), with_power):
            for quantity, value in stored.values.items():
                held[meter, quantity, stored.time_ms or 0].append(value)
            for quantity in stored.missing:
                held[meter, quantity + "!", stored.time_ms or 0].append(0)
    return held


def _stored(connection: sqlite3.Connection, meter: str, from_ms: int, to_ms: int, with_power: bool) -> Iterable[Reading]:  # noqa: FBT001 - private
    yield from rows.counters_between(connection, meter, from_ms, to_ms)
    if with_power:
        yield from rows.power_between(connection, meter, from_ms, to_ms)
