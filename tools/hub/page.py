"""The hub's page for people: which gateways there are, when each was last heard of, how far behind it is, and what is missing."""

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from gateway.deliver import query
from gateway.deliver.endpoint import Call, Parameter
from gateway.language import CODES, ENGLISH, Language, chosen
from protocols.reading import iso, milliseconds_of
from tools.hub.source import HubRecords

# A gateway sends every few seconds; one that was silent for so long has a person to look at it.
SILENT_MS = 15 * 60_000
LANGUAGE = Parameter("lang", f"the language of the page, {' or '.join(CODES)}; anything else leaves it to the browser")
_SPANS = ((86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second"))
_HERE = Path(__file__).parent
_templates = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined)


def page(records: HubRecords, now_ms: Callable[[], int]) -> Callable[[Call], Response]:
    def answer(call: Call) -> Response:
        wanted = query.given(call.request.query_params, (LANGUAGE,)).get("lang")
        language = strings(chosen(wanted, call.request.headers.get("Accept-Language", ""), ENGLISH).code)
        now = now_ms()
        found = records.completeness(None, None)
        gateways = [{**gateway, **_shown(gateway, now, language)} for gateway in found["gateways"]]
        text = _templates.get_template("gateways.html").render(
            gateways=gateways, complete=found["complete"], now=_readable(iso(now)), language=language.code, say=language.say
        )
        return HTMLResponse(text, headers={"Cache-Control": "no-store", "Vary": "Accept-Language"})

    return answer


@cache
def strings(code: str) -> Language:
    return Language(code, tomllib.loads((_HERE / "strings" / f"{code}.toml").read_text(encoding="utf-8")))


def _shown(gateway: Mapping[str, Any], now_ms: int, language: Language) -> dict[str, Any]:
    contact_ms = milliseconds_of(gateway["last_contact"]) if gateway["last_contact"] else None
    proven_ms = milliseconds_of(gateway["proven_until"]) if gateway["proven_until"] else None
    return {
        "age": language.say("never") if contact_ms is None else age(now_ms - contact_ms, language),
        "silent": contact_ms is None or now_ms - contact_ms > SILENT_MS,
        "lag": "" if proven_ms is None else language.say("behind", age=span(now_ms - proven_ms, language)),
        "proven": _readable(gateway["proven_until"] or "–"),
        "missing_count": sum(gap["last"] - gap["first"] + 1 for gap in gateway["missing"]),
        "fork_number": min((each["number"] for each in gateway["forks"]), default=0),
    }


def _readable(time: str) -> str:
    return time.partition(".")[0].replace("T", " ").removesuffix("Z") + (" UTC" if "T" in time else "")


def age(span_ms: int, language: Language) -> str:
    """In the largest whole unit: "5 minutes ago"."""
    return language.say("ago", age=span(span_ms, language)) if span_ms >= _SPANS[-1][0] else language.say("now")


def span(span_ms: int, language: Language) -> str:
    for size, name in _SPANS:
        if span_ms >= size:
            count = span_ms // size
            return language.say(name, n=count, count=count)
    return language.say("second", n=0, count=0)
