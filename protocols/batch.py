"""A numbered, chained, signed batch of records, and the form in which it is hashed.

Hash = SHA-256(hash of the batch before || RFC 8785 form of the body without hash and signature);
signature = Ed25519 over the hash. Signing and verifying are given as functions: no key lives here.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from protocols.errors import OurMistake, WrongAnswer
from protocols.reading import (
    ClockSet,
    Declared,
    Event,
    Figure,
    Reading,
    Record,
    SiteDescription,
    iso,
    iso_or_none,
    outside_values,
)

FORMAT = 1
_GZIP_LEVEL = 6  # measured values shrink to a tenth; more effort gains little
GENESIS = "0" * 64  # what the first batch names as the hash before it
_HARMLESS = {str, bool, type(None)}
_INTEGER_LARGEST = 2**53 - 1  # RFC 8785 writes numbers as IEEE doubles; beyond this they lose digits

Body = dict[str, Any]
Sign = Callable[[bytes], bytes]
Verify = Callable[[bytes, bytes], bool]  # (hash, signature) -> genuine?


class SealedBatch(NamedTuple):
    """`body` is the whole document with hash and signature, ready to send."""

    number: int
    first_sequence: int
    last_sequence: int
    previous: str
    hash: str
    body: Body


class PackedBatch(NamedTuple):
    """A sealed batch as it is kept and sent: `content` is its body's canonical form, compressed with gzip."""

    number: int
    first_sequence: int
    last_sequence: int
    is_tombstone: bool
    content: bytes


def pack(batch: SealedBatch) -> PackedBatch:
    """The same batch gives the same bytes at every time."""
    content = gzip.compress(canonical(batch.body), _GZIP_LEVEL, mtime=0)
    return PackedBatch(batch.number, batch.first_sequence, batch.last_sequence, "tombstone" in batch.body, content)


