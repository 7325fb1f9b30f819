"""Recomputes the chain of sealed batches from the stored rows: every hash, link and signature, and that nothing is missing or added.

The rows are read once, in sequence order, a batch at a time, so that memory stays flat. It decides nothing about figures.
"""

import gzip
import json
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from gateway.broken import Broken, BrokenError, Step, broken, first_difference, in_words, place_of, shown, when
from gateway.buffer import chain, sealed
from gateway.buffer.chain import Link
from gateway.buffer.series import last_sequence
from protocols.batch import GENESIS, Verify, body_of, canonical, continuation, digest, documents, link_hash, marks, record_document
from protocols.errors import OurMistake
from protocols.reading import Reading, Record
from protocols.thinning import Thinned, contents_digest
from protocols.thinning import holds as holds_thinned

# What a row that was tampered with may raise where it is read or written down.
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, OurMistake)
VerifierOf = Callable[[int], Verify | None]  # the check of signatures that holds for a batch's number; None: no key is known


@dataclass(frozen=True)
class Head:
    """A batch and its hash, as noted here or elsewhere."""

    number: int
    hash: str


@dataclass(frozen=True)
class Chain:
    """What was found sound. `former` are records of a chain that was left: nothing here proves them."""

    batches: int
    records: int
    unsealed: int
    former: int
    unsigned: int
    head: Head | None
    notes: tuple[str, ...]


