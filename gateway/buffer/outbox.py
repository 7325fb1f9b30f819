"""The numbered outbox: records are sealed into batches in sequence order and leave when the hub has them.

Sealing reads committed records only, so a batch never holds what a power cut could still take.
"""

import gzip
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlite_utils import Database

from gateway.buffer import rows
from gateway.buffer.connection import Readers
from protocols.batch import GENESIS, SealedBatch, Sign, canonical, seal, seal_tombstone

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
            found = rows.records(self._readers.get(), last["last_sequence"], RECORDS_MAX)
            if not found:
                return False
            batch = seal(self._gateway, last["number"] + 1, last["hash"], now_ms, found, self._sign)
            self._db.table("batch").insert({**_batch_row(batch), "sealed_ms": now_ms, "acknowledged_ms": None, "refused": None})
            return True

    def _last(self) -> dict[str, Any]:
        found = self._db.execute("select number, last_sequence, hash from batch order by number desc limit 1").fetchone()
        number, last_sequence, digest = found or (0, 0, GENESIS)
        return {"number": number, "last_sequence": last_sequence, "hash": digest}

    def waiting(self, count: int) -> Sequence[SealedBatch]:
        return self._batches("where acknowledged_ms is null order by number limit ?", count)

    def newest(self) -> SealedBatch | None:
        found = self._batches("where acknowledged_ms is null order by number desc limit ?", 1)
        return found[0] if found else None

    def _batches(self, condition: str, count: int) -> list[SealedBatch]:
        query = f"select number, first_sequence, last_sequence, previous, hash, body from batch {condition}"  # noqa: S608 - constants
        found = self._readers.get().execute(query, (count,))
        return [SealedBatch(row[0], row[1], row[2], row[3], row[4], json.loads(gzip.decompress(row[5]))) for row in found]

    def acknowledge(self, numbers: Sequence[int], now_ms: int) -> None:
        """The hub has them: the bodies go, the digests stay for the chain."""
        with self._writing():
            self._db.conn.executemany(
                "update batch set acknowledged_ms = ?, body = null where number = ? and acknowledged_ms is null",
                [(now_ms, number) for number in numbers],
            )

    def refuse(self, number: int, reason: str) -> None:
        with self._writing():
            batch = next(iter(self._batches("where number = ?", number)), None)
            if batch is None or "tombstone" in batch.body:
                return
            tombstone = seal_tombstone(batch, reason, self._sign)
            self._db.execute(
                "update batch set refused = ?, refused_body = body, body = ? where number = ?",
                (reason, _packed(tombstone.body), number),
            )

    def depth(self) -> Depth:
        query = """
            select count(*) filter (where acknowledged_ms is null),
                   coalesce(sum(last_sequence - first_sequence + 1) filter (where acknowledged_ms is null), 0),
                   min(sealed_ms) filter (where acknowledged_ms is null),
                   max(acknowledged_ms),
                   count(acknowledged_ms),
                   coalesce(sum(last_sequence - first_sequence + 1) filter (where acknowledged_ms is not null), 0)
            from batch"""
        return Depth(*self._readers.get().execute(query).fetchone())


def _packed(body: dict[str, Any]) -> bytes:
    # mtime=0: the same body gives the same bytes.
    return gzip.compress(canonical(body), compresslevel=6, mtime=0)


def _batch_row(batch: SealedBatch) -> dict[str, Any]:
    row = batch._asdict()
    return {**row, "body": _packed(batch.body)}
