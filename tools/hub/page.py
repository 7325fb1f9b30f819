"""The hub's page for people: which gateways there are, when each was last heard of, and what is missing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from gateway.deliver import query
from gateway.deliver.endpoint import Call
from protocols.reading import iso, milliseconds_of
from tools.hub.source import HubRecords

# A gateway sends every few seconds; one that was silent for so long has a person to look at it.
SILENT_MS = 15 * 60_000
_SPANS = ((86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second"))
_templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined)


def page(records: HubRecords, now_ms: Callable[[], int]) -> Callable[[Call], Response]:
    def answer(call: Call) -> Response:
        query.nothing(call.request.query_params)
        now = now_ms()
        found = records.completeness(None, None)
        gateways = [{**gateway, **_shown(gateway, now)} for gateway in found["gateways"]]
        text = _templates.get_template("gateways.html").render(gateways=gateways, complete=found["complete"], now=iso(now))
        return HTMLResponse(text, headers={"Cache-Control": "no-store"})

    return answer


def _shown(gateway: dict[str, Any], now_ms: int) -> dict[str, Any]:
    contact_ms = milliseconds_of(gateway["last_contact"]) if gateway["last_contact"] else None
    return {
        "age": "never" if contact_ms is None else age(now_ms - contact_ms),
        "silent": contact_ms is None or now_ms - contact_ms > SILENT_MS,
        "missing_count": sum(gap["last"] - gap["first"] + 1 for gap in gateway["missing"]),
    }


def age(span_ms: int) -> str:
    """In the largest whole unit: "5 minutes ago"."""
    for size, name in _SPANS:
        count = span_ms // size
        if count >= 1:
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "now"
