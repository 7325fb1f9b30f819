"""Which shifts of a site file overlap, in minutes of ordinary weeks and turns; what a clock change does to them is `carbon`'s matter."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import combinations
from math import lcm

from gateway.carbon.work_calendar import Rotation
from gateway.site_calendar import ShiftTable
from gateway.site_key import DAYS
from gateway.site_mistake import Mistake

DAY_MIN = 24 * 60
WEEK_DAYS = 7
# Where weeks and turns meet again; longer than ten years nobody plans, and the look must end.
HORIZON_DAYS_MAX = 3_660
_MONDAY = date(2026, 1, 5)  # where the look begins: any Monday does
Rotations = Mapping[str, Rotation]


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def spans(shift: ShiftTable, rotations: Rotations, days: int) -> Iterator[tuple[int, int]]:
    """[start, end) in minutes of the next `days` days; the last may end beyond them."""
    length = (_minute(shift.end) - _minute(shift.start)) % DAY_MIN or DAY_MIN
    rotation = rotations.get(shift.rotation)
    for number in range(days):
        day = _MONDAY + timedelta(days=number)
        if DAYS[number % WEEK_DAYS] in shift.days and (rotation is None or rotation.is_on(day, shift.day_offset)):
            start = number * DAY_MIN + _minute(shift.start)
            yield start, start + length


def _first_overlap(first: ShiftTable, second: ShiftTable, rotations: Rotations) -> date | None:
    """The day on which the second begins or is still there while the first is."""
    cycles = [sum(days for _, days in rotations[each.rotation].segments) for each in (first, second) if each.rotation in rotations]
    days = min(lcm(WEEK_DAYS, *cycles), HORIZON_DAYS_MAX)
    around = days * DAY_MIN
    both = sorted((start, end, number) for number, each in enumerate((first, second)) for start, end in spans(each, rotations, days))
    turned = [*both, *((start + around, end + around, number) for start, end, number in both if start < 2 * DAY_MIN)]
    until = [0, 0]
    for start, end, number in turned:
        if start < until[1 - number]:
            return _MONDAY + timedelta(days=start // DAY_MIN)
        until[number] = max(until[number], end)
    return None


def overlaps(found: list[tuple[str, ShiftTable]], rotations: Rotations) -> Iterator[Mistake]:
    """Versions of one shift (same name, later valid_from) follow one another; all others may overlap only as a handover."""
    by_line: dict[str, list[tuple[str, ShiftTable]]] = defaultdict(list)
    for place, shift in found:
        by_line[shift.production_line].append((place, shift))
    for own in by_line.values():
        ends = _replaced(shift for _, shift in own)
        for (other_place, other), (place, shift) in combinations(own, 2):
            if other.name == shift.name:
                yield from _same_name(place, shift, other_place, other, rotations)
            elif _from(shift) >= _end(other, ends) or _from(other) >= _end(shift, ends):
                continue  # never in force together
            elif not (shift.handover or other.handover) and _first_overlap(other, shift, rotations):
                yield Mistake(place, "start", f"overlaps {other_place}; set handover = true if both crews are there on purpose")


def _same_name(place: str, shift: ShiftTable, other_place: str, other: ShiftTable, rotations: Rotations) -> Iterator[Mistake]:
    """Crews that take turns share a name; one of them at a time."""
    if other.valid_from != shift.valid_from:
        return
    if not (shift.rotation and other.rotation) or shift.crew == other.crew:
        yield Mistake(
            place,
            "name",
            f"{shift.name!r} is already {other_place}; names must differ, or their valid_from; crews that take turns need a rotation",
        )
    elif day := _first_overlap(other, shift, rotations):
        both = f"by their rotations {other.crew or 'one crew'} and {shift.crew or 'another'} are both there, first on"
        yield Mistake(place, "day_offset", f"overlaps {other_place}: {both} {day.isoformat()}")


def _from(shift: ShiftTable) -> date:
    return shift.valid_from or date.min


def _end(shift: ShiftTable, ends: Mapping[tuple[str, date], date]) -> date:
    """The day from which it no longer starts."""
    last = shift.valid_until + timedelta(days=1) if shift.valid_until else date.max
    return min(last, ends[_version(shift)])


def _version(shift: ShiftTable) -> tuple[str, date]:
    return shift.name, _from(shift)


def _replaced(shifts: Iterable[ShiftTable]) -> dict[tuple[str, date], date]:
    """For each version of each shift the day from which a newer one of its name holds."""
    versions = sorted({_version(shift) for shift in shifts})
    following = [*versions[1:], ("", date.max)]
    return {this: after[1] if after[0] == this[0] else date.max for this, after in zip(versions, following, strict=True)}
