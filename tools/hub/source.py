"""The hub's store as a RecordSource: documents in the order of arrival here. It only reads."""

import gzip
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from gateway.interfaces import FIGURES, INTERVALS, METER_BITS, METERS, READINGS, Filter, Page
from protocols.batch import reading_documents
from protocols.reading import iso, iso_or_none, milliseconds_of
from tools.hub import forks, intervals
from tools.hub.completeness import Held, gateway_completeness
from tools.hub.database import HubDatabase, Session, StoreFailing
from tools.hub.store import PLACE_BITS

# A request looks at no more records than this, so that a narrow filter answers within about a second; the
# caller goes on with the cursor.
ROWS_MAX = 50_000
# So many heads of batches at once: live ones are small, and a page of 10,000 readings needs some hundreds.
BATCHES_MAX = 500
# So many rows at once, of which a figure has some kilobytes; a page that is full asks for no more.
LOOK = 2_000
_PLACES = 2**PLACE_BITS - 1


class _Item(NamedTuple):
    """A record on its way out: from `start_ms` to `end_ms` it happened, None if nobody knows yet."""

    position: int
    document: dict[str, Any]
    subject: str | None
    start_ms: int | None
    end_ms: int | None


class HubRecords:
    def __init__(self, database: HubDatabase, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._now_ms = now_ms

    def page(self, kind: str, after: int, limit: int, wanted: Filter) -> Page:
        with self._database.reading() as session:
            look = _Look(session, _Clocks(session))
            items = look.after(kind, after, wanted)
            documents: list[dict[str, Any]] = []
            position = after
            for count, item in enumerate(items):
                if len(documents) == limit or count == ROWS_MAX:
                    return Page(documents, position, more=True)
                position = item.position
                if _fits(item, wanted):
                    documents.append(item.document)
            return Page(documents, max(position, look.reached), look.more)

    def batches(self, after: int, limit: int) -> Page:
        """As they were signed; the bodies of one page are in memory at once, so `limit` is small."""
        with self._database.reading() as session:
            heads = session.rows(
                "select position, gateway, number, received_ms from batches where position > ? order by position limit ?", after, limit + 1
            )
            documents = [_body(session, head) for head in heads[:limit]]
        return Page(documents, heads[len(documents) - 1]["position"] if documents else after, more=len(heads) > limit)

    def completeness(self, from_ms: int | None, to_ms: int | None) -> dict[str, Any]:
        with self._database.reading() as session:
            gateways = session.rows("select * from gateways order by gateway")
            held = _held(session)
            branches = forks.described(session)
            keys = _keys(session)
        found = []
        for row in gateways:
            name = row["gateway"]
            document = gateway_completeness(row, held.get(name, []), from_ms, to_ms)
            other = branches.get(name, [])
            document |= {"keys": keys.get(name, []), "forks": other[: forks.SHOWN_MAX], "fork_count": len(other)}
            found.append({**document, "complete": document["complete"] and not other})
        return {"complete": all(each["complete"] for each in found), "gateways": found}

    def health(self) -> dict[str, Any]:
        try:
            with self._database.reading() as session:
                sums = session.row(
                    "select count(*) as gateways, coalesce(sum(batches), 0) as batches, coalesce(sum(records), 0) as records, "
                    "max(contact_ms) as contact_ms from gateways"
                )
        except StoreFailing as failing:
            return {"ok": False, "sentence": str(failing)}
        assert sums is not None
        counts = {key: int(sums[key]) for key in ("gateways", "batches", "records")}
        return {"ok": True, "sentence": "", "time": iso(self._now_ms()), **counts, "last_contact": iso_or_none(sums["contact_ms"])}


class _Clocks:
    """What the clock records say of each boot; an undated record is dated by the first of its boot."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[tuple[str, int], int | None] = {}

    def date(self, gateway: str, boot: int | None, monotonic_ms: int | None) -> int | None:
        if boot is None or monotonic_ms is None:
            return None
        offset_ms = self._offset_ms(gateway, boot)
        return None if offset_ms is None else monotonic_ms + offset_ms

    def _offset_ms(self, gateway: str, boot: int) -> int | None:
        key = (gateway, boot)
        if key not in self._known:
            query = "select document from records where gateway = ? and kind = 'clocks' and boot = ? order by sequence limit 1"
            row = self._session.row(query, gateway, boot)
            self._known[key] = None if row is None else json.loads(row["document"])["offset_ms"]
        return self._known[key]


class _Look:
    """One walk through the order of arrival; `reached` and `more` say how it ended once it has ended."""

    def __init__(self, session: Session, clocks: _Clocks) -> None:
        self._session = session
        self._clocks = clocks
        self.reached = 0
        self.more = False

    def after(self, kind: str, after: int, wanted: Filter) -> Iterator[_Item]:
        if kind == METERS:
            return self.meters(after, wanted)
        return self.readings(after, wanted) if kind == READINGS else self.rows(kind, after, wanted)

    def meters(self, after: int, wanted: Filter) -> Iterator[_Item]:
        """As the newest site description of each gateway declares them: one that is declared anew comes again."""
        gateways = self._session.rows("select gateway from gateways order by gateway")
        items = [item for row in gateways if wanted.gateway in (None, row["gateway"]) for item in _meters(self._session, row["gateway"])]
        yield from sorted((item for item in items if item.position > after), key=lambda item: item.position)

    def readings(self, after: int, wanted: Filter) -> Iterator[_Item]:
        """Batches that cannot hold anything wanted are not unpacked."""
        query, values = _batches(after, wanted)
        heads = self._session.rows(query, *values, BATCHES_MAX)
        end = self._end(PLACE_BITS)
        for head in heads:
            base = head["position"] << PLACE_BITS
            for place, reading in enumerate(_unpacked(self._session, head), start=1):
                if base + place > after:
                    yield self._reading(head["gateway"], base + place, reading)
        self.more = len(heads) == BATCHES_MAX
        self.reached = (heads[-1]["position"] << PLACE_BITS) + _PLACES if self.more else end

    def rows(self, kind: str, after: int, wanted: Filter) -> Iterator[_Item]:
        table, condition, place_bits, item = ("intervals", "arrival > ?", intervals.PLACE_BITS, self._interval)
        if kind != INTERVALS:
            table, condition, place_bits, item = ("records", f"kind = '{kind}' and arrival > ?", PLACE_BITS, partial(self._record, kind))
        of = "" if wanted.gateway is None else "and gateway = ?"
        query = f"select * from {table} where {condition} {of} order by arrival limit ?"  # noqa: S608 - our own names
        end, found = self._end(place_bits), [{"arrival": after}]
        while found:
            found = self._session.rows(query, found[-1]["arrival"], *(() if wanted.gateway is None else (wanted.gateway,)), LOOK)
            yield from (item(row) for row in found)
        self.reached = end

    def _end(self, place_bits: int) -> int:
        """The end of all that this transaction sees: nothing will ever come in before it."""
        row = self._session.row("select position from arrivals")
        return 0 if row is None else ((int(row["position"]) + 1) << place_bits) - 1

    def _reading(self, gateway: str, position: int, reading: dict[str, Any]) -> _Item:
        time_ms = None
        if reading["time"] is None:
            time_ms = self._clocks.date(gateway, reading["boot"], reading["monotonic_ms"])
            reading["time"] = iso_or_none(time_ms)
        # The times of dated readings are compared only where somebody asks for a period.
        return _Item(position, {"gateway": gateway, **reading}, reading["meter"], time_ms, time_ms)

    def _interval(self, row: dict[str, Any]) -> _Item:
        interval = intervals.interval_of(row)
        document = {"gateway": row["gateway"], **interval.document()}
        return _Item(row["arrival"], document, interval.meter, interval.start_ms, interval.end_ms - 1)

    def _record(self, kind: str, row: dict[str, Any]) -> _Item:
        document = {"gateway": row["gateway"], "sequence": row["sequence"], **json.loads(row["document"])}
        if kind == FIGURES:
            return _Item(row["arrival"], document, row["subject"], row["time_ms"], row["end_ms"] - 1)
        time_ms = row["time_ms"]
        if time_ms is None:
            time_ms = self._clocks.date(row["gateway"], row["boot"], row["monotonic_ms"])
        document["time"] = iso_or_none(time_ms)
        return _Item(row["arrival"], document, row["subject"], time_ms, time_ms)


def _batches(after: int, wanted: Filter) -> tuple[str, list[object]]:
    conditions, values = ["position >= ?", "readings > 0"], [after >> PLACE_BITS]
    for condition, value in (
        ("gateway = ?", wanted.gateway),
        ("(undated > 0 or last_ms >= ?)", wanted.from_ms),
        ("(undated > 0 or first_ms < ?)", wanted.to_ms),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)  # type: ignore[arg-type]
    where = " and ".join(conditions)
    return f"select position, gateway, number, received_ms from batches where {where} order by position limit ?", list(values)  # noqa: S608


def _unpacked(session: Session, head: dict[str, Any]) -> list[dict[str, Any]]:
    body = _body(session, head)
    return reading_documents(body) if body else []


def _body(session: Session, head: dict[str, Any]) -> dict[str, Any]:
    row = session.row(
        "select body from bodies where gateway = ? and number = ? and received_ms = ?", head["gateway"], head["number"], head["received_ms"]
    )
    body: dict[str, Any] = {} if row is None else json.loads(gzip.decompress(row["body"]))
    return body


def _fits(item: _Item, wanted: Filter) -> bool:
    if not wanted.covers(item.subject, item.document):
        return False
    if wanted.from_ms is None and wanted.to_ms is None:
        return True
    start_ms, end_ms = item.start_ms, item.end_ms
    if start_ms is None and item.document.get("time") is not None:
        start_ms = end_ms = milliseconds_of(item.document["time"])
    if start_ms is None or end_ms is None:
        return False
    return (wanted.from_ms is None or end_ms >= wanted.from_ms) and (wanted.to_ms is None or start_ms < wanted.to_ms)


def _meters(session: Session, gateway: str) -> list[_Item]:
    """Those that it declared, then those of which only readings are here."""
    query = "select arrival, time_ms, document from records where kind = 'sites' and gateway = ? order by sequence desc limit 1"
    site = session.row(query, gateway)
    found = json.loads(site["document"]).get("meters") if site else None
    declared = [each for each in found if isinstance(each, dict) and isinstance(each.get("meter"), str)] if isinstance(found, list) else []
    names = {each["meter"] for each in declared}
    heard = [row for row in session.rows("select meter from meters where gateway = ? order by meter", gateway) if row["meter"] not in names]
    base, time_ms = (site["arrival"], site["time_ms"]) if site else (_newest(session, gateway), None)
    return [
        _Item((base << METER_BITS) + place, {"gateway": gateway, **each}, each["meter"], time_ms, time_ms)
        for place, each in enumerate([*declared, *heard], start=1)
    ]


def _newest(session: Session, gateway: str) -> int:
    """Where the newest batch of a gateway begins in the order of arrival."""
    row = session.row("select max(position) as position from batches where gateway = ?", gateway)
    return ((row and row["position"]) or 0) << PLACE_BITS


def _held(session: Session) -> dict[str, list[Held]]:
    """By gateway; below `highest` there is no gap, so only tombstones matter there."""
    columns = "b.gateway, b.number, b.first_sequence, b.last_sequence, b.hash, b.sealed_ms, b.tombstone"
    rows = session.rows(
        f"select {columns} from gateways g join batches b on b.gateway = g.gateway and b.number >= g.highest "  # noqa: S608 - constants
        f"union select {columns} from batches b where b.tombstone is not null order by 1, 2"
    )
    found: dict[str, list[Held]] = {}
    for row in rows:
        found.setdefault(row.pop("gateway"), []).append(Held(**row))
    return found


def _keys(session: Session) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in session.rows("select gateway, from_number, public_key from keys order by gateway, from_number"):
        found.setdefault(row["gateway"], []).append({"from_number": row["from_number"], "public_key": row["public_key"]})
    return found
