"""The hub's store as a RecordSource: documents in the order of arrival here. It only reads."""

import json
import sqlite3
from collections.abc import Callable
from typing import Any

from gateway.interfaces import EVENTS, FIGURES, READINGS, Filter, Page
from protocols.reading import iso, iso_or_none
from tools.hub.completeness import Held, gateway_completeness
from tools.hub.database import HubDatabase, StoreFailing

# Intervals are worked out at the gateway and do not travel; the readings they come from do.
KINDS = (READINGS, FIGURES, EVENTS)
# A request looks at no more rows than this, so that a narrow filter answers soon; the caller goes on with the cursor.
ROWS_MAX = 100_000
_FOREVER = 2**63 - 1

# An undated record is dated by the first clock record of its boot that came after it.
_TIME = """coalesce(records.time_ms, records.monotonic_ms + (
    select json_extract(clocks.document, '$.offset_ms') from records as clocks
    where clocks.kind = 'clocks' and clocks.gateway = records.gateway and clocks.boot = records.boot
      and clocks.sequence > records.sequence order by clocks.sequence limit 1))"""
_PAGE = f"""
    select arrival, gateway, sequence, {_TIME} as time_ms, document from records
    where kind = :kind and arrival > :after and arrival <= :until
      and (:gateway is null or gateway = :gateway)
      and (:meter is null or subject is null or subject = :meter)
      and (:from_ms is null or coalesce(end_ms - 1, {_TIME}) >= :from_ms)
      and (:to_ms is null or {_TIME} < :to_ms)
    order by arrival limit :limit"""  # noqa: S608 - constants of this file


class HubRecords:
    def __init__(self, database: HubDatabase, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._now_ms = now_ms

    def meters(self) -> list[dict[str, Any]]:
        """As the newest site description of each gateway declares them, then those that were only heard of."""
        with self._database.reading() as connection:
            seen = connection.execute("select gateway, meter from meters order by gateway, meter").fetchall()
            gateways = [row["gateway"] for row in connection.execute("select gateway from gateways order by gateway")]
            declared = [{"gateway": each, **meter} for each in gateways for meter in _declared(connection, each)]
        known = {(meter["gateway"], meter.get("name")) for meter in declared}
        return declared + [{"gateway": row["gateway"], "name": row["meter"]} for row in seen if tuple(row) not in known]

    def page(self, kind: str, after: int, limit: int, wanted: Filter) -> Page:
        with self._database.reading() as connection:
            until = None if wanted == Filter() else _until(connection, kind, after)
            asked = {"kind": kind, "after": after, "until": until or _FOREVER, "limit": limit + 1, **vars(wanted)}
            rows = connection.execute(_PAGE, asked).fetchall()
        more, rows = len(rows) > limit, rows[:limit]
        last = rows[-1]["arrival"] if rows else after
        position = last if more or until is None else until
        return Page([_document(kind, row) for row in rows], position, more or until is not None)

    def completeness(self, from_ms: int | None, to_ms: int | None) -> dict[str, Any]:
        with self._database.reading() as connection:
            gateways = connection.execute("select * from gateways order by gateway").fetchall()
            found = [
                gateway_completeness(row, _held(connection, row["gateway"], row["highest"]), from_ms, to_ms) for row in map(dict, gateways)
            ]
        return {"complete": all(each["complete"] for each in found), "gateways": found}

    def health(self) -> dict[str, Any]:
        try:
            with self._database.reading() as connection:
                sums = connection.execute("select count(*), total(batches), total(records), max(contact_ms) from gateways").fetchone()
        except StoreFailing as failing:
            return {"ok": False, "sentence": str(failing)}
        gateways, batches, records, contact_ms = sums
        counts = {"gateways": gateways, "batches": int(batches), "records": int(records)}
        return {"ok": True, "sentence": "", "time": iso(self._now_ms()), **counts, "last_contact": iso_or_none(contact_ms)}


def _until(connection: sqlite3.Connection, kind: str, after: int) -> int | None:
    """The arrival of the last row that one filtered request looks at; None if there are no more rows than that."""
    rows = "select arrival from records where kind = ? and arrival > ? order by arrival limit 1 offset ?"
    found = connection.execute(rows, (kind, after, ROWS_MAX - 1)).fetchone()
    return found["arrival"] if found else None


def _document(kind: str, row: sqlite3.Row) -> dict[str, Any]:
    """As it came, with the gateway it came from and, if a clock record dated it later, its date."""
    document = {"gateway": row["gateway"], "sequence": row["sequence"], **json.loads(row["document"])}
    if kind != FIGURES:
        document["time"] = iso_or_none(row["time_ms"])
    return document


def _declared(connection: sqlite3.Connection, gateway: str) -> list[dict[str, Any]]:
    row = connection.execute(
        "select document from records where kind = 'sites' and gateway = ? order by sequence desc limit 1", (gateway,)
    ).fetchone()
    meters = json.loads(row["document"]).get("meters", []) if row else []
    return [meter for meter in meters if isinstance(meter, dict)] if isinstance(meters, list) else []


def _held(connection: sqlite3.Connection, gateway: str, highest: int) -> list[Held]:
    """Below `highest` there is no gap, so only tombstones matter there."""
    rows = connection.execute(
        "select number, first_sequence, last_sequence, hash, sealed_ms, tombstone from batches "
        "where gateway = ? and (number >= ? or tombstone is not null) order by number",
        (gateway, highest),
    )
    return [Held(*row) for row in rows]