def canonical(value: Any) -> bytes:
    """The RFC 8785 form of text, integers, booleans, null, lists and text-keyed maps; OurMistake else.

    The standard encoder writes exactly that form for these types, and in C: a hub checks thousands
    of rows a second. Floats and integers beyond 2^53 are refused, as are keys outside ASCII.
    """
    _require_plain(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _require_plain(value: Any) -> None:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return
    if kind is int:
        if abs(value) > _INTEGER_LARGEST:
            raise OurMistake(f"the number {value} does not survive JSON; write it as text")
    elif kind is dict:
        for key, each in value.items():
            if type(key) is not str or not key.isascii():
                raise OurMistake(f"the key {key!r} is not ASCII text")
            _require_plain(each)
    elif kind is list or kind is tuple:
        # Nearly all of a batch are columns of texts: a column is judged by the types it has, not cell by cell.
        kinds = set(map(type, value)) - _HARMLESS
        numbers = [each for each in value if type(each) is int] if kinds == {int} else []
        if kinds and not (numbers and min(numbers) >= -_INTEGER_LARGEST and max(numbers) <= _INTEGER_LARGEST):
            for each in value:
                _require_plain(each)
    else:
        raise OurMistake(f"{kind.__name__} has no canonical form: {value!r}")


def digest(body: Mapping[str, Any]) -> str:
    """The chain hash of a body (hex); `hash` and `signature` in it are left out."""
    plain = {key: value for key, value in body.items() if key not in ("hash", "signature")}
    return hashlib.sha256(bytes.fromhex(body["previous"]) + canonical(plain)).hexdigest()


def seal(gateway: str, number: int, previous: str, sealed_at_ms: int, records: Sequence[Record], sign: Sign) -> SealedBatch:
    """Close `records` (in sequence order, without gaps, not empty) under `number`."""
    body = body_of(gateway, number, previous, sealed_at_ms, records)
    body["hash"] = digest(body)
    body["signature"] = sign(bytes.fromhex(body["hash"])).hex()
    return SealedBatch(number, records[0].sequence, records[-1].sequence, previous, body["hash"], body)


def body_of(gateway: str, number: int, previous: str, sealed_at_ms: int, records: Sequence[Record]) -> Body:
    """What the hash of a batch goes over: the same records give the same document at every time."""
    sequences = [record.sequence for record in records]
    if not sequences or sequences != list(range(sequences[0], sequences[0] + len(sequences))):
        raise OurMistake("a batch holds consecutive records and at least one")
    return {
        "format": FORMAT,
        "gateway": gateway,
        "number": number,
        "previous": previous,
        "first_sequence": sequences[0],
        "last_sequence": sequences[-1],
        "sealed_at": iso(sealed_at_ms),
        **contents(records),
    }


def marks(records: Iterable[Record]) -> bytes:
    """Two bytes for each record: the hash proves that one of a batch was changed, its mark tells which."""
    return b"".join((zlib.crc32(canonical(record_document(record))) & 0xFFFF).to_bytes(2, "big") for record in records)


def continuation(gateway: str, number: int, last_sequence: int, link: str) -> bytes:
    """What is signed where a chain goes on behind a batch that is not held here: its number, its last record, its hash."""
    return hashlib.sha256(f"shiftwatt chain: {gateway} goes on behind batch {number} {link} and record {last_sequence}".encode()).digest()


def seal_tombstone(batch: SealedBatch, reason: str, sign: Sign) -> SealedBatch:
    """What stands under the number of a batch that was refused for good or dropped on purpose: its range, hash and reason."""
    body: Body = {key: batch.body[key] for key in _HEAD}
    body.update({kind: [] for kind in _CONTENTS})
    body["tombstone"] = {"hash": batch.hash, "reason": reason}
    body["hash"] = digest(body)
    body["signature"] = sign(bytes.fromhex(body["hash"])).hex()
    return batch._replace(hash=body["hash"], body=body)


def link_hash(body: Mapping[str, Any]) -> str:
    """The hash that the next batch names as `previous`: a tombstone keeps the one of the batch it stands for."""
    tombstone = body.get("tombstone")
    return str(tombstone["hash"] if tombstone else body["hash"])


def check(body: Mapping[str, Any], verify: Verify) -> None:
    """Raise WrongAnswer with the reason unless hash and signature of a received body hold."""
    missing = [key for key in _FIELDS if key not in body]
    if missing:
        raise WrongAnswer(f"the batch lacks {', '.join(missing)}")
    if body["format"] != FORMAT:
        raise WrongAnswer(f"batch format {body['format']!r} is not known here; this side speaks {FORMAT}")
    if digest(body) != body["hash"]:
        raise WrongAnswer(f"batch {body['number']}: the hash does not match the contents")
    if not verify(bytes.fromhex(body["hash"]), bytes.fromhex(body["signature"])):
        raise WrongAnswer(f"batch {body['number']}: the signature is not this gateway's")


_CONTENTS_OF_OLD = ("readings", "events", "clocks", "figures", "sites")
# Batches sealed before there were declarations do not have that list; what they hold is as sound as ever.
_CONTENTS = (*_CONTENTS_OF_OLD, "declarations")
_HEAD = ("format", "gateway", "number", "previous", "first_sequence", "last_sequence", "sealed_at")
_FIELDS = (*_HEAD, "hash", "signature", *_CONTENTS_OF_OLD)


def contents(records: Iterable[Record]) -> dict[str, list[Any]]:
    """The records by kind; readings as columns, one group per meter."""
    kinds: dict[str, list[Any]] = {kind: [] for kind in _CONTENTS}
    readings: list[Reading] = []
    for record in records:
        if isinstance(record, Reading):
            readings.append(record)
        else:
            kinds[_KINDS[type(record)]].append(record_document(record))
    readings.sort(key=lambda reading: (reading.meter, reading.sequence))
    kinds["readings"] = [_columns(meter, list(group)) for meter, group in groupby(readings, key=lambda reading: reading.meter)]
    return kinds


def _columns(meter: str, readings: list[Reading]) -> dict[str, Any]:
    texts = [outside_values(reading.values) for reading in readings]
    quantities = sorted({quantity for text in texts for quantity in text})
    return {
        "meter": meter,
        "sequence": [reading.sequence for reading in readings],
        "boot": [reading.boot for reading in readings],
        "monotonic_ms": [reading.monotonic_ms for reading in readings],
        "time": [iso_or_none(reading.time_ms) for reading in readings],
        "turnaround_ms": [reading.turnaround_ms for reading in readings],
        "values": {quantity: [text.get(quantity) for text in texts] for quantity in quantities},
        "missing": [dict(reading.missing) or None for reading in readings],
    }


def record_document(record: Record) -> dict[str, Any]:
    """One record of any kind, with all that is sealed of it."""
    document: dict[str, Any] = _DOCUMENTS[type(record)](record)
    return document


def reading_document(reading: Reading) -> dict[str, Any]:
    """One reading as the read API shows it."""
    return {
        "sequence": reading.sequence,
        "meter": reading.meter,
        "boot": reading.boot,
        "monotonic_ms": reading.monotonic_ms,
        "time": iso_or_none(reading.time_ms),
        "turnaround_ms": reading.turnaround_ms,
        "values": outside_values(reading.values),
        "missing": dict(reading.missing),
    }


def event_document(event: Event) -> dict[str, Any]:
    return {
        "sequence": event.sequence,
        "kind": event.kind,
        "subject": event.subject,
        "detail": event.detail,
        "boot": event.boot,
        "monotonic_ms": event.monotonic_ms,
        "time": iso_or_none(event.time_ms),
    }


def clock_document(clock: ClockSet) -> dict[str, Any]:
    return {"sequence": clock.sequence, "boot": clock.boot, "offset_ms": clock.offset_ms, "known_at": iso(clock.known_at_ms)}


def declared_document(declared: Declared) -> dict[str, Any]:
    """With its number and time before what was declared."""
    head = {"sequence": declared.sequence, "id": declared.id, "known_at": iso(declared.known_at_ms), "from": iso_or_none(declared.from_ms)}
    if head.keys() & declared.document.keys():
        raise OurMistake(f"what was declared as {declared.id} must not name its own number or time")
    return {**head, **declared.document}


def _figure_document(figure: Figure) -> dict[str, Any]:
    return {"sequence": figure.sequence, "known_sequence": figure.known_sequence, "figure": figure.document}


def _site_document(site: SiteDescription) -> dict[str, Any]:
    return {"sequence": site.sequence, "known_at": iso(site.known_at_ms), "site": site.document}


_KINDS: dict[type, str] = {
    Event: "events", ClockSet: "clocks", Figure: "figures", Declared: "declarations", SiteDescription: "sites",
}  # fmt: skip
_DOCUMENTS: dict[type, Callable[[Any], dict[str, Any]]] = {
    Reading: reading_document,
    Event: event_document,
    ClockSet: clock_document,
    Figure: _figure_document,
    Declared: declared_document,
    SiteDescription: _site_document,
}


def documents(body: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """Every record of a body as `record_document` makes it, by its sequence."""
    others = (document for kind in _KINDS.values() for document in body.get(kind, ()))
    return {int(document["sequence"]): document for document in (*reading_documents(body), *others)}


def reading_documents(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The readings of a batch body, one document each as `reading_document` makes them, in sequence order."""
    documents = [document for group in body["readings"] for document in _rows(group)]
    return sorted(documents, key=lambda document: int(document["sequence"]))


def _rows(group: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for index, sequence in enumerate(group["sequence"]):
        values = {quantity: column[index] for quantity, column in group["values"].items() if column[index] is not None}
        rows.append(
            {
                "sequence": sequence,
                "meter": group["meter"],
                "boot": group["boot"][index],
                "monotonic_ms": group["monotonic_ms"][index],
                "time": group["time"][index],
                "turnaround_ms": group["turnaround_ms"][index],
                "values": values,
                "missing": group["missing"][index] or {},
            }
        )
    return rows
