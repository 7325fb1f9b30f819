"""The numbered outbox: records are sealed into batches in sequence order and leave when the hub has them.

Sealing reads committed records only, so a batch never holds what a power cut could still take.
"""

import gzip
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

from sqlite_utils import Database

from gateway.buffer.chain import as_sealed
from gateway.buffer.connection import Readers
from gateway.buffer.insertion import renumber
from protocols.batch import GENESIS, PackedBatch, SealedBatch, Sign, continuation, marks, pack, seal, seal_tombstone

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


class StoredOutbox:
    def __init__(self, db: Database, lock: threading.RLock, readers: Readers, gateway: str, sign: Sign) -> None:
        self._db = db
        self._lock = lock
        self._readers = readers
        self._gateway = gateway
        self._sign = sign

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
        return made

    def _seal_next(self, now_ms: int) -> bool:
        with self._writing():
            last = self._last()
            found = list(islice(as_sealed(self._readers.get(), last["last_sequence"], RECORDS_MAX), RECORDS_MAX))
            if not found:
                return False
            batch = seal(self._gateway, last["number"] + 1, last["hash"], now_ms, found, self._sign)
            row = {**_batch_row(batch), "sealed_ms": now_ms, "acknowledged_ms": None, "refused": None, "marks": marks(found)}
            self._db.table("batch").insert(row)
            return True

    def _last(self) -> dict[str, Any]:
        found = self._db.execute("select number, last_sequence, hash from batch order by number desc limit 1").fetchone()
        number, last_sequence, digest = found or (0, 0, GENESIS)
        return {"number": number, "last_sequence": last_sequence, "hash": digest}

    def waiting(self, count: int) -> Sequence[PackedBatch]:
        return self._batches("where acknowledged_ms is null order by number limit ?", count)

    def newest(self) -> PackedBatch | None:
        found = self._batches("where acknowledged_ms is null order by number desc limit ?", 1)
        return found[0] if found else None

    def _batches(self, condition: str, count: int) -> list[PackedBatch]:
        """As they lie on the disk: what is sent a thousand times a minute is not unpacked for it."""
        query = f"select number, first_sequence, last_sequence, refused, body from batch {condition}"  # noqa: S608 - constants
        return [PackedBatch(row[0], row[1], row[2], row[3] is not None, row[4]) for row in self._readers.get().execute(query, (count,))]

    def acknowledge(self, numbers: Sequence[int], now_ms: int) -> None:
        """The hub has them: the bodies go, the digests stay for the chain."""
        with self._writing():
            self._db.conn.executemany(
                "update batch set acknowledged_ms = ?, body = null where number = ? and acknowledged_ms is null",
                [(now_ms, number) for number in numbers],
            )

    def refuse(self, number: int, reason: str) -> None:
        with self._writing():
            batch = next(iter(self._batches("where number = ? and body is not null", number)), None)
            if batch is None or batch.is_tombstone:
                return
            tombstone = seal_tombstone(_sealed(batch), reason, self._sign)
            self._db.execute(
                "update batch set refused = ?, refused_body = body, body = ? where number = ?",
                (reason, pack(tombstone).content, number),
            )

    def refused(self) -> list[RefusedBatch]:
        query = """
            select number, first_sequence, last_sequence, sealed_ms, refused, length(refused_body) from batch
            where refused is not null order by number"""
        return [RefusedBatch(*row) for row in self._readers.get().execute(query)]

    def replay(self, number: int) -> bool:
        """Send the batch itself once more, in the place of its tombstone; False if none was refused under this number."""
        with self._writing():
            cursor = self._db.execute(
                "update batch set body = refused_body, refused_body = null, refused = null, acknowledged_ms = null "
                "where number = ? and refused_body is not null",
                (number,),
            )
            return cursor.rowcount > 0

    def go_on_from(self, number: int, last_sequence: int, digest: str) -> int:
        """The chain goes on behind a batch that the hub holds; what it has not confirmed is numbered anew behind it. Returns how much."""
        with self._writing():
            last = self._last()
            if (last["number"], last["hash"]) == (number, digest):
                return 0
            confirmed = "select coalesce(max(last_sequence), 0) from batch where acknowledged_ms is not null"
            (confirmed_sequence,) = self._db.execute(confirmed).fetchone()
            moved = renumber(self._db, confirmed_sequence, last_sequence - confirmed_sequence)
            self._db.execute("delete from batch where number >= ? or acknowledged_ms is null", (number,))
            self._mark(number, last_sequence, digest)
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
            (confirmed,) = self._db.execute(
                "select coalesce(max(last_sequence), 0) from batch where acknowledged_ms is not null"
            ).fetchone()
            self._db.execute("delete from batch")
            self._mark(0, confirmed, GENESIS)
            return int(confirmed)

    def last_number(self) -> int:
        return int(self._last()["number"])

    def depth(self) -> Depth:
        query = """
            select count(*) filter (where acknowledged_ms is null),
                   coalesce(sum(last_sequence - first_sequence + 1) filter (where acknowledged_ms is null), 0),
                   min(sealed_ms) filter (where acknowledged_ms is null),
                   max(acknowledged_ms),
                   count(acknowledged_ms),
                   coalesce(sum(last_sequence - first_sequence + 1) filter (where acknowledged_ms is not null), 0),
                   count(refused)
            from batch"""
        return Depth(*self._readers.get().execute(query).fetchone())


def _sealed(batch: PackedBatch) -> SealedBatch:
    body = json.loads(gzip.decompress(batch.content))
    return SealedBatch(batch.number, batch.first_sequence, batch.last_sequence, body["previous"], body["hash"], body)


def _batch_row(batch: SealedBatch) -> dict[str, Any]:
    row = batch._asdict()
    return {**row, "body": pack(batch).content, "signature": batch.body["signature"]}
