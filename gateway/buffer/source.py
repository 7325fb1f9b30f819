"""The store as a RecordSource: documents in sequence order for the read API. It only reads."""

import gzip
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from gateway.buffer import rows, sealed
from gateway.buffer.connection import Readers
from gateway.buffer.intervals import intervals
from gateway.interfaces import EVENTS, FIGURES, INTERVALS, METER_BITS, METERS, READINGS, Filter, Page
from protocols.batch import event_document, reading_document
from protocols.interval import Interval
from protocols.reading import Event, Figure, Reading, iso, iso_or_none

# One look at the tables takes this many rows of each; a filter that drops them all looks again.
LOOK = 2_000
# A request reads at most this many rows, so that one with a narrow filter answers within about a second.
ROWS_MAX = 50_000


class _Item(NamedTuple):
    """`document` is None where there is nothing to tell, but a place to go on from."""

    position: int
    document: dict[str, Any] | None
    meter: str | None
    start_ms: int | None
    end_ms: int | None


class Description(NamedTuple):
    """What the store's readers are told of the gateway beside its records."""

    name: str = ""
    public_key: str = ""
    interval_ms: int = 15 * 60_000


UNDESCRIBED = Description()


class StoredRecords:
    def __init__(self, readers: Readers, gateway: str, description: Description) -> None:
        self._readers = readers
        self._gateway = gateway
        self._description = description

    def page(self, kind: str, after: int, limit: int, wanted: Filter) -> Page:
        if wanted.gateway not in (None, self._gateway):
            return Page([], after, more=False)
        documents: list[dict[str, Any]] = []
        position = after
        for count, item in enumerate(self._after(kind, after)):
            if count == ROWS_MAX or (len(documents) == limit and item.document is not None):
                return Page(documents, position, more=True)
            position = item.position
            if item.document is not None and _fits(wanted, item):
                documents.append({"gateway": self._gateway, **item.document})
        return Page(documents, position, more=False)

    def _after(self, kind: str, after: int) -> Iterator[_Item]:
        if kind == INTERVALS:
            found = intervals(self._readers.get(), self._description.interval_ms, after)
            return (_interval_item(position, interval) for position, interval in found)
        if kind == METERS:
            return (item for item in self._meters() if item.position > after)
        return self._records(kind, after)

    def _meters(self) -> Iterator[_Item]:
        """As the newest site description declares them."""
        row = self._readers.get().execute("select sequence, known_at_ms, document from site order by sequence desc limit 1").fetchone()
        for place, meter in enumerate(json.loads(row["document"])["meters"] if row else (), start=1):
            yield _Item((row["sequence"] << METER_BITS) + place, meter, meter["meter"], row["known_at_ms"], row["known_at_ms"])

    def _records(self, kind: str, after: int) -> Iterator[_Item]:
        look, item = _KINDS[kind]
        while True:
            found = [record for record, _ in zip(look(self._readers.get(), after, LOOK), range(LOOK), strict=False)]
            yield from (item(record) for record in found)
            if len(found) < LOOK:
                return
            after = found[-1].sequence

    def batches(self, after: int, limit: int) -> Page:
        """Sealed batches as they were signed; of those that a hub has confirmed, or that were thinned, the head."""
        query = "select * from batch where number > ? and sealed_ms > 0 order by number limit ?"
        found = self._readers.get().execute(query, (after, limit + 1)).fetchall()
        documents = [{"gateway": self._gateway, **self._batch_document(row)} for row in found[:limit]]
        return Page(documents, found[len(documents) - 1]["number"] if documents else after, more=len(found) > limit)

    def _batch_document(self, row: sqlite3.Row) -> dict[str, Any]:
        if row["body"] is not None:
            stored: dict[str, Any] = json.loads(gzip.decompress(row["body"]))
            return stored
        body = None if row["acknowledged_ms"] is not None else sealed.body_of(self._readers.get(), self._gateway, row)
        if body is not None:
            return {**body, "signature": row["signature"]}
        head = {name: row[name] for name in ("number", "previous", "hash", "first_sequence", "last_sequence")}
        return {**head, "sealed_at": iso(row["sealed_ms"]), "delivered_at": iso_or_none(row["acknowledged_ms"])}

    def completeness(self, from_ms: int | None, to_ms: int | None) -> dict[str, Any]:
        """Here nothing can be missing but what was refused or dropped."""
        connection = self._readers.get()
        head = connection.execute("select number, hash, sealed_ms from batch order by number desc limit 1").fetchone()
        totals = connection.execute(
            "select count(*), coalesce(sum(last_sequence - first_sequence + 1), 0), count(acknowledged_ms) from batch where sealed_ms > 0"
        ).fetchone()
        query = "select number, first_sequence, last_sequence, sealed_ms, refused from batch where refused is not null and sealed_ms >= ?"
        tombstones = [_tombstone(row) for row in connection.execute(f"{query} order by number", (from_ms or 0,))]
        reaches = to_ms is None or (head is not None and head["sealed_ms"] >= to_ms)
        complete = reaches and not tombstones
        gateway = {
            "gateway": self._gateway,
            "name": self._description.name,
            "complete": complete,
            "highest": head["number"] if head else 0,
            "head": head["hash"] if head else None,
            "proven_until": iso(head["sealed_ms"]) if head else None,
            "beyond": [],
            "missing": [],
            "tombstones": tombstones,
            "batches": totals[0],
            "records": totals[1],
            "acknowledged": totals[2],
            "keys": [{"from_number": None, "public_key": self._description.public_key}],
        }
        return {"complete": complete, "gateways": [gateway]}

    def newest(self) -> int:
        """The position of the newest record of any kind but intervals."""
        (next_sequence,) = self._readers.get().execute("select value from number where name = 'next_sequence'").fetchone()
        return int(next_sequence) - 1

    def health(self) -> dict[str, Any]:
        return {"ok": True, "gateway": self._gateway, "records": self.newest()}


def _tombstone(row: sqlite3.Row) -> dict[str, Any]:
    span = {"first_sequence": row["first_sequence"], "last_sequence": row["last_sequence"]}
    return {"number": row["number"], **span, "sealed_at": iso(row["sealed_ms"]), "reason": row["refused"]}


def _fits(wanted: Filter, item: _Item) -> bool:
    if item.document is None or not wanted.covers(item.meter, item.document):
        return False
    if wanted.from_ms is not None and (item.end_ms is None or item.end_ms < wanted.from_ms):
        return False
    return wanted.to_ms is None or (item.start_ms is not None and item.start_ms < wanted.to_ms)


def _interval_item(position: int, interval: Interval | None) -> _Item:
    if interval is None:
        return _Item(position, None, None, None, None)
    return _Item(position, interval.document(), interval.meter, interval.start_ms, interval.end_ms - 1)


def _reading_item(reading: Reading) -> _Item:
    return _Item(reading.sequence, reading_document(reading), reading.meter, reading.time_ms, reading.time_ms)


def _event_item(event: Event) -> _Item:
    return _Item(event.sequence, event_document(event), event.subject, event.time_ms, event.time_ms)


def _figure_item(figure: Figure) -> _Item:
    document = {"sequence": figure.sequence, **figure.document}
    return _Item(figure.sequence, document, None, figure.start_ms, figure.end_ms - 1)


_KINDS: dict[str, tuple[Callable[[sqlite3.Connection, int, int], Iterable[Any]], Callable[[Any], _Item]]] = {
    READINGS: (rows.readings, _reading_item),
    EVENTS: (rows.events, _event_item),
    FIGURES: (rows.figures, _figure_item),
}
