"""Which shifts of a site file overlap, in minutes of an ordinary week; what a clock change does to them is `carbon`'s matter."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import combinations

from gateway.site import DAYS, ShiftTable
from gateway.site_mistake import Mistake

WEEK_MIN = 7 * 24 * 60


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def spans(shift: ShiftTable) -> Iterator[tuple[int, int]]:
    """[start, end) in minutes of the week; an end past Sunday midnight goes beyond the week."""
    length = (_minute(shift.end) - _minute(shift.start)) % (24 * 60) or 24 * 60
    for day in shift.days:
        start = DAYS.index(day) * 24 * 60 + _minute(shift.start)
        yield start, start + length


def _overlap(first: ShiftTable, second: ShiftTable) -> bool:
    return any(
        start < other_end + turn and other_start + turn < end
        for start, end in spans(first)
        for other_start, other_end in spans(second)
        for turn in (-WEEK_MIN, 0, WEEK_MIN)
    )


def overlaps(found: list[tuple[str, ShiftTable]]) -> Iterator[Mistake]:
    """Versions of one shift (same name, later valid_from) follow one another; all others may overlap only as a handover."""
    by_line: dict[str, list[tuple[str, ShiftTable]]] = defaultdict(list)
    for place, shift in found:
        by_line[shift.production_line].append((place, shift))
    for own in by_line.values():
        ends = _replaced(shift for _, shift in own)
        for (other_place, other), (place, shift) in combinations(own, 2):
            if other.name == shift.name:
                if other.valid_from == shift.valid_from:
                    yield Mistake(place, "name", f"{shift.name!r} is already {other_place}; names must differ, or their valid_from")
            elif _from(shift) >= ends[_version(other)] or _from(other) >= ends[_version(shift)]:
                continue  # never in force together
            elif _overlap(shift, other) and not (shift.handover or other.handover):
                yield Mistake(place, "start", f"overlaps {other_place}; set handover = true if both crews are there on purpose")


def _from(shift: ShiftTable) -> date:
    return shift.valid_from or date.min


def _version(shift: ShiftTable) -> tuple[str, date]:
    return shift.name, _from(shift)


def _replaced(shifts: Iterable[ShiftTable]) -> dict[tuple[str, date], date]:
    """For each version of each shift the day from which a newer one of its name holds."""
    versions = sorted({_version(shift) for shift in shifts})
    following = [*versions[1:], ("", date.max)]
    return {this: after[1] if after[0] == this[0] else date.max for this, after in zip(versions, following, strict=True)}
