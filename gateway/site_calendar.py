"""The tables of a site's time: shifts, rotations, holidays, single-day exceptions, tariffs, demand.

Keys only; what they mean is `carbon`'s matter.
"""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from gateway.site_key import DAYS, ClockTime, Date, Day, Flag, Name, OptionalTime, Table, Whole

_SEGMENT = re.compile(r"([1-9]\d{0,2}) (on|off)")
MONTHS = tuple(range(1, 13))
Month = Annotated[Whole, Field(ge=1, le=12)]


def _segment(text: str) -> str:
    if not _SEGMENT.fullmatch(text):
        raise ValueError("must be days on or off such as '4 on' or '2 off'")
    return text


class RotationTable(Table):
    """Days on and off that repeat from the anchor date for ever, before it too: cycle = ["4 on", "4 off"]."""

    name: Name
    anchor: Date
    cycle: Annotated[tuple[Annotated[str, AfterValidator(_segment)], ...], Field(min_length=1)]

    @property
    def segments(self) -> tuple[tuple[bool, int], ...]:
        return tuple((word == "on", int(days)) for days, word in (each.split(" ") for each in self.cycle))


class ShiftTable(Table):
    """`end` "00:00" is the end of the day; an end at or before the start lies on the next day.

    Several rows of one name and `valid_from`, each with its crew and `day_offset` in a rotation, take turns.
    `valid_until` is the last day on which it starts.
    """

    name: Name
    start: ClockTime
    end: ClockTime
    days: tuple[Day, ...] = DAYS  # type: ignore[assignment]  # the literal type of a constant tuple of the same words
    production_line: str = ""
    handover: Flag = False
    valid_from: Date | None = None
    valid_until: Date | None = None
    rotation: str = ""
    day_offset: Whole = 0
    crew: str = ""
    on_holidays: Flag = False


class HolidaysTable(Table):
    """From a `file` of dates (TOML: `holidays`, `make_up`), or by `country` from the optional package `holidays`."""

    country: str = ""
    subdivision: str = ""
    file: str = ""


class ExceptionTable(Table):
    """One date on which a shift runs or rests against the calendar; `shift` "" is every shift of the production line."""

    date: Date
    runs: Flag
    shift: str = ""
    production_line: str = ""
    start: OptionalTime = ""
    end: OptionalTime = ""
    crew: str = ""


class DemandTable(Table):
    """Maximum demand; without `meters` of those through which energy is bought."""

    window_min: Literal[5, 10, 15, 20, 30, 60] = 15
    meters: tuple[str, ...] = ()


class TariffTable(Table):
    """A period of the electricity tariff; of several that fit the first in the file holds, time that none fits is `other`.

    `holidays`: "only" on public holidays, "except" on other days, "" on any.
    """

    period: Name
    start: ClockTime = "00:00"
    end: ClockTime = "00:00"
    months: tuple[Month, ...] = MONTHS
    days: tuple[Day, ...] = DAYS  # type: ignore[assignment]  # the literal type of a constant tuple of the same words
    holidays: Literal["", "only", "except"] = ""
    valid_from: Date | None = None
