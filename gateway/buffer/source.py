"""The store as a RecordSource: documents in sequence order for the read API. It only reads."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gateway.buffer import rows
from gateway.buffer.connection import Readers
from gateway.interfaces import EVENTS, FIGURES, READINGS, Filter, Page
from protocols.batch import event_document, reading_document
from protocols.reading import Event, Figure, Reading

# One look at the tables takes this many rows of each; a filter that drops them all looks again.
LOOK = 2_000
# A request reads at most this many rows, so that one with a narrow filter answers within about a second.
ROWS_MAX = 50_000

_Item = tuple[int, dict[str, Any], str | None, int | None, int | None]  # sequence, document, meter, start, end


class StoredRecords:
    def __init__(self, readers: Readers, gateway: str) -> None:
        self._readers = readers
        self._gateway = gateway

    def meters(self) -> list[dict[str, Any]]:
        """As the newest site description declares them."""
        row = self._readers.get().execute("select document from site order by sequence desc limit 1").fetchone()
        return [{"gateway": self._gateway, **meter} for meter in json.loads(row[0])["meters"]] if row else []

    def page(self, kind: str, after: int, limit: int, wanted: Filter) -> Page:
        if wanted.gateway not in (None, self._gateway):
            return Page([], after, more=False)
        documents: list[dict[str, Any]] = []
        position = after
        for count, (sequence, document, meter, start_ms, end_ms) in enumerate(self._after(kind, after)):
            if len(documents) == limit or count == ROWS_MAX:
                return Page(documents, position, more=True)
            position = sequence
            if _fits(wanted, meter, start_ms, end_ms):
                documents.append({"gateway": self._gateway, **document})
        return Page(documents, position, more=False)

    def _after(self, kind: str, after: int) -> Iterator[_Item]:
        look, item = _KINDS[kind]
        while True:
            found = [record for record, _ in zip(look(self._readers.get(), after, LOOK), range(LOOK), strict=False)]
            yield from (item(record) for record in found)
            if len(found) < LOOK:
                return
            after = found[-1].sequence

    def completeness(self, from_ms: int | None, to_ms: int | None) -> dict[str, Any]:
        """Here nothing can be missing but what was refused or dropped: the batches with their ranges and hashes."""
        query = """
            select number, first_sequence, last_sequence, hash, sealed_ms, acknowledged_ms, refused from batch
            where sealed_ms >= ? and sealed_ms < ? order by number"""
        found = self._readers.get().execute(query, (from_ms or 0, 2**62 if to_ms is None else to_ms)).fetchall()
        head = self._readers.get().execute("select coalesce(max(number), 0) from batch").fetchone()[0]
        tombstones = [{"number": row["number"], "reason": row["refused"]} for row in found if row["refused"] is not None]
        return {
            "gateways": [
                {
                    "gateway": self._gateway,
                    "highest": head,
                    "first": found[0]["number"] if found else None,
                    "last": found[-1]["number"] if found else None,
                    "missing": [],
                    "tombstones": tombstones,
                    "records": sum(row["last_sequence"] - row["first_sequence"] + 1 for row in found),
                    "acknowledged": sum(row["acknowledged_ms"] is not None for row in found),
                    "head": found[-1]["hash"] if found else None,
                }
            ],
            "complete": not tombstones,
        }

    def health(self) -> dict[str, Any]:
        (next_sequence,) = self._readers.get().execute("select value from number where name = 'next_sequence'").fetchone()
        return {"ok": True, "gateway": self._gateway, "records": next_sequence - 1}


def _fits(wanted: Filter, meter: str | None, start_ms: int | None, end_ms: int | None) -> bool:
    if wanted.meter is not None and meter is not None and wanted.meter != meter:
        return False
    if wanted.from_ms is not None and (end_ms is None or end_ms < wanted.from_ms):
        return False
    return wanted.to_ms is None or (start_ms is not None and start_ms < wanted.to_ms)


def _reading_item(reading: Reading) -> _Item:
    return reading.sequence, reading_document(reading), reading.meter, reading.time_ms, reading.time_ms


def _event_item(event: Event) -> _Item:
    return event.sequence, event_document(event), event.subject, event.time_ms, event.time_ms


def _figure_item(figure: Figure) -> _Item:
    document = {"sequence": figure.sequence, **figure.document}
    return figure.sequence, document, None, figure.start_ms, figure.end_ms - 1


_KINDS: dict[str, tuple[Callable[[sqlite3.Connection, int, int], Iterable[Any]], Callable[[Any], _Item]]] = {
    READINGS: (rows.readings, _reading_item),
    EVENTS: (rows.events, _event_item),
    FIGURES: (rows.figures, _figure_item),
}
