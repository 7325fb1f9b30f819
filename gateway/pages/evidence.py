"""What one figure rests on: readings first and last, events, factors, hash, and every version with what changed. Pure.

Here numbers stand with all their decimals: this page is what an auditor compares.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.pages.health import Fact
from gateway.pages.shift_figure import Document, shift_figure
from gateway.pages.shifts import carbon_unit, shift_name
from gateway.pages.viewer import SECOND_MS, UNKNOWN, Viewer
from protocols.reading import milliseconds_of

_BALANCE = ("load_kwh", "import_kwh", "export_kwh", "generation_kwh", "self_consumption_kwh", "unmetered_kwh")


@dataclass(frozen=True)
class CounterEvidence:
    meter: str
    quantity: str
    unit: str
    amounts: tuple[str, ...]  # amount, measured, interpolated, estimated, adjustment
    missing: str
    first: tuple[str, str]  # time and value
    last: tuple[str, str]
    events: tuple[str, ...]


@dataclass(frozen=True)
class CarbonEvidence:
    line: str
    kg: str
    unit: str
    factor: str
    source: str
    sha256: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Version:
    number: int
    state: str
    known_at: str
    energy: str
    carbon: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    title: str
    span: str
    facts: tuple[Fact, ...]
    balance: tuple[Fact, ...]
    counters: tuple[CounterEvidence, ...]
    carbon: tuple[CarbonEvidence, ...]
    products: tuple[Fact, ...]
    reasons: tuple[str, ...]
    sha256: str
    versions: tuple[Version, ...]


def evidence(versions: Sequence[Document], roles: Mapping[str, str], viewer: Viewer) -> Evidence:
    """Of the newest version, which stands first."""
    document = versions[0]
    figure = shift_figure(document, roles)
    name = (
        viewer.say("shift.of_line", shift=shift_name(figure, viewer), line=figure.production_line)
        if figure.production_line
        else shift_name(figure, viewer)
    )
    return Evidence(
        title=viewer.say("evidence.title", day=viewer.day(figure.day), shift=name),
        span=viewer.say("calendar.span", first=viewer.time(figure.start_ms), last=viewer.time(figure.end_ms)),
        facts=_facts(document, viewer),
        balance=tuple(
            Fact(viewer.word("balance", key), f"{exact(document['balance'].get(key), viewer)} kWh")
            for key in _BALANCE
            if document["balance"].get(key) is not None
        ),
        counters=tuple(_counter(entry, viewer) for entry in document["meters"]),
        carbon=tuple(_carbon(line, viewer) for line in document["carbon"].get("lines") or ()),
        products=tuple(_product(each, viewer) for each in document.get("products") or ()),
        reasons=_reasons(document, viewer),
        sha256=document["sha256"],
        versions=tuple(_version(each, viewer) for each in versions),
    )


def exact(text: str | None, viewer: Viewer) -> str:
    """All decimals but closing zeros."""
    if text is None:
        return UNKNOWN
    value = Decimal(text)
    exponent = value.normalize().as_tuple().exponent
    return viewer.number(value, max(0, -exponent) if isinstance(exponent, int) else 0)


def _facts(document: Document, viewer: Viewer) -> tuple[Fact, ...]:
    figures = (
        ("state", viewer.word("figure_state", document["state"])),
        ("version", str(document["version"])),
        ("known_at", viewer.instant(milliseconds_of(document["known_at"]))),
        ("elapsed", viewer.duration(document["elapsed_s"] * SECOND_MS)),
        ("complete", viewer.say("evidence.yes" if document["complete"] else "evidence.no")),
        ("estimated", viewer.say("number.percent", number=exact(document.get("estimated_share_pct"), viewer))),
        ("time_zone_data", str(document.get("time_zone_data", UNKNOWN))),
    )
    return tuple(Fact(viewer.say(f"evidence.{key}"), value) for key, value in figures)


def _counter(entry: Document, viewer: Viewer) -> CounterEvidence:
    return CounterEvidence(
        entry["meter"],
        viewer.word("measured", entry["quantity"]),
        viewer.word("unit", entry["unit"]),
        tuple(exact(entry.get(key), viewer) for key in ("amount", "measured", "interpolated", "estimated", "adjustment")),
        viewer.duration(entry["missing_s"] * SECOND_MS) if entry.get("missing_s") else "",
        _reading(entry.get("first"), viewer),
        _reading(entry.get("last"), viewer),
        tuple(_happened(each, viewer) for each in entry["events"]),
    )


def _happened(event: Mapping[str, Any], viewer: Viewer) -> str:
    when = f"{viewer.word('counter_event', event['kind'])} {viewer.time(milliseconds_of(event['time']))}"
    return when + viewer.say("number.colon") + viewer.told(event["detail"])


def _reading(reading: Mapping[str, Any] | None, viewer: Viewer) -> tuple[str, str]:
    if not reading or not reading.get("time"):
        return UNKNOWN, UNKNOWN
    return viewer.time(milliseconds_of(reading["time"])), exact(reading.get("value"), viewer)


def _carbon(line: Document, viewer: Viewer) -> CarbonEvidence:
    factor = line.get("factor") or {}
    unit = carbon_unit(line.get("gases") or "")
    notes = [viewer.say("carbon.provisional")] if line.get("provisional") else []
    notes += [viewer.told(str(each)) for each in factor.get("fallbacks") or ()]
    value = f"{factor['value']} {factor['unit']}" if factor else UNKNOWN
    source = " · ".join(str(factor[key]) for key in ("id", "region", "year") if factor.get(key))
    return CarbonEvidence(
        viewer.word("carbon_line", line["line"]),
        exact(line.get("kg"), viewer),
        unit,
        value,
        source,
        factor.get("sha256") or "",
        tuple(notes),
    )


def _product(product: Document, viewer: Viewer) -> Fact:
    said = viewer.say(
        "evidence.product",
        units=exact(product.get("units"), viewer),
        kwh=exact(product.get("kwh_per_unit"), viewer),
        kg=exact(product.get("kg_per_unit"), viewer),
    )
    return Fact(product["product"], said)


def _version(document: Document, viewer: Viewer) -> Version:
    return Version(
        document["version"],
        viewer.word("figure_state", document["state"]),
        viewer.instant(milliseconds_of(document["known_at"])),
        exact(document["balance"].get("load_kwh"), viewer),
        exact(document["carbon"].get("scope2_location_kg"), viewer),
        _reasons(document, viewer),
    )


def _reasons(document: Document, viewer: Viewer) -> tuple[str, ...]:
    return tuple(viewer.told(str(reason)) for reason in document.get("reasons") or ())
