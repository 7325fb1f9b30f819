"""The carbon of one stretch of time: which activities caused it, their lines, and the sums over them.

How an amount becomes kg stands in `emission`, how sure it is in `uncertainty`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.carbon.balance import EXPORT, Balance
from gateway.carbon.emission import Activity, Line, Matcher, Segment, export_lines, lines_of, outside_sums, segments, sum_of
from gateway.carbon.exact import text
from gateway.carbon.factor import ELECTRICITY, HEAT, LOCATION, RESIDUAL, SCOPE1
from gateway.carbon.inputs import CounterSpec
from gateway.carbon.scope import Window
from gateway.carbon.uncertainty import carbon_uncertainty

Document = dict[str, Any]


def carbon_of(window: Window, balance: Balance, reasons: list[str], match: Matcher = lambda _part: ()) -> tuple[list[Line], Document]:
    book = window.site.book
    lines: list[Line] = []
    for spans, activity in _activities(window, balance, reasons):
        lines.extend(lines_of(book, spans, activity, reasons, match))
    location = sum_of(LOCATION, lines, reasons)
    exported = window.plant.by_stream[EXPORT]
    if exported and balance.streams[EXPORT]:
        spans = _spans(window, ELECTRICITY)
        lines.extend(export_lines(book, spans, _electricity(window, exported, spans), location))
    known = {f"{SCOPE1}_kg": sum_of(SCOPE1, lines, reasons), f"{LOCATION}_kg": location}
    known[f"{RESIDUAL}_kg"] = sum_of(RESIDUAL, lines, reasons)
    names = {line.name for line in lines}
    if SCOPE1 not in names:
        reasons.append("scope1_kg: no fuel is metered here")
    if LOCATION not in names:
        reasons.append("scope2_location_kg, scope2_market_kg: the bought electricity is not known")
    return lines, {
        **{name: None if kg is None else text(kg) for name, kg in known.items()},
        "outside_kg": outside_sums(lines, reasons),
        "lines": [dict(line.document) for line in lines],
        **carbon_uncertainty(lines, window.scope.counted, window.portion, window.inputs.estimate_limit, reasons),
    }


def _spans(window: Window, name: str) -> list[Segment]:
    start, end, book = window.stretch.start_ms, window.stretch.end_ms, window.site.book
    marks = book.series_cuts(name, start, end)
    if name == ELECTRICITY and window.scope.line is None:
        marks |= window.site.ledger.cuts(start, end)
    return segments(window.inputs.zone, book, start, end, marks)


def _activities(window: Window, balance: Balance, reasons: list[str]) -> Iterator[tuple[list[Segment], Activity]]:
    split_off = window.scope.line is not None and window.site.has_own_source and not window.plant.has_own_source
    if split_off:
        reasons.append("scope2: the site generates, and how much of that this production line used is not declared")
    elif balance.purchased:
        spans = _spans(window, ELECTRICITY)
        yield spans, _electricity(window, balance.purchased, spans)
    for spec in window.scope.specs:
        if spec.role in ("fuel", "heat"):
            if window.portion(spec).known:
                name = spec.fuel if spec.role == "fuel" else HEAT
                spans = _spans(window, name)
                amounts = window.per_segment(spec, spans)
                yield spans, Activity(name, spec.meter, spec.quantity, amounts, spec.calorific, ((spec.key, amounts),))
            else:
                reasons.append(f"{spec.meter}: the {spec.role} used is not known, so its carbon is not in this figure")


def _electricity(window: Window, specs: Sequence[CounterSpec], spans: Sequence[Segment]) -> Activity:
    shares = tuple((spec.key, window.per_segment(spec, spans)) for spec in specs)
    subject = ", ".join(dict.fromkeys(spec.meter for spec in specs))
    amounts = tuple(sum(parts) for parts in zip(*(parts for _, parts in shares), strict=True))
    return Activity(ELECTRICITY, subject, "active_energy_import", amounts, shares=shares)
