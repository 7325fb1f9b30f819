"""Batches in: each once, each fitting the ones beside it, all of it on the disk before it is acknowledged.

What a batch must look like by itself is `receipt`'s; reading is `source`'s.
"""

import sqlite3
from collections.abc import Callable
from typing import NamedTuple

from gateway.deliver.refusal import Refused
from gateway.deliver.tokens import Grant
from tools.hub.database import HubDatabase
from tools.hub.receipt import Receipt
from tools.hub.registry import spend

# The answer to a batch names at most so many numbers beyond a gap (the newest): it is sent with every
# batch, and completeness has them all.
BEYOND_MAX = 1000


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
        with self._database.writing() as connection:
            spend(connection, grant)
            connection.execute("update gateways set contact_ms = ? where gateway = ?", (self._now_ms(), batch.gateway))
            held = connection.execute("select hash from batches where gateway = ? and number = ?", (batch.gateway, batch.number)).fetchone()
            if held is not None and held["hash"] != batch.hash:
                raise Refused(409, f"batch {batch.number} is here already with other contents")
            if held is None:
                _require_fit(connection, batch)
                self._insert(connection, batch)
            highest = _advance(connection, batch.gateway)
            return Holding(highest, _beyond(connection, batch, highest), held is None)

    def _insert(self, connection: sqlite3.Connection, batch: Receipt) -> None:
        gateway = batch.gateway
        connection.execute(
            "insert into batches values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                gateway, batch.number, batch.hash, batch.previous, batch.link, batch.first_sequence, batch.last_sequence,
                batch.sealed_ms, self._now_ms(), batch.tombstone, batch.packed,
            ),
        )  # fmt: skip
        connection.executemany(
            "insert into records (gateway, sequence, kind, subject, boot, monotonic_ms, time_ms, end_ms, document) "
            "values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((gateway, *row) for row in batch.rows),
        )
        meters = {row.subject for row in batch.rows if row.kind == "readings"}
        connection.executemany("insert or ignore into meters values (?, ?)", ((gateway, meter) for meter in meters))
        connection.execute("update gateways set batches = batches + 1, records = records + ? where gateway = ?", (len(batch.rows), gateway))


def _require_fit(connection: sqlite3.Connection, batch: Receipt) -> None:
    """The chain links with the neighbours that are held, and no record is in two batches."""
    rows = connection.execute(
        "select number, previous, link, first_sequence, last_sequence from batches where gateway = ? and number in (?, ?)",
        (batch.gateway, batch.number - 1, batch.number + 1),
    )
    for row in rows:
        before = row["number"] < batch.number
        named, expected = (batch.previous, row["link"]) if before else (row["previous"], batch.link)
        end, start = (row["last_sequence"], batch.first_sequence) if before else (batch.last_sequence, row["first_sequence"])
        if named != expected or start != end + 1:
            raise Refused(409, f"batch {batch.number} does not link with batch {row['number']}, which is here already")
    overlap = connection.execute(
        "select number, last_sequence from batches where gateway = ? and first_sequence <= ? order by first_sequence desc limit 1",
        (batch.gateway, batch.last_sequence),
    ).fetchone()
    if overlap is not None and overlap["last_sequence"] >= batch.first_sequence:
        raise Refused(409, f"batch {batch.number} holds records that are here already in batch {overlap['number']}")


def _advance(connection: sqlite3.Connection, gateway: str) -> int:
    """Move the gateway's highest gap-free number over what has joined up."""
    row = connection.execute("select highest from gateways where gateway = ?", (gateway,)).fetchone()
    before = highest = int(row["highest"])
    for (number,) in connection.execute("select number from batches where gateway = ? and number > ? order by number", (gateway, highest)):
        if number != highest + 1:
            break
        highest = number
    if highest != before:
        connection.execute("update gateways set highest = ? where gateway = ?", (highest, gateway))
    return highest


def _beyond(connection: sqlite3.Connection, batch: Receipt, highest: int) -> list[int]:
    rows = connection.execute(
        "select number from batches where gateway = ? and number > ? order by number desc limit ?", (batch.gateway, highest, BEYOND_MAX)
    )
    numbers = {number for (number,) in rows}
    return sorted(numbers | {batch.number} if batch.number > highest else numbers)
