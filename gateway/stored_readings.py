"""The store as the source of a reckoning: readings as known up to one record, and what published figures tell of before."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from gateway.buffer import series
from gateway.carbon.inputs import CounterKey, CounterReading
from gateway.site_inputs import Counted
from protocols.reading import milliseconds_of

EVERYTHING = 2**62
# The newest few dozen figures name an accepted reading of every counter that is still read.
FIGURES_ASKED = 400
# Without a Python call for each of a million rows.
_AS_READING: Callable[[tuple[int, int | None, str]], CounterReading] = partial(tuple.__new__, CounterReading)


class StoredReadings:
    """Reads through one connection; who gives it decides whether it stands on one snapshot.

    `known`: as if no record above that number were there, with readings up to `until_ms` at most.
    """

    def __init__(
        self, connection: sqlite3.Connection, counted: Sequence[Counted], known: int = EVERYTHING, until_ms: int | None = None
    ) -> None:
        self._connection = connection
        self._counted = counted
        self._known = known
        self._until_ms = until_ms

    def span_ms(self) -> tuple[int, int] | None:
        span = series.span_ms(self._connection)
        return span if span is None or self._until_ms is None else (span[0], min(span[1], self._until_ms))

    def readings(self, from_ms: Mapping[CounterKey, int], to_ms: int | None) -> dict[CounterKey, list[CounterReading]]:
        found = {}
        if self._until_ms is not None:
            to_ms = min(to_ms or EVERYTHING, self._until_ms + 1)
        for each in self._counted:
            key = each.spec.key
            rows = series.values(self._connection, each.names, each.spec.quantity, from_ms.get(key, 0), to_ms, self._known)
            found[key] = list(map(_AS_READING, rows))
        return found

    def going_on(self, from_ms: int) -> frozenset[CounterKey]:
        if self._until_ms is not None and from_ms > self._until_ms:
            return frozenset()
        return frozenset(
            each.spec.key
            for each in self._counted
            if series.value_after(self._connection, each.names, each.spec.quantity, from_ms, self._known) is not None
        )

    def before(self, time_ms: int) -> int:
        going_on = self.going_on(time_ms)
        found = (
            series.value_before(self._connection, each.names, each.spec.quantity, time_ms, self._known)
            for each in self._counted
            if each.spec.key in going_on
        )
        return min((each for each in found if each is not None), default=time_ms)

    def accepted_before(self, time_ms: int) -> Mapping[CounterKey, int]:
        wanted = {(name, each.spec.quantity): each.spec.key for each in self._counted for name in each.names}
        found: dict[CounterKey, int] = {}
        for document in series.newest_first(self._connection, time_ms, FIGURES_ASKED, self._known):
            for key, accepted_ms in _accepted_in(document, wanted):
                found[key] = max(accepted_ms, found.get(key, 0))
            if len(found) == len(self._counted):
                break
        return found

    def documents_before(self, time_ms: int) -> Sequence[Mapping[str, Any]]:
        return series.carried(self._connection, time_ms, self._known)


def _accepted_in(document: Mapping[str, Any], wanted: Mapping[tuple[str, str], CounterKey]) -> Iterable[tuple[CounterKey, int]]:
    for entry in document["meters"]:
        key = wanted.get((entry["meter"], entry["quantity"]))
        if key is not None and entry["last"] is not None:
            yield key, milliseconds_of(entry["last"]["time"])
