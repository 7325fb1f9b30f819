"""Batches in: each once, each fitting the ones beside it, all of it on the disk before it is acknowledged.

What a batch must look like by itself is `receipt`'s; batches of another branch are `forks`'; reading is `source`'s.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from gateway.deliver.refusal import Refused
from gateway.deliver.tokens import Grant
from protocols.interval import Interval
from tools.hub import forks, intervals
from tools.hub.database import HubDatabase, Session
from tools.hub.quota import counted
from tools.hub.receipt import Receipt
from tools.hub.registry import spend

# The answer to a batch names at most so many numbers beyond a gap (the newest): it is sent with every
# batch, and completeness has them all.
BEYOND_MAX = 1000
# A position in the order of arrival is the batch's, and so many bits for a record's place in it.
PLACE_BITS = 20

_BATCH = (
    "gateway", "number", "hash", "previous", "link", "first_sequence", "last_sequence", "sealed_ms", "received_ms", "tombstone",
    "position", "readings", "undated", "first_ms", "last_ms",
)  # fmt: skip
_RECORD = ("arrival", "gateway", "sequence", "kind", "subject", "boot", "monotonic_ms", "time_ms", "end_ms", "document")


class Holding(NamedTuple):
    """`highest` is the highest number without a gap below it, `beyond` are numbers held above the gap."""

    highest: int
    beyond: list[int]
    new: bool


class BatchStore:
    def __init__(self, database: HubDatabase, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._now_ms = now_ms

    def receive(self, batch: Receipt, grant: Grant) -> Holding:
        """Take `batch` in one transaction; the same again changes nothing. Refused (409) if it contradicts what is held."""
        now_ms = self._now_ms()
        with self._database.writing(now_ms) as session:
            found = session.row_to_change("select * from gateways where gateway = ?", batch.gateway)
            if found is None:
                raise Refused(403, f"gateway {batch.gateway} is not enrolled here")
            spend(session, grant)
            branch = forks.judge(session, batch, found["highest"])
            if not branch.contradiction:
                return self._take(session, batch, branch, found, now_ms)
            forks.note(session, batch, now_ms)
            self._book(session, found, now_ms, found["highest"], batches=0, records=0)
        raise Refused(409, branch.contradiction, details={"fork": True})

    def _take(self, session: Session, batch: Receipt, branch: forks.Branch, found: dict[str, Any], now_ms: int) -> Holding:
        """All that is large goes first: from the position on, every other batch of this hub waits for our commit."""
        gone = forks.unbury(session, batch) if branch.risen else forks.evict(session, batch.gateway, branch.evicted, now_ms)
        if not branch.is_held:
            _insert_body(session, batch, now_ms)
        highest = found["highest"]
        if batch.number == highest + 1:
            highest = _end_of_run(session, batch) if branch.has_next else batch.number
        above = {row["number"] for row in session.rows(_ABOVE, batch.gateway, highest, BEYOND_MAX)} | {batch.number}
        new = not branch.is_held
        told = intervals.tell(session, batch.arrived) if new else []
        self._book(session, found, now_ms, highest, batches=new - gone.batches, records=new * batch.records - gone.records)
        if new:
            _insert(session, batch, now_ms, told)
        return Holding(highest, sorted(number for number in above if number > highest), new)

    def _book(self, session: Session, found: dict[str, Any], now_ms: int, highest: int, *, batches: int, records: int) -> None:
        new = counted(found, now_ms, max(records, 0))
        session.run(
            "update gateways set contact_ms = ?, highest = ?, batches = batches + ?, records = records + ?, "
            "day = ?, day_records = ?, minute = ?, minute_requests = ? where gateway = ?",
            now_ms, highest, batches, records, new["day"], new["day_records"], new["minute"], new["minute_requests"], found["gateway"],
        )  # fmt: skip


_ABOVE = "select number from batches where gateway = ? and number > ? order by number desc limit ?"


def _end_of_run(session: Session, batch: Receipt) -> int:
    """The last number that follows this batch without a gap; the next one is there."""
    row = session.row(
        "select number from batches b where gateway = ? and number > ? and not exists "
        "(select 1 from batches c where c.gateway = b.gateway and c.number = b.number + 1) order by number limit 1",
        batch.gateway, batch.number,
    )  # fmt: skip
    assert row is not None
    return int(row["number"])


def _insert_body(session: Session, batch: Receipt, now_ms: int) -> None:
    session.insert("bodies", ("gateway", "number", "received_ms", "body"), [(batch.gateway, batch.number, now_ms, batch.packed)])
    known = {row["meter"] for row in session.rows("select meter from meters where gateway = ?", batch.gateway)}
    for meter in sorted(batch.contents.meters - known):
        session.run("insert into meters values (?, ?)", batch.gateway, meter)


def _insert(session: Session, batch: Receipt, now_ms: int, told: Sequence[Interval]) -> None:
    contents = batch.contents
    taken = session.row("update arrivals set position = position + 1 returning position")
    assert taken is not None
    position = int(taken["position"])
    values = (
        batch.gateway, batch.number, batch.hash, batch.previous, batch.link, batch.first_sequence, batch.last_sequence, batch.sealed_ms,
        now_ms, batch.tombstone, position, contents.readings, contents.undated, contents.first_ms, contents.last_ms,
    )  # fmt: skip
    session.run(f"insert into batches ({', '.join(_BATCH)}) values ({', '.join('?' * len(_BATCH))})", *values)  # noqa: S608 - our own names
    if batch.rows:
        base = position << PLACE_BITS
        session.insert("records", _RECORD, [(base + place, batch.gateway, *row) for place, row in enumerate(batch.rows, start=1)])
    intervals.insert(session, batch.gateway, position, told)
