"""Intervals at the hub: told once, when the batch with the read comes in, against all reads that are held by then.

They are kept with the position of that batch, so that a cursor means the same for ever, in whatever order batches
come. Which interval a read tells is `protocols.interval`'s; this holds the boundary reads and what was told.
"""

import gzip
import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from protocols.interval import Interval, Point, is_boundary, told
from tools.hub.counters import CounterRead, counter_reads
from tools.hub.database import Session

# A clock record may date a month of reads at once: more places in a batch than it has records.
PLACE_BITS = 24
PLACES = 2**PLACE_BITS - 1
# As a gateway that says nothing else; it leaves out what is usual.
LENGTH_S = 900
# So many counters in one statement: below what both databases take as values.
COUNTERS_AT_ONCE = 500

_BOUNDARY = ("gateway", "meter", "quantity", "time_ms", "value", "sequence")
_UNDATED = ("gateway", "boot", "sequence", "meter", "quantity", "monotonic_ms", "value")
_TOLD = (
    "arrival", "gateway", "sequence", "meter", "quantity", "start_ms", "end_ms",
    "first_ms", "first_value", "first_sequence", "last_ms", "last_value", "last_sequence", "quality",
)  # fmt: skip


class Arrived(NamedTuple):
    """What of a batch concerns intervals; `clocks` are the documents of its clock records, `sites` those of its site records."""

    gateway: str
    reads: Sequence[CounterRead]
    clocks: Sequence[Mapping[str, Any]]
    sites: Sequence[Mapping[str, Any]]


