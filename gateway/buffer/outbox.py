"""The numbered outbox: records are sealed into batches in sequence order and leave when the hub has them.

Sealing reads committed records only, so a batch never holds what a power cut could still take. The records are in
the tables and never change, so a body can be made again from them, byte for byte: it is stored only where it is
needed for long: in a backlog.
"""

import gzip
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from sqlite_utils import Database

from gateway.buffer import noted_head, sealed
from gateway.buffer.chain import as_sealed
from gateway.buffer.connection import Readers
from gateway.buffer.insertion import renumber
from protocols.batch import GENESIS, PackedBatch, SealedBatch, Sign, continuation, marks, pack, seal, seal_tombstone
from protocols.reading import Record

# As long as fewer batches than this wait they are made from the rows when they are sent: their bodies would be
# half of what is written. A backlog of a month must be sent in minutes, and that work is better done while it grows.
BODILESS_MAX = 8
# Batches sealed last, ready to send: what is at hand need not be made again.
AT_HAND_MAX = 8
ALTERED = "its rows in the gateway's store are no longer those that were sealed: shiftwatt verify names the record"
THINNED = "its power rows were thinned before a hub had them; its counters are kept at the gateway"
# 2,000 records are about a minute of 32 meters at 1 s: some 60 kB compressed, a second on a slow uplink.
RECORDS_MAX = 2_000


class Depth(NamedTuple):
    """What is not acknowledged, and what was."""

    batches: int
    records: int
    oldest_ms: int | None
    last_acknowledged_ms: int | None
    batches_acknowledged: int
    records_acknowledged: int
    refused: int


class RefusedBatch(NamedTuple):
    """Its body is kept here; at the hub stands its tombstone, if that was acknowledged."""

    number: int
    first_sequence: int
    last_sequence: int
    sealed_ms: int
    reason: str
    body_bytes: int


class Behind(NamedTuple):
    """The oldest batch that waits, and what the batches before it add up to."""

    number: int
    depth: Depth


_NOTHING = Behind(0, Depth(0, 0, None, None, 0, 0, 0))
_FOREVER = 2**62


