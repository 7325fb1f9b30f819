"""C30: whether a newly computed figure is published, under which version and state, and why.

Given the last published document and the new draft; keeps nothing and asks no clock.
"""

import hashlib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from gateway.carbon.exact import text, total
from gateway.carbon.figure import FigureDraft
from protocols.batch import canonical
from protocols.reading import iso

RUNNING, PROVISIONAL, FINAL, RESTATED = "running", "provisional", "final", "restated"
# How the reasons begin by which a version differs from the one before.
CAUSE, WITHDRAWN = "restated: ", "withdrawn: "
NOT_HASHED = ("version", "state", "known_at", "reasons", "sha256")
# Keys of a figure that are there only where something is declared.
_WHERE_DECLARED = ("tree", "demand", "tariffs", "storage", "certificates")
Document = dict[str, Any]


def figure_sha256(document: Mapping[str, Any]) -> str:
    """Over everything but version, state, known_at, reasons and sha256, in RFC 8785 form."""
    return hashlib.sha256(canonical({key: value for key, value in document.items() if key not in NOT_HASHED})).hexdigest()


def publish(draft: FigureDraft, previous: Mapping[str, Any] | None, now_ms: int, grace_min: int) -> Document | None:
    """The document to publish now, or None when nothing changed since `previous`."""
    sha256 = figure_sha256(draft.document)
    same = previous is not None and previous["sha256"] in (sha256, _sha256_with_zone_data_of(previous, draft.document))
    closed = previous is not None and previous["state"] in (FINAL, RESTATED)
    version, state = 1, _state(draft.end_ms, now_ms, grace_min)
    causes: tuple[str, ...] = ()
    if closed and previous is not None:
        if same:
            return None
        version, state = previous["version"] + 1, RESTATED
        causes = tuple(differences(previous, draft.document))
    elif same and previous is not None and previous["state"] == state:
        return None
    return {
        **draft.document,
        "version": version,
        "state": state,
        "known_at": iso(now_ms),
        "reasons": [*causes, *draft.reasons],
        "sha256": sha256,
    }


def _sha256_with_zone_data_of(previous: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """A release of time-zone data that moves nothing of a figure is no reason for a version of it."""
    return figure_sha256({**document, "time_zone_data": previous["time_zone_data"]})


def withdraw(previous: Mapping[str, Any], now_ms: int) -> Document:
    """The last version of a figure whose stretch the calendar no longer has: it holds nothing any more."""
    emptied = {
        **{key: value for key, value in previous.items() if key not in NOT_HASHED},
        "meters": [],
        "balance": dict.fromkeys(previous["balance"]),
        "carbon": {**dict.fromkeys(previous["carbon"]), "outside_kg": {}, "lines": []},
        "products": [],
        "complete": False,
    }
    for name in _WHERE_DECLARED:
        emptied.pop(name, None)
    return {
        **emptied,
        "version": previous["version"] + 1,
        "state": RESTATED,
        "known_at": iso(now_ms),
        "reasons": [f"{WITHDRAWN}the calendar no longer has this stretch of time; others cover it"],
        "sha256": figure_sha256(emptied),
    }


def causes(document: Mapping[str, Any]) -> list[str]:
    """Of the reasons of a figure those that tell what its version changed, in words for a list."""
    found = [each.removeprefix(CAUSE) for each in document["reasons"] if each.startswith((CAUSE, WITHDRAWN))]
    return found if document["state"] == RESTATED else []


def _state(end_ms: int, now_ms: int, grace_min: int) -> str:
    if now_ms < end_ms:
        return RUNNING
    return PROVISIONAL if now_ms < end_ms + grace_min * 60_000 else FINAL


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Sentences: what changed between two documents of one figure, causes first."""
    for name, cause in (("end", "calendar"), ("crew", "calendar"), ("time_zone_data", "time-zone data")):
        had, has = before.get(name), after.get(name)
        if had != has:
            yield f"restated: {cause}: {name} {had or 'none'} -> {has or 'none'}"
    yield from _events(before, after)
    yield from _factors(before, after)
    yield from _amounts(before, after)
    yield from _carbon(before, after)
    for name in _WHERE_DECLARED:
        if before.get(name) != after.get(name):
            yield f"restated: {name}: other values, or declared otherwise"
    if before["products"] != after["products"]:
        yield "restated: products: units or their energy changed"


def _by_counter(document: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {(entry["meter"], entry["quantity"]): entry for entry in document["meters"]}


def _events(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    old, new = _by_counter(before), _by_counter(after)
    for key in sorted(old.keys() | new.keys()):
        had, has = (each[key]["events"] if key in each else [] for each in (old, new))
        for event in has:
            if event not in had:
                yield f"restated: {event['kind']} of {' '.join(key)} at {event['time']}: {event['detail']}"
        for event in had:
            if event not in has:
                yield f"restated: {event['kind']} of {' '.join(key)} at {event['time']} no longer holds"


def _factors(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    old, new = (_factor_ids(document) for document in (before, after))
    for line in sorted(old.keys() & new.keys()):
        if old[line] != new[line]:
            yield f"restated: factor of {line}: {', '.join(sorted(old[line]))} -> {', '.join(sorted(new[line]))}"


def _factor_ids(document: Mapping[str, Any]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in document["carbon"]["lines"]:
        factor = line["factor"]
        found.setdefault(line["line"], set()).add(f"{factor['id']} {factor['value']} ({factor['sha256'][:8]})" if factor else "none")
    return found


def _amounts(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    old, new = _by_counter(before), _by_counter(after)
    for key in sorted(old.keys() | new.keys()):
        had, has = (each[key]["amount"] if key in each else None for each in (old, new))
        if had != has:
            yield f"restated: {' '.join(key)}: {_change(had, has)} {(new.get(key) or old[key])['unit']}"
        elif key in old and key in new and old[key] != new[key]:
            yield f"restated: {' '.join(key)}: the readings behind the amount changed"


def _carbon(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in ("scope1_kg", "scope2_location_kg", "scope2_market_kg"):
        had, has = before["carbon"][name], after["carbon"][name]
        if had != has:
            yield f"restated: {name}: {_change(had, has)} kg"


def _change(had: str | None, has: str | None) -> str:
    if had is None or has is None:
        return f"{had or 'not known'} -> {has or 'not known'}"
    difference = text(total((Decimal(has), Decimal(had).copy_negate())))
    return f"{had} -> {has} ({difference if difference.startswith('-') else '+' + difference})"
