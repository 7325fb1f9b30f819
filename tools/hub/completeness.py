"""What is there, what was dropped on purpose and what is missing, of one gateway. Pure: rows in, a document out.

`proven_until` is when the highest batch without a gap below it was sealed: everything that the gateway had
sealed by then is here. A missing batch may hold records of any time before it was sealed, because imports
bring old ones, so only those sealed before the period asked for are left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from protocols.reading import iso, iso_or_none


class Held(NamedTuple):
    """A batch at or above the highest gap-free number, or a tombstone anywhere."""

    number: int
    first_sequence: int
    last_sequence: int
    hash: str
    sealed_ms: int
    tombstone: str | None


def gateway_completeness(gateway: Mapping[str, Any], held: Sequence[Held], from_ms: int | None, to_ms: int | None) -> dict[str, Any]:
    highest = gateway["highest"]
    head = next((each for each in held if each.number == highest), None)
    missing = [(first, last) for first, last, sealed_ms in _gaps(highest, held) if from_ms is None or sealed_ms >= from_ms]
    tombstones = [each for each in held if each.tombstone is not None and (from_ms is None or each.sealed_ms >= from_ms)]
    proven_until_ms = head.sealed_ms if head else None
    reaches = to_ms is None or (proven_until_ms is not None and proven_until_ms >= to_ms)
    return {
        "gateway": gateway["gateway"],
        "name": gateway["name"],
        "complete": reaches and not missing and not tombstones,
        "highest": highest,
        "head": head.hash if head else None,
        "proven_until": iso_or_none(proven_until_ms),
        "last_contact": iso_or_none(gateway["contact_ms"]),
        "beyond": _ranges(each.number for each in held if each.number > highest),
        "missing": [{"first": first, "last": last} for first, last in missing],
        "tombstones": [
            {
                "number": each.number,
                "first_sequence": each.first_sequence,
                "last_sequence": each.last_sequence,
                "hash": each.hash,
                "sealed_at": iso(each.sealed_ms),
                "reason": each.tombstone,
            }
            for each in tombstones
        ],
        "batches": gateway["batches"],
        "records": gateway["records"],
    }


def _gaps(highest: int, held: Sequence[Held]) -> list[tuple[int, int, int]]:
    """First and last number of every gap, and the latest it can have been sealed: when the batch behind it was."""
    numbers = [(highest, 0), *((each.number, each.sealed_ms) for each in held if each.number > highest)]
    return [(before + 1, after - 1, sealed_ms) for (before, _), (after, sealed_ms) in pairwise(numbers) if after > before + 1]


def _ranges(numbers: Iterable[int]) -> list[dict[str, int]]:
    ranges: list[dict[str, int]] = []
    for number in numbers:
        if ranges and ranges[-1]["last"] == number - 1:
            ranges[-1]["last"] = number
        else:
            ranges.append({"first": number, "last": number})
    return ranges
