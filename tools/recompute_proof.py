"""Checks that every record behind a figure stands in a sealed, signed batch, with the standard library alone.

    python3 recompute_proof.py EVIDENCE.json [PUBLIC_KEY]

It shares no code with what sealed them. It says the first thing that does not hold and ends with 1; with 0 if all
holds, with 2 if a file cannot be read. PUBLIC_KEY (64 hex digits) is the gateway's, as noted elsewhere: without it
the one in the file is believed. That the batches are the ones of the chain is seen by their numbers and hashes,
which the hub lists; `shiftwatt verify` recomputes all of them.
"""

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Document = dict[str, Any]
LISTS = ("events", "clocks", "figures", "sites", "declarations")
# Ed25519 (RFC 8032): the field, the order of the base point, the constant of the curve, the base point.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]


class DoesNotHoldError(Exception):
    """The first thing that does not hold."""


def require(holds: bool, sentence: str) -> None:  # noqa: FBT001  # reads as the sentence it is
    if not holds:
        raise DoesNotHoldError(sentence)


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def iso(time_ms: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{time_ms % 1000:03d}Z" if time_ms % 1000 else "Z")


def check(evidence: Document, public_key: str) -> str:
    key = bytes.fromhex(public_key)
    sealed: dict[int, Document] = {}
    for body in evidence["batches"]:
        hashed = check_thinned(body, key) if "thinning" in body else check_whole(body)
        require(is_signed(key, hashed, bytes.fromhex(body["signature"])), f"batch {body['number']}: the signature is not of this key")
        require(body["gateway"] == evidence["gateway"], f"batch {body['number']} is another gateway's")
        sealed.update(records_of(body))
    check_readings(evidence, sealed)
    check_documents(evidence, sealed)
    counts = [len(evidence[name]) for name in ("records", "declarations", "batches")]
    return f"{counts[0]} readings, {counts[1]} declarations, site and figure stand in {counts[2]} signed batches"


def check_whole(body: Document) -> bytes:
    plain = {name: value for name, value in body.items() if name not in ("hash", "signature")}
    hashed = hashlib.sha256(bytes.fromhex(body["previous"]) + canonical(plain)).digest()
    require(hashed.hex() == body["hash"], f"batch {body['number']}: its hash is not that of its contents")
    return hashed


def check_thinned(body: Document, key: bytes) -> bytes:
    """Power rows of it were dropped with age: the gateway signed, with the batch's hash, the digest of what it left."""
    record, what = body["thinning"], f"batch {body['number']}, thinned"
    left = hashlib.sha256(canonical({name: body[name] for name in ("readings", *LISTS)})).hexdigest()
    require((record["number"], record["contents"]) == (body["number"], left), f"{what}: its contents are not what was left")
    said = {name: value for name, value in record.items() if name != "signature"}
    message = hashlib.sha256(canonical({**said, "gateway": body["gateway"], "hash": body["hash"]})).digest()
    require(is_signed(key, message, bytes.fromhex(record["signature"])), f"{what}: the signature of its thinning is not of this key")
    return bytes.fromhex(body["hash"])


def records_of(body: Document) -> Iterator[tuple[int, Document]]:
    for name in LISTS:
        for each in body.get(name, ()):
            yield each["sequence"], each
    for group in body["readings"]:
        for index, sequence in enumerate(group["sequence"]):
            values = {quantity: column[index] for quantity, column in group["values"].items()}
            fields = {name: group[name][index] for name in ("boot", "monotonic_ms", "time")}
            yield sequence, {"meter": group["meter"], "values": values, **fields}


def check_readings(evidence: Document, sealed: dict[int, Document]) -> None:
    """Each reading of the evidence is one of the records, and each of those is in a batch with the same value and time."""
    claimed = {(each["meter"], each["quantity"], each["time"], each["value"]) for each in evidence["records"]}
    for counter in evidence["counters"]:
        for each in counter["readings"]:
            name = f"{counter['meter']} {counter['quantity']} at {each['time']}"
            require((counter["meter"], counter["quantity"], each["time"], each["value"]) in claimed, f"{name}: no record says so")
    for each in evidence["records"]:
        name = f"record {each['sequence']}, {each['meter']} {each['quantity']} at {each['time']}"
        found = sealed.get(each["sequence"])
        require(found is not None, f"{name}: is in no batch")
        assert found is not None
        time = found["time"] or dated(found, evidence["clocks"], sealed)
        same = (found["meter"], found["values"].get(each["quantity"]), time) == (each["stored_as"], each["value"], each["time"])
        require(same, f"{name}: the sealed record says something else")


def dated(reading: Document, clocks: Sequence[Document], sealed: dict[int, Document]) -> str | None:
    """By the first clock record of its boot; that record is sealed too."""
    for clock in clocks:
        if clock["boot"] == reading["boot"] and sealed.get(clock["sequence"]) == clock:
            return iso(reading["monotonic_ms"] + clock["offset_ms"])
    return None


def check_documents(evidence: Document, sealed: dict[int, Document]) -> None:
    for each in evidence["declarations"]:
        require(sealed.get(each["sequence"]) == each, f"the declaration {each['id']} is not what was sealed")
    site = evidence["site_record"]
    require(sealed.get(site["sequence"]) == site, "the record of the site is not what was sealed")
    figure = {"sequence": evidence["sequence"], "known_sequence": evidence["known_sequence"], "figure": evidence["figure"]}
    require(sealed.get(evidence["sequence"]) == figure, "the figure is not what was sealed")


# --- Ed25519, as RFC 8032 gives it: slow, and free of anything that is not in this file


def is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    if len(key) != 32 or len(signature) != 64:
        return False
    own, commitment, scalar = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
    if own is None or commitment is None or scalar >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    return same(times(scalar, BASE), add(commitment, times(challenge, own)))


def add(one: Point, two: Point) -> Point:
    a, b = (one[1] - one[0]) * (two[1] - two[0]) % P, (one[1] + one[0]) * (two[1] + two[0]) % P
    c, d = 2 * one[3] * two[3] * D % P, 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f, g * h, f * g, e * h)


def times(scalar: int, base: Point) -> Point:
    found: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            found = add(found, base)
        base = add(base, base)
        scalar >>= 1
    return found


def same(one: Point, two: Point) -> bool:
    return (one[0] * two[2] - two[0] * one[2]) % P == 0 and (one[1] * two[2] - two[1] * one[2]) % P == 0


def point(packed: bytes) -> Point | None:
    y, sign = int.from_bytes(packed, "little") & ((1 << 255) - 1), packed[31] >> 7
    x = x_of(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def x_of(y: int, sign: int) -> int | None:
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if (x * x - square) % P == 0 else x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


BASE: Point = point((4 * pow(5, -1, P) % P).to_bytes(32, "little")) or (0, 1, 1, 0)


def main(words: Sequence[str]) -> int:
    if len(words) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        evidence = json.loads(Path(words[0]).read_text(encoding="utf-8"))
        print(check(evidence, words[1] if len(words) == 2 else evidence["public_key"]))
    except DoesNotHoldError as error:
        print(f"does not hold: {error}")
        return 1
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{words[0]} cannot be read as the evidence of a figure: {error!r}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
