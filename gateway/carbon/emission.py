"""C16, C18 to C22: from amounts to lines of kg, each with the factor it was made with.

Segments end where the factor may change; CO2 and CO2e are never added. What an amount is and to which time
it belongs is decided elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from decimal import Decimal
from itertools import pairwise
from typing import Any

from gateway.carbon.exact import amount, divided, product, text, total
from gateway.carbon.factor import (
    BIOGENIC,
    ELECTRICITY,
    HEAT,
    LOCATION,
    LOSSES,
    OUTSIDE_LINES,
    RESIDUAL,
    SCOPE1,
    UPSTREAM,
    Choice,
    FactorBook,
)
from gateway.carbon.fuel import CalorificValue, InFactorUnit, in_factor_unit
from gateway.carbon.shift_calendar import instant, local
from gateway.carbon.split import apportion
from protocols.quantity import QUANTITIES

EXPORT = "export"
_METHODS = {
    SCOPE1: ("direct", "1"),
    LOCATION: ("location-based", "2"),
    RESIDUAL: ("market-based", "2"),
    LOSSES: ("location-based", "3"),
    UPSTREAM: ("lifecycle", "3"),
    BIOGENIC: ("direct", "outside"),
    EXPORT: ("location-based", "net"),
}
# The lines that must be there (null with a reason if not) and those shown where a factor is at hand (C22).
_REQUIRED = {ELECTRICITY: (LOCATION, RESIDUAL), HEAT: (LOCATION, RESIDUAL)}
_OPTIONAL = {
    ELECTRICITY: ((LOSSES, ELECTRICITY), (UPSTREAM, ELECTRICITY), (UPSTREAM, "electricity_losses"), (BIOGENIC, ELECTRICITY)),
    HEAT: ((LOSSES, HEAT),),
}


@dataclass(frozen=True)
class Segment:
    """A stretch in which no factor changes; `day` is its local date."""

    day: date
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Activity:
    """What caused the emission; `amounts` are inner thousandths, one for each segment."""

    name: str
    subject: str
    quantity: str
    amounts: tuple[int, ...]
    calorific: CalorificValue | None = None


@dataclass(frozen=True)
class Line:
    name: str
    kg: Decimal | None
    gases: str | None
    document: Mapping[str, Any]


def segments(zone: tzinfo, book: FactorBook, start_ms: int, end_ms: int) -> list[Segment]:
    """Factor years begin at local midnight (C19)."""
    first, last = local(zone, start_ms), local(zone, end_ms - 1)
    days = [date(year, 1, 1) for year in range(first.year + 1, last.year + 1)] + book.publication_dates
    cuts = (instant(zone, datetime.combine(day, time())) for day in days)
    bounds = [start_ms, *sorted({cut for cut in cuts if start_ms < cut < end_ms}), end_ms]
    return [Segment(local(zone, begin).date(), begin, end) for begin, end in pairwise(bounds)]


def lines_of(book: FactorBook, spans: Sequence[Segment], activity: Activity, reasons: list[str]) -> list[Line]:
    lines = []
    for span, thousandths in _parts(book.policy, spans, activity.amounts):
        for name in _REQUIRED.get(activity.name, (SCOPE1,)):
            line = _line(book, name, activity.name, activity, span.day, thousandths, reasons)
            lines.append(line or _unknown(name, activity))
        for name, stands_for in _OPTIONAL.get(activity.name, ((UPSTREAM, activity.name), (BIOGENIC, activity.name))):
            extra = _line(book, name, stands_for, activity, span.day, thousandths, [])
            if extra is not None:
                lines.append(extra)
    return lines


def export_lines(book: FactorBook, spans: Sequence[Segment], activity: Activity, gross: Decimal | None) -> list[Line]:
    """C16: stands beside gross, never in it, and never credits more than gross scope 2."""
    lines: list[Line] = []
    left = gross if gross is not None else Decimal(0)
    for span, thousandths in _parts(book.policy, spans, activity.amounts):
        choices = book.choose(LOCATION, ELECTRICITY, span.day)
        if thousandths and choices:
            metered = InFactorUnit(Decimal(thousandths), Decimal(10**6))
            kg = min(left, _kg(metered, choices[0]))
            left = total((left, kg.copy_negate()))
            lines.append(_made(EXPORT, activity, thousandths, kg.copy_negate() if kg else kg, choices[0], ()))
    return lines


def sum_of(name: str, lines: Sequence[Line], reasons: list[str]) -> Decimal | None:
    """None with a reason where a line is not known, or where gases differ: CO2 and CO2e are not added."""
    own = [line for line in lines if line.name == name]
    if not own:
        return None
    if any(line.kg is None for line in own):
        reasons.append(f"{name}_kg: not every line of it is known")
        return None
    if len({line.gases for line in own}) > 1:
        reasons.append(f"{name}_kg: its lines hold {' and '.join(sorted({str(line.gases) for line in own}))}, which are not added")
        return None
    return total(line.kg for line in own if line.kg is not None)


def outside_sums(lines: Sequence[Line], reasons: list[str]) -> dict[str, str | None]:
    names = [name for name in (*OUTSIDE_LINES, EXPORT) if any(line.name == name for line in lines)]
    sums = {name: sum_of(name, lines, reasons) for name in names}
    return {name: None if kg is None else text(kg) for name, kg in sums.items()}


def _parts(policy: str, spans: Sequence[Segment], amounts: Sequence[int]) -> list[tuple[Segment, int]]:
    """By default what was measured in each segment; two policies look at the period as a whole."""
    if len(spans) == 1 or policy not in ("majority_of_period", "day_weighted"):
        return list(zip(spans, amounts, strict=True))
    lengths = [span.end_ms - span.start_ms for span in spans]
    if policy == "day_weighted":
        return list(zip(spans, apportion(sum(amounts), lengths), strict=True))
    return [(spans[lengths.index(max(lengths))], sum(amounts))]


def _line(book: FactorBook, name: str, stands_for: str, activity: Activity, day: date, thousandths: int, reasons: list[str]) -> Line | None:
    choices = book.choose(name, stands_for, day)
    flags: tuple[str, ...] = ()
    if not choices and name == RESIDUAL:
        # C21: without contract, supplier factor or residual mix the location-based factor stands in, flagged.
        choices = book.choose(LOCATION, stands_for, day)
        flags = (f"no residual mix for {stands_for}: the location-based factor stands in",)
    refused = []
    for choice in choices:
        metered = in_factor_unit(activity.quantity, thousandths, choice.factor, activity.calorific)
        if isinstance(metered, InFactorUnit):
            if metered.note:
                reasons.append(f"{activity.subject}: {metered.note}")
            return _made(name, activity, thousandths, _kg(metered, choice), choice, flags)
        refused.append(metered)
    reasons.append(f"{name}: {activity.subject}: " + ("; ".join(refused) if refused else _none_found(book, stands_for, day)))
    return None


def _none_found(book: FactorBook, stands_for: str, day: date) -> str:
    return f"no factor for {stands_for or 'a fuel without name'} {day.year} in {book.describe_chain(stands_for)}"


def _kg(metered: InFactorUnit, choice: Choice) -> Decimal:
    return divided(product(metered.numerator, choice.factor.value), metered.denominator)


def _made(name: str, activity: Activity, thousandths: int, kg: Decimal, choice: Choice, flags: tuple[str, ...]) -> Line:
    factor, (method, scope) = choice.factor, _METHODS[name]
    document = {
        **_head(name, activity),
        "method": method,
        "scope": scope,
        "amount": text(amount(activity.quantity, thousandths)),
        "gases": factor.gases,
        "gwp": factor.gwp or None,
        "kg": text(kg),
        "factor": {
            "id": factor.id,
            "year": factor.year,
            "edition": factor.edition,
            "region": factor.region,
            "value": text(factor.value),
            "unit": factor.unit,
            "basis": factor.basis or None,
            "sha256": factor.sha256,
            "fallbacks": [*flags, *choice.fallbacks],
        },
        "provisional": choice.provisional,
    }
    return Line(name, kg, factor.gases, document)


def _unknown(name: str, activity: Activity) -> Line:
    method, scope = _METHODS[name]
    document = {**_head(name, activity), "method": method, "scope": scope, "gases": None, "kg": None, "factor": None, "provisional": False}
    return Line(name, None, None, document)


def _head(name: str, activity: Activity) -> dict[str, Any]:
    return {"line": name, "activity": activity.name, "subject": activity.subject, "unit": QUANTITIES[activity.quantity].unit}
