"""C16, C18 to C22: from amounts to lines of kg, each with the factor it was made with.

Segments end where the factor may change; CO2 and CO2e are never added. What an amount is and to which time
it belongs is decided elsewhere.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, tzinfo
from decimal import Decimal
from itertools import pairwise
from typing import Any

from gateway.carbon.certificate import Drawn
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
    SUPPLIER,
    UPSTREAM,
    Choice,
    Factor,
    FactorBook,
)
from gateway.carbon.fuel import CalorificValue, InFactorUnit, in_factor_unit
from gateway.carbon.inputs import CounterKey
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
_OPTIONAL_OF_FUELS = ((UPSTREAM, ""), (BIOGENIC, ""))  # of the fuel itself
# The lines that must be there (null with a reason if not) and those shown where a factor is at hand (C22).
_REQUIRED = {ELECTRICITY: (LOCATION, RESIDUAL), HEAT: (LOCATION, RESIDUAL)}
_OPTIONAL = {
    ELECTRICITY: ((LOSSES, ELECTRICITY), (UPSTREAM, ELECTRICITY), (UPSTREAM, "electricity_losses"), (BIOGENIC, ELECTRICITY)),
    HEAT: ((LOSSES, HEAT),),
}


def asked_for(activity: str) -> list[tuple[str, bool]]:
    """The lines for which an activity asks a factor, and whether one must be there."""
    required = [(name, True) for name in _REQUIRED.get(activity, (SCOPE1,))]
    optional = [(name, False) for name, stands_for in _OPTIONAL.get(activity, _OPTIONAL_OF_FUELS) if stands_for in ("", activity)]
    return [*required, *optional]


@dataclass(frozen=True)
class Segment:
    """A stretch in which no factor changes; `day` is its local date."""

    day: date
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Activity:
    """What caused the emission; `amounts` are inner thousandths, one for each segment, `shares` the same by counter."""

    name: str
    subject: str
    quantity: str
    amounts: tuple[int, ...]
    calorific: CalorificValue | None = None
    shares: tuple[tuple[CounterKey, tuple[int, ...]], ...] = ()


@dataclass(frozen=True)
class Part:
    """What of an activity falls under one factor; `shares` are to one another as its counters are."""

    span: Segment
    thousandths: int
    shares: tuple[tuple[CounterKey, int], ...]


@dataclass(frozen=True)
class Line:
    """`shares` are the counters behind its amount; `factor` is None where none was found."""

    name: str
    kg: Decimal | None
    gases: str | None
    document: Mapping[str, Any]
    factor: Factor | None = None
    shares: tuple[tuple[CounterKey, int], ...] = ()


def segments(zone: tzinfo, book: FactorBook, start_ms: int, end_ms: int, marks: Iterable[int] = ()) -> list[Segment]:
    """Factor years begin at local midnight (C19); `marks` are other instants at which what is paid or emitted may change."""
    first, last = local(zone, start_ms), local(zone, end_ms - 1)
    days = [date(year, 1, 1) for year in range(first.year + 1, last.year + 1)] + book.publication_dates
    cuts = (instant(zone, datetime.combine(day, time())) for day in days)
    bounds = [start_ms, *sorted({cut for cut in (*cuts, *marks) if start_ms < cut < end_ms}), end_ms]
    return [Segment(local(zone, begin).date(), begin, end) for begin, end in pairwise(bounds)]


Matcher = Callable[[Part], Sequence[Drawn]]


def lines_of(
    book: FactorBook, spans: Sequence[Segment], activity: Activity, reasons: list[str], match: Matcher = lambda _part: ()
) -> list[Line]:
    """`match` gives the certificates and contracts that a part of the bought electricity used (C21)."""
    lines = []
    for part in _parts(book.policy, spans, activity):
        for name in _REQUIRED.get(activity.name, (SCOPE1,)):
            drawn = match(part) if name == RESIDUAL and activity.name == ELECTRICITY else ()
            lines += _certified(book, activity, part, drawn)
            rest = replace(part, thousandths=part.thousandths - sum(used for _, used in drawn))
            if rest.thousandths or not drawn:
                lines.append(_line(book, name, activity.name, activity, rest, reasons) or _unknown(name, activity))
        for name, stands_for in _OPTIONAL.get(activity.name, _OPTIONAL_OF_FUELS):
            extra = _line(book, name, stands_for or activity.name, activity, part, [])
            if extra is not None:
                lines.append(extra)
    return lines


def _certified(book: FactorBook, activity: Activity, part: Part, drawn: Sequence[Drawn]) -> list[Line]:
    beside = book.choose(LOCATION, ELECTRICITY, part.span.day, part.span.start_ms)
    gases = beside[0].factor.gases if beside else "CO2e"
    lines = []
    for certificate, thousandths in drawn:
        choice = Choice(certificate.as_factor(gases), provisional=False, fallbacks=())
        kg = _kg(InFactorUnit(Decimal(thousandths), Decimal(10**6)), choice)
        lines.append(_made(RESIDUAL, activity, replace(part, thousandths=thousandths), kg, choice, ()))
    return lines


def export_lines(book: FactorBook, spans: Sequence[Segment], activity: Activity, gross: Decimal | None) -> list[Line]:
    """C16: stands beside gross, never in it, and never credits more than gross scope 2."""
    lines: list[Line] = []
    left = gross if gross is not None else Decimal(0)
    for part in _parts(book.policy, spans, activity):
        choices = book.choose(LOCATION, ELECTRICITY, part.span.day, part.span.start_ms)
        if part.thousandths and choices:
            metered = InFactorUnit(Decimal(part.thousandths), Decimal(10**6))
            kg = min(left, _kg(metered, choices[0]))
            left = total((left, kg.copy_negate()))
            lines.append(_made(EXPORT, activity, part, kg.copy_negate() if kg else kg, choices[0], ()))
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


def _parts(policy: str, spans: Sequence[Segment], activity: Activity) -> list[Part]:
    """By default what was measured in each segment; two policies look at the period as a whole."""
    if len(spans) == 1 or policy not in ("majority_of_period", "day_weighted"):
        return [
            Part(span, thousandths, tuple((key, parts[number]) for key, parts in activity.shares))
            for number, (span, thousandths) in enumerate(zip(spans, activity.amounts, strict=True))
        ]
    lengths = [span.end_ms - span.start_ms for span in spans]
    whole, shares = sum(activity.amounts), tuple((key, sum(parts)) for key, parts in activity.shares)
    if policy == "day_weighted":
        return [Part(span, part, shares) for span, part in zip(spans, apportion(whole, lengths), strict=True)]
    return [Part(spans[lengths.index(max(lengths))], whole, shares)]


def _line(book: FactorBook, name: str, stands_for: str, activity: Activity, part: Part, reasons: list[str]) -> Line | None:
    day, at_ms = part.span.day, part.span.start_ms
    choices = book.choose(SUPPLIER, stands_for, day, at_ms) if name == RESIDUAL else []
    choices = choices or book.choose(name, stands_for, day, at_ms)
    flags: tuple[str, ...] = ()
    if not choices and name == RESIDUAL:
        # C21: without contract, supplier factor or residual mix the location-based factor stands in, flagged.
        choices = book.choose(LOCATION, stands_for, day, at_ms)
        flags = (f"no residual mix for {stands_for}: the location-based factor stands in",)
    refused = []
    for choice in choices:
        metered = in_factor_unit(activity.quantity, part.thousandths, choice.factor, activity.calorific)
        if isinstance(metered, InFactorUnit):
            if metered.note:
                reasons.append(f"{activity.subject}: {metered.note}")
            return _made(name, activity, part, _kg(metered, choice), choice, flags)
        refused.append(metered)
    reasons.append(f"{name}: {activity.subject}: " + ("; ".join(refused) if refused else _none_found(book, stands_for, day)))
    return None


def _none_found(book: FactorBook, stands_for: str, day: date) -> str:
    return f"no factor for {stands_for or 'a fuel without name'} {day.year} in {book.describe_chain(stands_for)}"


def _kg(metered: InFactorUnit, choice: Choice) -> Decimal:
    return divided(product(metered.numerator, choice.factor.value), metered.denominator)


def _made(name: str, activity: Activity, part: Part, kg: Decimal, choice: Choice, flags: tuple[str, ...]) -> Line:
    factor, (method, scope) = choice.factor, _METHODS[name]
    document = {
        **_head(name, activity),
        "method": method,
        "scope": scope,
        "amount": text(amount(activity.quantity, part.thousandths)),
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
    return Line(name, kg, factor.gases, document, factor, part.shares)


def _unknown(name: str, activity: Activity) -> Line:
    method, scope = _METHODS[name]
    document = {**_head(name, activity), "method": method, "scope": scope, "gases": None, "kg": None, "factor": None, "provisional": False}
    return Line(name, None, None, document)


def _head(name: str, activity: Activity) -> dict[str, Any]:
    return {"line": name, "activity": activity.name, "subject": activity.subject, "unit": QUANTITIES[activity.quantity].unit}
