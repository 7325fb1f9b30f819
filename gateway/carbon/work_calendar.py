"""C5: the days of a site as data: rotations, public holidays, make-up workdays, single-day exceptions.

Values only; where they come from is not known here, and what they do to a shift stands in `work_day`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Rotation:
    """Segments of days on and off that repeat from the anchor date for ever, before it too: ((True, 4), (False, 4))."""

    anchor: date
    segments: tuple[tuple[bool, int], ...]

    def __post_init__(self) -> None:
        if not self.segments or any(length < 1 for _, length in self.segments):
            raise ValueError("a rotation needs at least one segment, and each lasts at least one day")

    @cached_property
    def _days(self) -> tuple[bool, ...]:
        return tuple(is_on for is_on, length in self.segments for _ in range(length))

    def is_on(self, day: date, day_offset: int) -> bool:
        """A crew with an offset of 2 begins its cycle two days after the anchor."""
        return self._days[((day - self.anchor).days - day_offset) % len(self._days)]


@dataclass(frozen=True)
class MakeUpDay:
    """A weekend day that is worked in exchange for a day off, by the hours of the weekday `counts_as`."""

    day: date
    counts_as: str = "mon"


@dataclass(frozen=True)
class DayException:
    """What a person decided for one date; shift "" is every shift of the production line.

    With times of its own a shift may run that no rule knows; without, it runs at its usual ones.
    """

    day: date
    runs: bool
    shift: str = ""
    production_line: str | None = None
    start: str = ""
    end: str = ""
    crew: str = ""


@dataclass(frozen=True)
class WorkCalendar:
    holidays: frozenset[date] = frozenset()
    make_up_days: tuple[MakeUpDay, ...] = ()
    exceptions: tuple[DayException, ...] = ()
    holiday_names: tuple[tuple[date, str], ...] = ()  # for people; nothing is decided by them

    def note(self, day: date) -> str:
        """What is special about a date, in words; "" on an ordinary one."""
        counts_as = self.counts_as(day)
        if counts_as is not None:
            return f"make-up workday, counts as {counts_as}"
        name = dict(self.holiday_names).get(day, "")
        return f"public holiday{': ' + name if name else ''}" if day in self.holidays else ""

    def counts_as(self, day: date) -> str | None:
        """The weekday by which a make-up workday is worked; None for any other date."""
        return self._make_up.get(day)

    def exceptions_of(self, production_line: str | None, day: date) -> Mapping[str, DayException]:
        """By the name of the shift; of two for the same shift the later one in the file holds."""
        return {each.shift: each for each in self._by_day.get(day, ()) if (each.production_line or None) == production_line}

    @cached_property
    def _make_up(self) -> Mapping[date, str]:
        return {each.day: each.counts_as for each in self.make_up_days}

    @cached_property
    def _by_day(self) -> Mapping[date, list[DayException]]:
        found: dict[date, list[DayException]] = {}
        for each in self.exceptions:
            found.setdefault(each.day, []).append(each)
        return found


ORDINARY = WorkCalendar()  # no holidays, no exceptions
