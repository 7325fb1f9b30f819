"""Where public holidays and make-up workdays come from: a TOML file, or the optional package `holidays`.

The file is what figures are made from, since a package changes its mind with its version; the package only
helps to write it. What a holiday does to a shift stands in `carbon`.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

from gateway.carbon.work_calendar import DAYS, MakeUpDay, WorkCalendar

_KEYS = {"holidays", "make_up"}
# How the package names a day off that is worked for on another date: month, day, year of that date.
_SUBSTITUTED = re.compile(r"substituted from (\d{2})/(\d{2})/(\d{4})")


class HolidaySourceError(Exception):
    """A sentence for the person who wrote the file or asked for the package."""


def from_file(path: Path) -> WorkCalendar:
    """`holidays` is a list of dates, `make_up` a table from a date to the weekday that it counts as."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise HolidaySourceError(f"the holiday file {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HolidaySourceError(f"the holiday file {path} is no TOML: {error}") from error
    if unknown := document.keys() - _KEYS:
        raise HolidaySourceError(f"{path}: unknown key {', '.join(sorted(unknown))}; known are {', '.join(sorted(_KEYS))}")
    try:
        return _calendar(document)
    except (TypeError, ValueError) as error:
        raise HolidaySourceError(f"{path}: {error}") from error


# What a site may ever hold readings of, and some years ahead; the same for every run, so that figures do not depend on today.
YEARS = range(2015, 2041)


def of(file: str, country: str, subdivision: str, folder: Path) -> WorkCalendar:
    """As the table [holidays] of a site file says; ordinary weeks where it says nothing."""
    if file:
        return from_file(folder / file)
    return from_package(country, subdivision or None, YEARS) if country else WorkCalendar()


def from_package(country: str, subdivision: str | None, years: Iterable[int]) -> WorkCalendar:
    """Needs the package `holidays`; China's make-up workdays come with the weekday of the day off they pay for."""
    try:
        package = import_module("holidays")
    except ImportError as error:
        raise HolidaySourceError("the package 'holidays' is not installed; install it, or write the holiday file by hand") from error
    try:
        known = package.country_holidays(country, subdiv=subdivision, years=list(years), language="en_US")
    except NotImplementedError as error:
        raise HolidaySourceError(
            f"the package 'holidays' knows no public holidays for {' '.join(filter(None, (country, subdivision)))}"
        ) from error
    paid_for = _paid_for(known)
    worked = sorted(day for day in getattr(known, "weekend_workdays", ()) if day.year in known.years)
    make_up = tuple(MakeUpDay(day, paid_for.get(day, "mon")) for day in worked)
    return WorkCalendar(frozenset(known), make_up, holiday_names=tuple(sorted((day, str(name)) for day, name in known.items())))


def as_toml(calendar: WorkCalendar) -> str:
    """What `from_file` reads back."""
    days = "".join(f"  {day.isoformat()},\n" for day in sorted(calendar.holidays))
    make_up = "".join(f'{each.day.isoformat()} = "{each.counts_as}"\n' for each in calendar.make_up_days)
    return f"holidays = [\n{days}]\n" + (f"\n[make_up]\n{make_up}" if make_up else "")


def _calendar(document: Mapping[str, Any]) -> WorkCalendar:
    holidays, make_up = document.get("holidays", []), document.get("make_up", {})
    for day in holidays:
        if type(day) is not date:
            raise TypeError(f"holidays: {day!r} is no date such as 2026-10-01")
    for day, weekday in make_up.items():
        if weekday not in DAYS:
            raise ValueError(f"make_up: {day} counts as {weekday!r}, which is not one of {', '.join(DAYS)}")
    return WorkCalendar(frozenset(holidays), tuple(MakeUpDay(date.fromisoformat(day), weekday) for day, weekday in make_up.items()))


def _paid_for(known: Mapping[date, str]) -> dict[date, str]:
    found = {}
    for day_off, name in known.items():
        match = _SUBSTITUTED.search(name)
        if match:
            month, day, year = map(int, match.groups())
            found[date(year, month, day)] = DAYS[day_off.weekday()]
    return found
