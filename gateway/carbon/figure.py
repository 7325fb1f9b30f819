"""One figure: a stretch of time of one production line, in the form of the contract, without its version.

It puts together what the other modules decide; it decides nothing but what is complete.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from gateway.carbon.exact import quotient, text
from gateway.carbon.history import CounterEvent, History
from gateway.carbon.shift_calendar import Stretch
from gateway.carbon.split import Portion, Splitter
from protocols.amount import outside
from protocols.quantity import QUANTITIES
from protocols.reading import iso

Document = dict[str, Any]


@dataclass(frozen=True)
class FigureDraft:
    """`key` names the stretch for ever; `document` lacks version, state, known_at, reasons and sha256."""

    key: str
    production_line: str | None
    start_ms: int
    end_ms: int
    document: Document
    reasons: tuple[str, ...]


def figure_key(stretch: Stretch) -> str:
    return f"{stretch.production_line or ''}|{stretch.day.isoformat()}|{stretch.name}|{iso(stretch.start_ms)}"


def head(stretch: Stretch) -> Document:
    return {
        "date": stretch.day.isoformat(),
        "shift": stretch.name,
        "production_line": stretch.production_line,
        **({"crew": stretch.crew} if stretch.crew else {}),
        "start": iso(stretch.start_ms),
        "end": iso(stretch.end_ms),
        "elapsed_s": (stretch.end_ms - stretch.start_ms) // 1000,
    }


def meter_entry(stretch: Stretch, splitter: Splitter, portion: Portion, span_start_ms: int) -> Document:
    history, quantity = splitter.history, splitter.history.spec.quantity
    events = [*own_events(history, stretch, span_start_ms), *gap_events(splitter, stretch)]
    parts = (portion.amount, portion.measured, portion.interpolated, portion.estimated)
    amount, measured, interpolated, estimated = (outside(quantity, part) if portion.known else None for part in parts)
    return {
        "meter": history.spec.meter,
        "quantity": quantity,
        "unit": QUANTITIES[quantity].unit,
        "amount": amount,
        "measured": measured,
        "interpolated": interpolated,
        "estimated": estimated,
        "adjustment": outside(quantity, sum(event.adjustment for event in events)),
        "missing_s": -(-portion.missing_ms // 1000),  # rounded up: what is missing is never told as nothing
        "first": _reading(history, portion.first),
        "last": _reading(history, portion.last),
        "events": [_event(quantity, event) for event in events],
    }


def own_events(history: History, stretch: Stretch, span_start_ms: int) -> list[CounterEvent]:
    """Each event stands in one figure only: a step belongs to the stretch in which the pair that made it ends.

    The stretch that holds the beginning of all readings has the events of that very instant too.
    """
    start, end = stretch.start_ms, stretch.end_ms
    after = bisect_left if span_start_ms >= start else bisect_right
    low, high = after(history.event_times, start), bisect_right(history.event_times, end)
    return list(history.events[low:high])


def gap_events(splitter: Splitter, stretch: Stretch) -> list[CounterEvent]:
    """C11: a gap stands in every figure it touches, with the method by which it was divided."""
    history = splitter.history
    found = []
    for pair in history.touching(history.gaps, stretch.start_ms, stretch.end_ms):
        begin, end = history.times[pair], history.times[pair + 1]
        whole = stretch.start_ms <= begin and end <= stretch.end_ms
        how = "wholly inside, nothing to divide" if whole else f"divided by {splitter.method(pair)}"
        found.append(CounterEvent("gap", begin, 0, f"no reading until {iso(end)}; {how}"))
    return found


def estimated_share(portions: Sequence[Portion]) -> Fraction:
    """The largest share of any counter: units differ, and one guessed counter is enough to doubt a figure."""
    return max((Fraction(each.estimated, each.amount) for each in portions if each.amount), default=Fraction(0))


def completeness(portions: Sequence[Portion], share_max: Decimal) -> Document:
    share = estimated_share(portions)
    complete = bool(portions) and all(each.missing_ms == 0 for each in portions) and share <= Fraction(share_max)
    percent = quotient(Decimal(share.numerator * 100), Decimal(share.denominator))
    return {"complete": complete, "estimated_share_pct": text(percent)}


def _reading(history: History, index: int | None) -> Mapping[str, str] | None:
    if index is None:
        return None
    return {"time": iso(history.times[index]), "value": outside(history.spec.quantity, history.values[index])}


def _event(quantity: str, event: CounterEvent) -> Mapping[str, str]:
    return {"kind": event.kind, "time": iso(event.time_ms), "adjustment": outside(quantity, event.adjustment), "detail": event.detail}