class ChainProof:
    def __init__(self, connection: sqlite3.Connection, gateway: str, verifier_of: VerifierOf, step: Step) -> None:
        self._connection = connection
        self._gateway = gateway
        self._verifier_of = verifier_of
        self._step = step
        self._rows = _Rows(connection)
        self._number, self._link, self._sequence = 0, GENESIS, 0  # of what was found sound so far
        self._batches = self._records = self._former = self._unsigned = 0
        self._notes: list[str] = []
        self._thinned = chain.thinned(connection)

    def check(self, heads: Sequence[Head] = ()) -> Chain:
        """BrokenError at the first thing that does not hold; `heads` were noted elsewhere."""
        noted = {head.number: head.hash for head in heads}
        for link in chain.links(self._connection):
            (self._continue if link.is_continuation else self._batch)(link)
            if noted.pop(link.number, link.hash) != link.hash:
                broken(f"batch {link.number} has another hash than the one that was noted", record="batch", batch=link.number)
        for number in sorted(noted):
            broken(
                f"batch {number} was noted as sealed, but the chain ends with batch {self._number}: its end was cut off",
                record="batch",
                batch=number,
            )
        unsealed = self._not_sealed()
        head = Head(self._number, self._link) if self._batches else None
        return Chain(self._batches, self._records, unsealed, self._former, self._unsigned, head, tuple(self._notes))

    def _continue(self, link: Link) -> None:
        statement = continuation(self._gateway, link.number, link.last_sequence, link.hash)
        self._require_signature(link, statement, f"the continuation behind batch {link.number}")
        if link.number == 0:
            self._former += sum(1 for _ in self._rows.until(link.last_sequence))
            self._notes.append(f"records up to {link.last_sequence} belong to the chain of a former identity and are not proven here")
        else:
            self._notes.append(f"batches up to {link.number} beyond those that are here are proven by the hub alone")
            stray = next(self._rows.until(link.last_sequence), None)
            if stray is not None:
                broken(f"{in_words(stray)} is in no batch", **place_of(stray), batch=link.number)
        self._number, self._link, self._sequence = link.number, link.hash, link.last_sequence

    def _batch(self, link: Link) -> None:
        self._require_place(link)
        thinned = self._thinned.get(link.number)
        found = self._taken(link) if thinned is None else self._left(link)
        try:
            holds = self._is_as_sealed(link, found) if thinned is None else self._is_as_left(link, thinned, found)
        except UNREADABLE:
            holds = False
        bodies = self._bodies(link)
        if not holds:
            self._locate(link, found, bodies)
        self._require_signature(link, bytes.fromhex(link.hash), f"batch {link.number}")
        self._number, self._link, self._sequence = link.number, link.hash, link.last_sequence
        self._batches, self._records = self._batches + 1, self._records + len(found)
        self._step(len(found))

    def _is_as_sealed(self, link: Link, found: Sequence[Record]) -> bool:
        return digest(body_of(self._gateway, link.number, link.previous, link.sealed_ms, found)) == link.hash

    def _left(self, link: Link) -> list[Record]:
        """The records of a thinned batch, with the dates they had when it was thinned."""
        for stray in self._rows.until(link.last_sequence):
            if stray.sequence < link.first_sequence:
                broken(f"{in_words(stray)} stands below the first record of batch {link.number}", **place_of(stray), batch=link.number)
        return sealed.records_of(self._connection, link.first_sequence, link.last_sequence)

    def _is_as_left(self, link: Link, thinned: Thinned, found: Sequence[Record]) -> bool:
        verify = self._verifier_of(link.number)
        if verify is None:
            return contents_digest(found) == thinned.contents
        return holds_thinned(self._gateway, link.hash, thinned, found, verify)

    def _require_place(self, link: Link) -> None:
        place = {"record": "batch", "batch": link.number}
        if not (isinstance(link.first_sequence, int) and isinstance(link.last_sequence, int)):
            broken(f"batch {link.number} does not say which records it holds", **place, field="first_sequence")
        if link.number != self._number + 1:
            broken(f"batch {self._number + 1} is missing: behind {self._number} comes {link.number}", **place)
        if link.previous != self._link:
            broken(f"batch {link.number} does not link to the hash of batch {self._number}", **place, field="previous")
        if link.first_sequence != self._sequence + 1 or link.last_sequence < link.first_sequence:
            told = f"batch {link.number} says records {link.first_sequence} to {link.last_sequence}"
            broken(f"{told}, but batch {self._number} ends with {self._sequence}", **place, field="first_sequence")

    def _taken(self, link: Link) -> list[Record]:
        """The records of a batch, every one."""
        expected = link.first_sequence
        found: list[Record] = []
        for record in self._rows.until(link.last_sequence):
            if record.sequence != expected:
                self._require_unchanged(link, found)
            if record.sequence > expected:
                broken(f"record {expected} of batch {link.number} is missing", sequence=expected, batch=link.number)
            if record.sequence < expected:
                where = f"stands twice, or below the first record of batch {link.number}"
                broken(f"{in_words(record)} {where}", **place_of(record), batch=link.number)
            found.append(record)
            expected += 1
        if expected <= link.last_sequence:
            self._require_unchanged(link, found)
            broken(f"record {expected} of batch {link.number} is missing", sequence=expected, batch=link.number)
        return found

    def _bodies(self, link: Link) -> Mapping[int, Any]:
        """The records as they stand in a body that is still there, by sequence; each body that is there must hold."""
        found: Mapping[int, Any] = {}
        for name, content in (("refused_body", link.refused_body), ("body", link.body)):
            if content is None:
                continue
            try:
                body = json.loads(gzip.decompress(content))
                holds = canonical(body) == gzip.decompress(content) and digest(body) == body["hash"] and link_hash(body) == link.hash
                tombstone = body.get("tombstone")
                holds = holds and (tombstone is None or tombstone["reason"] == link.refused)
                if holds:
                    self._require_signature(link, bytes.fromhex(body["hash"]), f"batch {link.number}", body["signature"])
            except (*UNREADABLE, OSError, EOFError, zlib.error):
                holds = False
            if not holds:
                broken(f"batch {link.number}: its stored {name} is not what was sealed", record="batch", batch=link.number, field=name)
            found = found if tombstone else documents(body)
        return found

    def _locate(self, link: Link, found: Sequence[Record], bodies: Mapping[int, Any]) -> None:
        self._require_unchanged(link, found, bodies)
        span = f"records {link.first_sequence} to {link.last_sequence}, sealed at {when(link.sealed_ms)}"
        broken(f"batch {link.number} ({span}) is not what was sealed: its hash is another one", record="batch", batch=link.number)

    def _require_unchanged(self, link: Link, found: Sequence[Record], bodies: Mapping[int, Any] = MappingProxyType({})) -> None:
        """Which record was changed: by the body while it is there, else by its mark."""
        for index, record in enumerate(found):
            try:
                document = record_document(record)
                difference = first_difference(bodies[record.sequence], document) if record.sequence in bodies else None
                changed = bool(link.marks) and marks([record]) != (link.marks or b"")[2 * index : 2 * index + 2]
            except UNREADABLE as error:
                broken(f"{in_words(record)} of batch {link.number} cannot be read: {error}", **place_of(record), batch=link.number)
            if difference is not None:
                field, told, made = difference
                sentence = f"{in_words(record)} of batch {link.number} was changed: {field} is {shown(made)}, sealed was {shown(told)}"
                if field == "time" and told is None:
                    sentence += ": its date does not follow from the clock record of its boot"
                broken(sentence, **place_of(record), batch=link.number, field=field)
            if changed:
                why = "its date does not follow from the clock record of its boot" if self._is_misdated(link, record, index) else ""
                sentence = f"{in_words(record)} of batch {link.number} is not what was sealed{': ' if why else ''}{why}"
                broken(sentence, **place_of(record), batch=link.number, field="time" if why else None)

    def _is_misdated(self, link: Link, record: Record, index: int) -> bool:
        """Whether it was sealed without a date: then its date, or the clock record that gave it, was changed."""
        if not isinstance(record, Reading) or record.time_ms is None:
            return False
        return marks([record._replace(time_ms=None)]) == (link.marks or b"")[2 * index : 2 * index + 2]

    def _require_signature(self, link: Link, message: bytes, what: str, signature: str | None = None) -> None:
        verify = self._verifier_of(link.number)
        if verify is None:
            self._unsigned += 1
            return
        try:
            holds = verify(message, bytes.fromhex(signature or link.signature or ""))
        except UNREADABLE:
            holds = False
        if not holds:
            broken(f"{what}: the signature is not this gateway's", record="batch", batch=link.number, field="signature")

    def _not_sealed(self) -> int:
        """Records behind the last batch wait for the next one; their numbers must go on all the same."""
        count, following = 0, last_sequence(self._connection) + 1
        for record in self._rows.until(chain.ALL):
            if record.sequence != self._sequence + count + 1:
                missing = self._sequence + count + 1
                broken(f"record {missing}, not sealed yet, is missing or stands twice: {in_words(record)} follows", sequence=missing)
            count += 1
        if following != self._sequence + count + 1:
            sentence = f"the store has given {following - 1} record numbers, but its last record is {self._sequence + count}"
            broken(f"{sentence}: the end was cut off, or something was added", sequence=self._sequence + count + 1)
        self._step(count)
        return count


class _Rows:
    """The records in sequence order, handed out batch by batch."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._stream = chain.as_sealed(connection, chain.BEFORE_ALL)
        self._ahead: Record | None = None

    def until(self, last: int) -> Iterator[Record]:
        while True:
            record, self._ahead = self._ahead if self._ahead is not None else self._next(), None
            if record is None or record.sequence > last:
                self._ahead = record
                return
            yield record

    def _next(self) -> Record | None:
        try:
            return next(self._stream, None)
        except UNREADABLE as error:
            table, sequence = chain.unreadable(self._connection) or ("unknown", 0)
            raise BrokenError(
                Broken(f"record {sequence} ({table}) cannot be read: {error}", record=table, sequence=sequence or None)
            ) from error
