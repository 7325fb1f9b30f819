"""A sealed batch made again from the rows it was made of: they never change, so it is the same to the byte."""

import sqlite3
from itertools import islice

from gateway.buffer import chain, rows
from protocols import batch as batches
from protocols.batch import FORMAT, Body
from protocols.reading import Record, iso

COLUMNS = "number, first_sequence, last_sequence, previous, hash, sealed_ms, batch.signature"


def records_of(connection: sqlite3.Connection, first: int, last: int) -> list[Record]:
    """What the store holds now of a range, with all dates; fewer after thinning."""
    found = rows.records(connection, first - 1, last - first + 1)
    return [record for record in found if record.sequence <= last]


def body_of(connection: sqlite3.Connection, gateway: str, batch: sqlite3.Row) -> Body | None:
    """The body without its signature; None if the rows are no longer those that were sealed."""
    first, last = batch["first_sequence"], batch["last_sequence"]
    count = last - first + 1
    found = list(islice(chain.as_sealed(connection, first - 1, count), count))
    if [each.sequence for each in found] != list(range(first, last + 1)):
        return None
    body = batches.body_of(gateway, batch["number"], batch["previous"], batch["sealed_ms"], found)
    return {**body, "hash": batch["hash"]} if batches.digest(body) == batch["hash"] else None


def head(gateway: str, batch: sqlite3.Row) -> Body:
    names = ("number", "previous", "first_sequence", "last_sequence")
    return {"format": FORMAT, "gateway": gateway, **{name: batch[name] for name in names}, "sealed_at": iso(batch["sealed_ms"])}
