"""C1 to C5: the stretches of a production line's time, shifts and uncovered ones, without hole or overlap.

Local time exists only here and where a factor year begins. Rules are given, and so is the zone.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise

from gateway.carbon.inputs import ShiftRule
from gateway.carbon.work_calendar import ORDINARY, WorkCalendar
from gateway.carbon.work_day import Start, starts

UNASSIGNED = "unassigned"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_DAY = timedelta(days=1)
# A shift lasts a day at most, a day 26 h at most; one more day covers a skipped date.
_MARGIN_DAYS = 3


@dataclass(frozen=True)
class Stretch:
    """A shift instance, or with the name `unassigned` an uncovered stretch; [start, end).

    `why` says what in the calendar made it run; two instances are the same whatever the reason.
    """

    production_line: str | None
    name: str
    day: date
    start_ms: int
    end_ms: int
    crew: str = ""
    why: str = field(default="", compare=False)


def instant(zone: tzinfo, wall: datetime) -> int:
    """C2: a wall time that does not exist moves forward by the gap, an ambiguous one is the first occurrence."""
    return (wall.replace(tzinfo=zone, fold=0) - _EPOCH) // _MILLISECOND


def local(zone: tzinfo, time_ms: int) -> datetime:
    return (_EPOCH + time_ms * _MILLISECOND).astimezone(zone).replace(tzinfo=None)


def stretches(
    zone: tzinfo,
    rules: Sequence[ShiftRule],
    production_line: str | None,
    production_day_start: str,
    from_ms: int,
    to_ms: int,
    calendar: WorkCalendar = ORDINARY,
) -> list[Stretch]:
    """Every stretch that shares time with [from, to), or holds `from` if they are equal, in order and gapless."""
    own = [rule for rule in rules if (rule.production_line or None) == production_line]
    first, last = local(zone, from_ms).date() - _MARGIN_DAYS * _DAY, local(zone, to_ms).date() + _MARGIN_DAYS * _DAY
    dates = [day for day in _dates(first, last) if _exists(zone, day)]
    begin = _wall_time(production_day_start)
    shifts = _shifts(zone, [(day, each) for day in dates for each in starts(own, production_line, day, calendar)])
    cuts = sorted({instant(zone, datetime.combine(day, begin)) for day in dates})
    found = []
    for each in _filled(shifts, cuts):
        if each.start_ms < max(to_ms, from_ms + 1) and each.end_ms > from_ms:
            day = (local(zone, each.start_ms) - timedelta(hours=begin.hour, minutes=begin.minute)).date()
            name, crew, why = (each.start.rule.name, each.start.rule.crew, each.start.why) if each.start else (UNASSIGNED, "", "")
            found.append(Stretch(production_line, name, day, each.start_ms, each.end_ms, crew, why))
    return found


@dataclass(frozen=True)
class _Span:
    """`start` None: uncovered."""

    start_ms: int
    end_ms: int
    start: Start | None


def _wall_time(text: str) -> time:
    return time.fromisoformat(text)


def _dates(first: date, last: date) -> Iterable[date]:
    return (first + number * _DAY for number in range((last - first).days + 1))


def _exists(zone: tzinfo, day: date) -> bool:
    """False for a date that a zone skipped, such as 30 December 2011 in Samoa."""
    midnight = datetime.combine(day, time())
    return instant(zone, midnight) < instant(zone, midnight + _DAY)


def _shifts(zone: tzinfo, planned: Sequence[tuple[date, Start]]) -> list[_Span]:
    """The shifts in order; where two overlap the outgoing one ends when the incoming one starts (C4).

    An ordinary shift gives way to one that a single-day exception placed there (C5).
    """
    found: list[_Span] = []
    placed_until = 0
    for span in sorted((_span(zone, day, start) for day, start in planned), key=lambda each: each.start_ms):
        exceptional = span.start is not None and span.start.is_exception
        begin = span.start_ms if exceptional else max(span.start_ms, placed_until)
        if span.end_ms <= begin:
            continue
        while found and begin <= found[-1].start_ms:
            found.pop()
        if found and begin < found[-1].end_ms:
            found[-1] = replace(found[-1], end_ms=begin)
        found.append(replace(span, start_ms=begin))
        placed_until = span.end_ms if exceptional else placed_until
    return found


def _span(zone: tzinfo, day: date, start: Start) -> _Span:
    return _Span(*_times(zone, start.rule, day), start)


def _times(zone: tzinfo, rule: ShiftRule, day: date) -> tuple[int, int]:
    start, end = _wall_time(rule.start), _wall_time(rule.end)
    end_day = day if end > start else day + _DAY
    return instant(zone, datetime.combine(day, start)), instant(zone, datetime.combine(end_day, end))


def _filled(shifts: Sequence[_Span], cuts: Sequence[int]) -> list[_Span]:
    """The shifts and, between them, the uncovered time cut at the starts of the production days."""
    starts_ms = [shift.start_ms for shift in shifts]
    by_start = dict(zip(starts_ms, shifts, strict=True))

    def is_covered(cut: int) -> bool:
        before = bisect_left(starts_ms, cut) - 1
        return before >= 0 and cut < shifts[before].end_ms

    marks = {cut for cut in cuts if not is_covered(cut)}.union(starts_ms, (shift.end_ms for shift in shifts))
    return [by_start.get(begin, _Span(begin, end, None)) for begin, end in pairwise(sorted(marks))]
