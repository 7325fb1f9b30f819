"""What shifts, rotations, exceptions and holidays of a site file must be to one another and to the meters."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway import holiday_source
from gateway.carbon.work_calendar import Rotation
from gateway.site_calendar import ExceptionTable, HolidaysTable, ShiftTable
from gateway.site_mistake import Mistake, suggestion
from gateway.site_shifts import overlaps

Rows = Mapping[str, list[tuple[str, Any]]]
Names = Mapping[str, frozenset[str]]


def times(rows: Rows, names: Names) -> list[Mistake]:
    lines = {meter.production_line for _, meter in rows["meter"] if meter.production_line}
    shifts = [shift for _, shift in rows["shift"]]
    mistakes: list[Mistake] = []
    for place, shift in rows["shift"]:
        mistakes += _shift(place, shift, lines, names)
    for place, exception in rows["exception"]:
        mistakes += _exception(place, exception, shifts, lines)
    rotations = {each.name: Rotation(each.anchor, each.segments) for _, each in rows["rotation"]}
    return [*mistakes, *overlaps(rows["shift"], rotations)]


def _shift(place: str, shift: ShiftTable, lines: set[str], names: Names) -> Iterator[Mistake]:
    if shift.production_line and shift.production_line not in lines:
        yield Mistake(place, "production_line", _no_line(shift.production_line, lines))
    if shift.rotation and shift.rotation not in names["rotation"]:
        known = sorted(names["rotation"])
        yield Mistake(place, "rotation", f"there is no [[rotation]] named {shift.rotation!r}{suggestion(shift.rotation, known)}")
    if shift.day_offset and not shift.rotation:
        yield Mistake(place, "day_offset", "means nothing without a rotation")
    if shift.valid_from and shift.valid_until and shift.valid_until < shift.valid_from:
        yield Mistake(place, "valid_until", f"{shift.valid_until} lies before valid_from {shift.valid_from}")


def _no_line(name: str, lines: set[str]) -> str:
    hint = suggestion(name, sorted(lines)) if lines else ""
    return f"no [[meter]] belongs to the production line {name!r}, so its shifts would have no energy{hint}"


def _exception(place: str, row: ExceptionTable, shifts: list[ShiftTable], lines: set[str]) -> Iterator[Mistake]:
    own = {shift.name for shift in shifts if shift.production_line == row.production_line}
    if row.production_line and row.production_line not in lines:
        yield Mistake(place, "production_line", _no_line(row.production_line, lines))
    elif row.shift and row.shift not in own and not (row.runs and row.start and row.end):
        where = f"the production line {row.production_line!r}" if row.production_line else "the whole site"
        yield Mistake(place, "shift", f"{where} has no [[shift]] named {row.shift!r}{suggestion(row.shift, sorted(own))}")
    if not row.runs and (row.start or row.end or row.crew):
        yield Mistake(place, "runs", "is false, so start, end and crew mean nothing here")
    if row.runs and not row.shift and (row.start or row.end):
        yield Mistake(place, "shift", "is missing: times of its own need the name of the shift that has them")


def holidays(table: HolidaysTable, folder: Path) -> Iterator[Mistake]:
    if table.country and table.file:
        yield Mistake("[holidays]", "file", "and country are both set; keep one: the file is exact, the country is up to a package")
        return
    try:
        holiday_source.of(table.file, table.country, table.subdivision, folder)
    except holiday_source.HolidaySourceError as error:
        yield Mistake("[holidays]", "file" if table.file else "country", str(error))
