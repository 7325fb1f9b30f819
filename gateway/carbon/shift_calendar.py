"""C1 to C4: the stretches of a production line's time, shifts and uncovered ones, without hole or overlap.

Local time exists only here and where a factor year begins. Rules are given, and so is the zone.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise

from gateway.carbon.inputs import DAYS, ShiftRule

UNASSIGNED = "unassigned"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_DAY = timedelta(days=1)
# A shift lasts a day at most, a day 26 h at most; one more day covers a skipped date.
_MARGIN_DAYS = 3


@dataclass(frozen=True)
class Stretch:
    """A shift instance, or with the name `unassigned` an uncovered stretch; [start, end)."""

    production_line: str | None
    name: str
    day: date
    start_ms: int
    end_ms: int


def instant(zone: tzinfo, wall: datetime) -> int:
    """C2: a wall time that does not exist moves forward by the gap, an ambiguous one is the first occurrence."""
    return (wall.replace(tzinfo=zone, fold=0) - _EPOCH) // _MILLISECOND


def local(zone: tzinfo, time_ms: int) -> datetime:
    return (_EPOCH + time_ms * _MILLISECOND).astimezone(zone).replace(tzinfo=None)


def stretches(
    zone: tzinfo, rules: Sequence[ShiftRule], production_line: str | None, production_day_start: str, from_ms: int, to_ms: int
) -> list[Stretch]:
    """Every stretch that shares time with [from, to), or holds `from` if they are equal, in order and gapless."""
    own = [rule for rule in rules if (rule.production_line or None) == production_line]
    first, last = local(zone, from_ms).date() - _MARGIN_DAYS * _DAY, local(zone, to_ms).date() + _MARGIN_DAYS * _DAY
    dates = [day for day in _dates(first, last) if _exists(zone, day)]
    begin = _wall_time(production_day_start)
    shifts = _shifts(zone, own, dates)
    cuts = sorted({instant(zone, datetime.combine(day, begin)) for day in dates})
    found = []
    for start_ms, end_ms, name in _filled(shifts, cuts):
        if start_ms < max(to_ms, from_ms + 1) and end_ms > from_ms:
            day = (local(zone, start_ms) - timedelta(hours=begin.hour, minutes=begin.minute)).date()
            found.append(Stretch(production_line, name, day, start_ms, end_ms))
    return found


def _wall_time(text: str) -> time:
    return time.fromisoformat(text)


def _dates(first: date, last: date) -> Iterable[date]:
    return (first + number * _DAY for number in range((last - first).days + 1))


def _exists(zone: tzinfo, day: date) -> bool:
    """False for a date that a zone skipped, such as 30 December 2011 in Samoa."""
    midnight = datetime.combine(day, time())
    return instant(zone, midnight) < instant(zone, midnight + _DAY)


def _shifts(zone: tzinfo, rules: Sequence[ShiftRule], dates: Sequence[date]) -> list[tuple[int, int, str]]:
    """The shifts in order; where two overlap the outgoing one ends when the incoming one starts (C4)."""
    names = list(dict.fromkeys(rule.name for rule in rules))
    found = sorted(
        (
            (*_times(zone, rule, day), name)
            for day in dates
            for name in names
            for rule in _in_force([rule for rule in rules if rule.name == name], day)
            if DAYS[day.weekday()] in rule.days
        ),
        key=lambda each: each[0],
    )
    clipped = [(start, min(end, after[0]), name) for (start, end, name), after in pairwise(found)] + found[-1:]
    return [each for each in clipped if each[0] < each[1]]


def _in_force(rules: Sequence[ShiftRule], day: date) -> list[ShiftRule]:
    """Of the rules of one name, those of the newest `valid_from` that is not after `day`."""
    begun = [rule for rule in rules if rule.valid_from is None or rule.valid_from <= day]
    newest = max((rule.valid_from or date.min for rule in begun), default=None)
    return [rule for rule in begun if (rule.valid_from or date.min) == newest]


def _times(zone: tzinfo, rule: ShiftRule, day: date) -> tuple[int, int]:
    start, end = _wall_time(rule.start), _wall_time(rule.end)
    end_day = day if end > start else day + _DAY
    return instant(zone, datetime.combine(day, start)), instant(zone, datetime.combine(end_day, end))


def _filled(shifts: Sequence[tuple[int, int, str]], cuts: Sequence[int]) -> list[tuple[int, int, str]]:
    """The shifts and, between them, the uncovered time cut at the starts of the production days."""
    starts = [start for start, _, _ in shifts]
    by_start = dict(zip(starts, shifts, strict=True))

    def is_covered(cut: int) -> bool:
        before = bisect_left(starts, cut) - 1
        return before >= 0 and cut < shifts[before][1]

    marks = {cut for cut in cuts if not is_covered(cut)}.union(starts, (end for _, end, _ in shifts))
    return [by_start.get(begin, (begin, end, UNASSIGNED)) for begin, end in pairwise(sorted(marks))]
