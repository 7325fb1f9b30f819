"""What is signed when rows of a sealed batch are thinned on purpose: enough to tell that from tampering. Pure.

The batch keeps its own hash in the chain. The thinning record names that hash, the grain, and the digest of what was left:
whoever finds rows missing without such a record, or other rows than those that it names, has found tampering.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from protocols.batch import Sign, Verify, canonical, contents
from protocols.reading import Record, iso

NOTHING_LEFT = 2**31 - 1  # the grain of a batch whose power rows were all dropped


class Thinned(NamedTuple):
    """Of batch `number`: power rows are left one per meter and `grain_s`. `contents` is the digest of all records that are left."""

    number: int
    grain_s: int
    thinned_ms: int
    kept: int
    dropped: int
    contents: str
    signature: str


def contents_digest(records: Sequence[Record]) -> str:
    return hashlib.sha256(canonical(contents(records))).hexdigest()


def seal_thinning(gateway: str, batch_hash: str, thinned: Thinned, sign: Sign) -> Thinned:
    return thinned._replace(signature=sign(_digest(gateway, batch_hash, thinned)).hex())


def holds(gateway: str, batch_hash: str, thinned: Thinned, left: Sequence[Record], verify: Verify) -> bool:
    """Whether `left` is what this gateway left when it thinned the batch with that hash."""
    signed = verify(_digest(gateway, batch_hash, thinned), bytes.fromhex(thinned.signature))
    return signed and contents_digest(left) == thinned.contents


def _digest(gateway: str, batch_hash: str, thinned: Thinned) -> bytes:
    fields = thinned._asdict()
    del fields["signature"], fields["thinned_ms"]
    body: dict[str, Any] = {"gateway": gateway, "hash": batch_hash, "thinned_at": iso(thinned.thinned_ms), **fields}
    return hashlib.sha256(canonical(body)).digest()