class StoredOutbox:
    def __init__(self, db: Database, lock: threading.RLock, readers: Readers, folder: Path, gateway: str, sign: Sign) -> None:
        self._db = db
        self._lock = lock
        self._readers = readers
        self._gateway = gateway
        self._sign = sign
        self.keeps_bodies = True  # of a backlog; without a hub nobody fetches it
        self._at_hand: dict[int, PackedBatch] = {}
        self._behind = _NOTHING
        self._folder = folder
        self._noted_ms = 0

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction; OSError where the disk takes nothing: nothing has changed then, and it can be tried again."""
        try:
            with self._lock, self._db.atomic():
                yield
        except sqlite3.OperationalError as error:
            raise OSError(f"the store takes nothing: {error}") from error

    def seal(self, now_ms: int) -> int:
        """Seal all committed records that are in no batch yet; returns how many batches that made."""
        made = 0
        while self._seal_next(now_ms):
            made += 1
        if made and not 0 <= now_ms - self._noted_ms < noted_head.INTERVAL_MS:
            self.note_head()
            self._noted_ms = now_ms
        return made

    def note_head(self) -> None:
        """Beside the store; a noted batch that this chain does not have is left standing, for `verify` to name."""
        with self._lock:
            before = noted_head.noted(self._folder)
            found = before and self._db.execute("select hash from batch where number = ?", (before[0],)).fetchone()
            if before is None or found == (before[1],):
                self._note_as_it_is()

    def _note_as_it_is(self) -> None:
        last = self._last()
        noted_head.note(self._folder, last["number"], last["hash"])

    def _seal_next(self, now_ms: int) -> bool:
        with self._writing():
            last = self._last()
            found = _without_gaps(list(islice(as_sealed(self._readers.get(), last["last_sequence"], RECORDS_MAX), RECORDS_MAX)))
            if not found:
                return False
            batch = seal(self._gateway, last["number"] + 1, last["hash"], now_ms, found, self._sign)
            packed = pack(batch)
            stays = self.keeps_bodies and self._waits() >= BODILESS_MAX
            kept = {"body": packed.content if stays else None, "signature": batch.body["signature"], "marks": marks(found)}
            row = {**batch._asdict(), **kept, "sealed_ms": now_ms, "acknowledged_ms": None, "refused": None}
            self._db.table("batch").insert(row)
        self._at_hand = dict([*self._at_hand.items(), (packed.number, packed)][-AT_HAND_MAX:])
        return True

    def _waits(self) -> int:
        """How many batches wait, counted no further than matters here."""
        query = "select count(*) from (select 1 from batch where number >= ? and acknowledged_ms is null limit ?)"
        return int(self._db.execute(query, (self._behind.number, BODILESS_MAX)).fetchone()[0])

    def _last(self) -> dict[str, Any]:
        found = self._db.execute("select number, last_sequence, hash from batch order by number desc limit 1").fetchone()
        number, last_sequence, digest = found or (0, 0, GENESIS)
        return {"number": number, "last_sequence": last_sequence, "hash": digest}

    def waiting(self, count: int) -> Sequence[PackedBatch]:
        return self._batches("number >= ? and acknowledged_ms is null order by number limit ?", self._behind.number, count)

    def newest(self) -> PackedBatch | None:
        found = self._batches("number >= ? and acknowledged_ms is null order by number desc limit ?", self._behind.number, 1)
        return found[0] if found else None

    def _batches(self, condition: str, *values: int) -> list[PackedBatch]:
        """As they were stored or lie at hand: what is sent a thousand times a minute is not packed again for it."""
        query = f"select {sealed.COLUMNS}, refused, body from batch where {condition}"  # noqa: S608 - constants
        found = self._readers.get().execute(query, values).fetchall()
        return [self._packed(row) for row in found]

    def _packed(self, row: sqlite3.Row) -> PackedBatch:
        if row["body"] is not None:
            return PackedBatch(row["number"], row["first_sequence"], row["last_sequence"], row["refused"] is not None, row["body"])
        at_hand = self._at_hand.get(row["number"])
        return at_hand if at_hand is not None and at_hand.is_tombstone == self._is_thinned(row["number"]) else pack(self._made_again(row))

    def _is_thinned(self, number: int) -> bool:
        return self._readers.get().execute("select 1 from thinning where number = ?", (number,)).fetchone() is not None

    def _made_again(self, row: sqlite3.Row) -> SealedBatch:
        """From its rows; a tombstone where they are not what was sealed, which only thinning makes them."""
        body = sealed.body_of(self._readers.get(), self._gateway, row)
        batch = SealedBatch(row["number"], row["first_sequence"], row["last_sequence"], row["previous"], row["hash"], body or {})
        if body is None:
            reason = THINNED if self._is_thinned(row["number"]) else ALTERED
            return seal_tombstone(batch._replace(body=sealed.head(self._gateway, row)), reason, self._sign)
        body["signature"] = row["signature"]  # as it was given: the key may be another one since
        return batch

    def acknowledge(self, numbers: Sequence[int], now_ms: int) -> None:
        """The hub has them: the bodies go, the digests stay for the chain."""
        with self._writing():
            self._db.conn.executemany(
                "update batch set acknowledged_ms = ?, body = null where number = ? and acknowledged_ms is null",
                [(now_ms, number) for number in numbers],
            )
        for number in numbers:
            self._at_hand.pop(number, None)

    def refuse(self, number: int, reason: str) -> None:
        with self._writing():
            batch = next(iter(self._batches("number = ? and acknowledged_ms is null", number)), None)
            if batch is None or batch.is_tombstone:
                return
            tombstone = seal_tombstone(_sealed(batch), reason, self._sign)
            self._db.execute(
                "update batch set refused = ?, refused_body = ?, body = ? where number = ?",
                (reason, batch.content, pack(tombstone).content, number),
            )

    def refused(self) -> list[RefusedBatch]:
        query = """
            select number, first_sequence, last_sequence, sealed_ms, refused, length(refused_body) from batch
            where refused is not null order by number"""
        return [RefusedBatch(*row) for row in self._readers.get().execute(query)]

    def replay(self, number: int) -> bool:
        """Send the batch itself once more, in the place of its tombstone; False if none was refused under this number."""
        with self._writing():
            self._behind = _NOTHING  # one that was settled waits again
            cursor = self._db.execute(
                "update batch set body = refused_body, refused_body = null, refused = null, acknowledged_ms = null "
                "where number = ? and refused_body is not null",
                (number,),
            )
            return cursor.rowcount > 0

    def go_on_from(self, number: int, last_sequence: int, digest: str) -> int:
        """The chain goes on behind a batch that the hub holds; what it has not confirmed is numbered anew behind it. Returns how much."""
        with self._writing():
            self._behind, self._at_hand = _NOTHING, {}
            last = self._last()
            if (last["number"], last["hash"]) == (number, digest):
                return 0
            confirmed = "select coalesce(max(last_sequence), 0) from batch where acknowledged_ms is not null"
            (confirmed_sequence,) = self._db.execute(confirmed).fetchone()
            moved = renumber(self._db, confirmed_sequence, last_sequence - confirmed_sequence)
            self._db.execute("delete from batch where number >= ? or acknowledged_ms is null", (number,))
            self._db.execute("delete from thinning where number not in (select number from batch)")
            self._mark(number, last_sequence, digest)
        self._note_as_it_is()
        return moved

    def _mark(self, number: int, last_sequence: int, digest: str) -> None:
        """A batch that is not ours but before ours: what the next one is chained to."""
        marker = {"number": number, "first_sequence": last_sequence, "last_sequence": last_sequence, "previous": GENESIS, "hash": digest}
        signature = self._sign(continuation(self._gateway, number, last_sequence, digest)).hex()
        self._db.table("batch").insert({**marker, "sealed_ms": 0, "acknowledged_ms": 0, "refused": None, "signature": signature})

    def vouch(self) -> None:
        """The identity that goes on from here signs where its chain begins."""
        with self._writing():
            last = self._last()
            signature = self._sign(continuation(self._gateway, last["number"], last["last_sequence"], last["hash"])).hex()
            self._db.execute("update batch set signature = ? where number = ?", (signature, last["number"]))

    def begin_anew(self) -> int:
        """A chain of its own for a copied device: numbers from 1, from the first record on that the hub has not confirmed."""
        with self._writing():
            self._behind, self._at_hand = _NOTHING, {}
            (confirmed,) = self._db.execute(
                "select coalesce(max(last_sequence), 0) from batch where acknowledged_ms is not null"
            ).fetchone()
            self._db.execute("delete from batch")
            self._db.execute("delete from thinning")
            self._mark(0, confirmed, GENESIS)
        self._note_as_it_is()
        return int(confirmed)

    def last_number(self) -> int:
        return int(self._last()["number"])

    def depth(self) -> Depth:
        """Batches below the oldest that waits are counted once: a year has half a million."""
        query = """
            select count(*) filter (where acknowledged_ms is null),
                   coalesce(sum(last_sequence - first_sequence + 1) filter (where acknowledged_ms is null), 0),
                   min(sealed_ms) filter (where acknowledged_ms is null),
                   max(acknowledged_ms),
                   count(acknowledged_ms),
                   coalesce(sum(last_sequence - first_sequence + 1) filter (where acknowledged_ms is not null), 0),
                   count(refused),
                   coalesce(min(number) filter (where acknowledged_ms is null), max(number) + 1)
            from batch where number >= ? and number < ?"""
        with self._lock:
            known = self._behind
            *found, oldest = self._readers.get().execute(query, (known.number, _FOREVER)).fetchone()
            depth = _sum(known, Depth(*found))
            if oldest is not None and oldest > known.number:
                *settled, _ = self._readers.get().execute(query, (known.number, oldest)).fetchone()
                self._behind = Behind(oldest, _sum(known, Depth(*settled)))
            return depth


def _sum(known: Behind, found: Depth) -> Depth:
    acknowledged_ms = max(
        (each for each in (known.depth.last_acknowledged_ms, found.last_acknowledged_ms) if each is not None), default=None
    )
    return found._replace(
        last_acknowledged_ms=acknowledged_ms,
        batches_acknowledged=known.depth.batches_acknowledged + found.batches_acknowledged,
        records_acknowledged=known.depth.records_acknowledged + found.records_acknowledged,
        refused=known.depth.refused + found.refused,
    )


def _without_gaps(records: Sequence[Record]) -> Sequence[Record]:
    """Up to the first number that is missing: rows thinned before they were sealed under a new chain."""
    return [record for at, record in enumerate(records) if record.sequence == records[0].sequence + at]


def _sealed(batch: PackedBatch) -> SealedBatch:
    body = json.loads(gzip.decompress(batch.content))
    return SealedBatch(batch.number, batch.first_sequence, batch.last_sequence, body["previous"], body["hash"], body)
