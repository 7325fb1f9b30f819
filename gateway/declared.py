"""Declarations as records and as what the engine takes of them; what a person may declare stands in `declaring`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gateway.carbon.declaration import Declaration, Production, Ratio, Reset, Swap
from gateway.certificate_file import certificate_from
from gateway.reckoning import Declared as Given
from protocols.amount import inside
from protocols.quantity import QUANTITIES
from protocols.reading import Declared, iso, milliseconds_of

SWAP, RESET, RATIO, PRODUCTION, CERTIFICATE, OFFSET, UNDO = "swap", "reset", "ratio", "production", "certificate", "offset", "undo"
Document = Mapping[str, Any]


def active(records: Sequence[Declared]) -> list[Declared]:
    """Those that hold: neither taken back nor the taking back of another."""
    undone = {record.document["undoes"] for record in records if record.document["declare"] == UNDO}
    return [record for record in records if record.id not in undone and record.document["declare"] != UNDO]


def listed(records: Sequence[Declared]) -> list[dict[str, Any]]:
    """All of them as documents, each with its number, when it was known and whether it still holds."""
    undone = {record.document["undoes"] for record in records if record.document["declare"] == UNDO}
    return [{"id": each.id, "known_at": iso(each.known_at_ms), "holds": each.id not in undone, **each.document} for each in records]


def given_to_engine(records: Sequence[Declared], names: Mapping[str, str]) -> Given:
    """`names` are the meters' names of today by any name they ever had."""
    held = active(records)
    breaks = tuple(_MAKERS[each.document["declare"]](each.document, each.id, names) for each in held if each.document["declare"] in _MAKERS)
    certificates = tuple(certificate_from(each.document) for each in held if each.document["declare"] == CERTIFICATE)
    return Given(breaks, certificates)


def inner(quantity: str, value: str) -> int:
    return inside(quantity, value, QUANTITIES[quantity].unit)


def _swap(document: Document, identity: str, names: Mapping[str, str]) -> Declaration:
    quantity = document["quantity"]
    return Swap(
        _meter(document, names),
        quantity,
        milliseconds_of(document["time"]),
        inner(quantity, document["old_final"]),
        inner(quantity, document["new_start"]),
        identity,
    )


def _reset(document: Document, identity: str, names: Mapping[str, str]) -> Declaration:
    return Reset(_meter(document, names), document["quantity"], milliseconds_of(document["time"]), identity)


def _ratio(document: Document, identity: str, names: Mapping[str, str]) -> Declaration:
    return Ratio(_meter(document, names), milliseconds_of(document["time"]), document["ct"], document["vt"], identity)


def _production(document: Document, identity: str, _names: Mapping[str, str]) -> Declaration:
    return Production(document["product"], milliseconds_of(document["time"]), inner("pieces", document["units"]), identity)


def _meter(document: Document, names: Mapping[str, str]) -> str:
    meter: str = document["meter"]
    return names.get(meter, meter)


_MAKERS: Mapping[str, Callable[[Document, str, Mapping[str, str]], Declaration]] = {
    SWAP: _swap,
    RESET: _reset,
    RATIO: _ratio,
    PRODUCTION: _production,
}


def in_words(document: Document) -> str:
    """One line for a list: what it is, then what stands in it."""
    rest = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in document.items() if key != "declare" and value not in ("", None))
    return f"{document['declare']}: {rest}"


def serials(records: Iterable[Declared], kind: str) -> dict[str, Declared]:
    """Of certificates or offsets that hold."""
    return {each.document["serial"]: each for each in records if each.document["declare"] == kind}