class _Counter:
    """The boundary reads of one counter around those that are told now."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.fresh: list[Point] = []

    def last_before(self, time_ms: int, from_ms: int) -> Point | None:
        at = bisect_left(self.points, (time_ms,))
        return self.points[at - 1] if at and self.points[at - 1].time_ms >= from_ms else None

    def first_from(self, time_ms: int) -> Point | None:
        at = bisect_left(self.points, (time_ms,))
        return self.points[at] if at < len(self.points) else None

    def hold(self, point: Point) -> None:
        self.points.insert(bisect_left(self.points, point), point)
        self.fresh.append(point)


def tell(session: Session, arrived: Arrived) -> list[Interval]:
    """What the batch makes known; the boundary reads among its reads are held from now on."""
    dated = sorted(_dated(session, arrived), key=lambda read: read.sequence)
    if not dated:
        return []
    length_ms = _length_ms(session, arrived)
    counters = _counters(session, arrived.gateway, dated, length_ms)
    found: list[Interval] = []
    for read in dated:
        assert read.time_ms is not None
        counter = counters[read.meter, read.quantity]
        point = Point(read.time_ms, read.value, read.sequence)
        if is_boundary(point, counter, length_ms):
            found += told(read.meter, read.quantity, point, counter, length_ms)
            counter.hold(point)
    fresh = [(arrived.gateway, *key, *point) for key, counter in counters.items() for point in counter.fresh]
    if fresh:
        session.insert("boundaries", _BOUNDARY, fresh)
    return found


def _dated(session: Session, arrived: Arrived) -> Iterator[CounterRead]:
    """The reads that have a date, those of this batch and those that a clock record of it dates; the others are laid by."""
    gateway = arrived.gateway
    undated = [read for read in arrived.reads if read.time_ms is None]
    yield from (read for read in arrived.reads if read.time_ms is not None)
    offsets = _offsets(session, arrived, {read.boot for read in undated})
    waiting = [read for read in undated if read.boot not in offsets]
    yield from (_at(read, offsets[read.boot]) for read in undated if read.boot in offsets)
    for boot in sorted({clock["boot"] for clock in arrived.clocks}):
        rows = session.rows(f"select {', '.join(_UNDATED[1:])} from undated_counters where gateway = ? and boot = ?", gateway, boot)  # noqa: S608 - our own names
        session.run("delete from undated_counters where gateway = ? and boot = ?", gateway, boot)
        yield from (_at(CounterRead(**row, time_ms=None), offsets[boot]) for row in rows)
    if waiting:
        session.insert("undated_counters", _UNDATED, [(gateway, *(getattr(read, name) for name in _UNDATED[1:])) for read in waiting])


def _at(read: CounterRead, offset_ms: int) -> CounterRead:
    return read._replace(time_ms=read.monotonic_ms + offset_ms)


def _offsets(session: Session, arrived: Arrived, boots: set[int]) -> dict[int, int]:
    """By boot, of its first clock record that is known by now."""
    known = {clock["boot"]: clock for clock in sorted(arrived.clocks, key=lambda clock: -int(clock["sequence"]))}
    for boot in boots | known.keys():
        row = session.row(
            "select sequence, document from records where gateway = ? and kind = 'clocks' and boot = ? order by sequence limit 1",
            arrived.gateway, boot,
        )  # fmt: skip
        if row is not None and (boot not in known or row["sequence"] < known[boot]["sequence"]):
            known[boot] = json.loads(row["document"])
    return {boot: int(clock["offset_ms"]) for boot, clock in known.items()}


def _length_ms(session: Session, arrived: Arrived) -> int:
    """As the newest site description says that is known by now."""
    query = "select sequence, document from records where gateway = ? and kind = 'sites' order by sequence desc limit 1"
    row = session.row(query, arrived.gateway)
    described: list[tuple[int, Any]] = [(each["sequence"], each["site"]) for each in arrived.sites]
    if row is not None:
        described.append((row["sequence"], json.loads(row["document"])))
    site = max(described, key=lambda each: each[0])[1] if described else {}
    inputs = site.get("inputs")
    length_s = inputs.get("interval_s", LENGTH_S) if isinstance(inputs, dict) else LENGTH_S
    sound = type(length_s) is int and length_s >= 60 and 86_400 % length_s == 0
    return (length_s if sound else LENGTH_S) * 1000


def _counters(session: Session, gateway: str, dated: Sequence[CounterRead], length_ms: int) -> dict[tuple[str, str], _Counter]:
    """Each with its boundary reads from the interval before the first of `dated` to the one behind the last."""
    found: dict[tuple[str, str], _Counter] = defaultdict(_Counter)
    times = [read.time_ms for read in dated if read.time_ms is not None]
    from_ms, to_ms = min(times) // length_ms * length_ms, (max(times) // length_ms + 1) * length_ms
    names = iter(sorted({(read.meter, read.quantity) for read in dated}))
    while some := list(islice(names, COUNTERS_AT_ONCE)):
        marks = ", ".join(["(?, ?)"] * len(some))
        rows = session.rows(
            _AROUND.format(marks=marks),
            *(name for pair in some for name in pair),
            gateway, from_ms, length_ms, length_ms, from_ms, gateway, to_ms, to_ms, gateway,
        )  # fmt: skip
        for row in rows:
            found[row["meter"], row["quantity"]].points.append(Point(row["time_ms"], row["value"], row["sequence"]))
    for counter in found.values():
        counter.points.sort()
    return found


# The last boundary before the span may have others in its interval, if intervals were shorter then: from its beginning on.
_AROUND = """
    with wanted (meter, quantity) as (values {marks}),
    bounds as (
        select meter, quantity,
            coalesce((select max(b.time_ms) from boundaries b
                where b.gateway = ? and b.meter = w.meter and b.quantity = w.quantity and b.time_ms < ?) / ? * ?, ?) as low,
            coalesce((select min(b.time_ms) from boundaries b
                where b.gateway = ? and b.meter = w.meter and b.quantity = w.quantity and b.time_ms >= ?), ?) as high
        from wanted w)
    select b.meter, b.quantity, b.time_ms, b.value, b.sequence from bounds w join boundaries b
    on b.gateway = ? and b.meter = w.meter and b.quantity = w.quantity and b.time_ms >= w.low and b.time_ms <= w.high"""


def insert(session: Session, gateway: str, position: int, intervals: Sequence[Interval]) -> None:
    """With the position of the batch that told them, which is given last."""
    if not intervals:
        return
    base = position << PLACE_BITS
    rows = [
        (base + place, gateway, *interval[:5], *interval.first, *interval.last, interval.quality)
        for place, interval in enumerate(intervals, start=1)
    ]
    session.insert("intervals", _TOLD, rows)


def evict(session: Session, gateway: str, position: int, first_sequence: int, last_sequence: int) -> None:
    """What the reads of a batch told, and what was told against them, leaves with it."""
    span = (first_sequence, last_sequence)
    session.run(
        "delete from intervals where gateway = ? and arrival >= ? and (first_sequence between ? and ? or last_sequence between ? and ?)",
        gateway, position << PLACE_BITS, *span, *span,
    )  # fmt: skip
    for table in ("boundaries", "undated_counters"):
        session.run(f"delete from {table} where gateway = ? and sequence between ? and ?", gateway, *span)  # noqa: S608 - constants


def tell_all(session: Session) -> None:
    """Of the batches of a store that was made before there were intervals, in their order."""
    for head in session.rows("select position, gateway, number, received_ms from batches order by position"):
        query = "select body from bodies where gateway = ? and number = ? and received_ms = ?"
        row = session.row(query, head["gateway"], head["number"], head["received_ms"])
        body = json.loads(gzip.decompress(row["body"])) if row else {"readings": [], "clocks": [], "sites": []}
        arrived = Arrived(head["gateway"], counter_reads(body), body["clocks"], body["sites"])
        insert(session, head["gateway"], head["position"], tell(session, arrived))


def interval_of(row: Mapping[str, Any]) -> Interval:
    first, last = (Point(row[f"{end}_ms"], row[f"{end}_value"], row[f"{end}_sequence"]) for end in ("first", "last"))
    return Interval(row["sequence"], row["meter"], row["quantity"], row["start_ms"], row["end_ms"], first, last, row["quality"])
