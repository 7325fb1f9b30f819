"""A page of documents as JSON, newline-delimited JSON, CSV or Parquet. Knows the documents' shapes, not where they come from.

The CSV of readings is the one that `shiftwatt import` takes: one row per value, missing ones with their reason.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from starlette.responses import Response

from gateway.deliver import parquet
from gateway.deliver.refusal import Refused
from gateway.interfaces import EVENTS, FIGURES, INTERVALS, METERS, READINGS, Page
from protocols.quantity import QUANTITIES

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
DOCUMENTS = (JSON, NDJSON)
MEDIA_TYPES = (JSON, NDJSON, CSV, parquet.MEDIA_TYPE) if parquet.AVAILABLE else (JSON, NDJSON, CSV)
# Where the body is not one JSON object, the cursor stands in the headers.
CURSOR_HEADER, MORE_HEADER = "Shiftwatt-Cursor", "Shiftwatt-More"

# A type that is named is liked better than the same by a wildcard.
_WILDCARD = 0.001

Document = Mapping[str, Any]
Cells = list[Any]


def media_type(accept: str, offered: Sequence[str] = MEDIA_TYPES) -> str:
    """The type the caller likes best, JSON if he does not care; 406 if none of ours will do."""
    liked = dict.fromkeys(offered, 0.0)
    for part in (accept or "*/*").split(","):
        name, *parameters = (each.strip().lower() for each in part.split(";"))
        quality = _quality(parameters)
        for media, before in liked.items():
            if name in (media, "*/*", media.partition("/")[0] + "/*"):
                liked[media] = max(before, quality if name == media else quality * _WILDCARD)
    best = max(liked, key=lambda media: liked[media])
    if not liked[best]:
        raise Refused(406, f"Accept: {accept} is not offered here; offered: {', '.join(offered)}")
    return best


def _quality(parameters: list[str]) -> float:
    for each in parameters:
        if each.startswith("q="):
            try:
                return min(max(float(each[2:]), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0


def render(kind: str, media: str, page: Page, cursor: str) -> Response:
    headers = {CURSOR_HEADER: cursor, MORE_HEADER: "true" if page.more else "false", "Cache-Control": "private, no-cache", "Vary": "Accept"}
    if media == JSON:
        text = _json({kind: list(page.documents), "cursor": cursor, "more": page.more})
    elif media == NDJSON:
        text = "".join(_json(document) + "\n" for document in page.documents)
    elif media == CSV:
        text = _csv(kind, page)
    else:
        return Response(parquet.content(_CSV[kind][0], _rows(kind, page)), media_type=media, headers=headers)
    return Response(text, media_type=media, headers=headers)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _csv(kind: str, page: Page) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_CSV[kind][0])
    writer.writerows([as_in_json(cell) for cell in row] for row in _rows(kind, page))
    return out.getvalue()


def as_in_json(cell: Any) -> Any:
    """A CSV knows texts only; who reads both forms finds the same words."""
    return _json(cell) if isinstance(cell, bool) else cell


def _rows(kind: str, page: Page) -> Iterator[Cells]:
    cells = _CSV[kind][1]
    return (row for document in page.documents for row in cells(document))


_READING = ("time", "meter", "quantity", "value", "unit", "reason", "gateway", "sequence")


def _reading_cells(document: Document) -> Iterator[Cells]:
    before, after = [document["time"], document["meter"]], [document.get("gateway"), document["sequence"]]
    for quantity, value in document["values"].items():
        yield [*before, quantity, value, _unit(quantity), "", *after]
    for quantity, reason in document["missing"].items():
        yield [*before, quantity, "", _unit(quantity), reason, *after]


def _unit(quantity: str) -> str:
    known = QUANTITIES.get(quantity)
    return known.unit if known else ""


_METER = ("gateway", "meter", "was", "model", "role", "line", "address", "parent", "production_line", "rating", "quantities")


def _meter_cells(document: Document) -> Iterator[Cells]:
    cells = [document.get(name) for name in _METER]
    yield [" ".join(cell) if isinstance(cell, list) else cell for cell in cells]


def _by_paths(*paths: str) -> tuple[tuple[str, ...], Callable[[Document], Iterator[Cells]]]:
    """One row per document; a path such as "carbon.scope1_kg" becomes the column "scope1_kg"."""

    def cells(document: Document) -> Iterator[Cells]:
        yield [_found(document, path) for path in paths]

    return tuple(path.rpartition(".")[2] for path in paths), cells


def _found(document: Document, path: str) -> Any:
    value: Any = document
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


_CSV: dict[str, tuple[tuple[str, ...], Callable[[Document], Iterator[Cells]]]] = {
    METERS: (_METER, _meter_cells),
    READINGS: (_READING, _reading_cells),
    EVENTS: _by_paths("time", "kind", "subject", "detail", "boot", "monotonic_ms", "gateway", "sequence"),
    INTERVALS: _by_paths(
        "start", "end", "meter", "quantity", "unit", "amount", "quality", "gateway", "sequence"
    ),
    FIGURES: _by_paths(
        "date", "shift", "production_line", "start", "end", "elapsed_s", "version", "state", "known_at",
        "balance.load_kwh", "balance.import_kwh", "balance.export_kwh", "balance.generation_kwh",
        "balance.self_consumption_kwh", "balance.unmetered_kwh",
        "carbon.scope1_kg", "carbon.scope2_location_kg", "carbon.scope2_market_kg",
        "carbon.uncertainty_95_pct", "carbon.worst_case_pct",
        "complete", "estimated_share_pct", "sha256", "gateway",
    ),
}  # fmt: skip
