"""Readings from elsewhere: rows of a CSV file -> readings, and into the store without doubling anything.

Header `time,meter,quantity,value,unit`, optionally `reason`. A bad row is refused with its line number
and reason; the others are taken.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from gateway.buffer import sieve
from gateway.buffer.store import Store, StoreError
from gateway.site import Site
from protocols.amount import inside, outside
from protocols.errors import OurMistake
from protocols.quantity import COUNTER, QUANTITIES
from protocols.reading import IMPORTED, Reading, iso, milliseconds_of

COLUMNS = ("time", "meter", "quantity", "value", "unit")
# `reason` makes a row "no reading"; the last two stand in what the read API exports and say nothing new here.
OPTIONAL = ("reason", "gateway", "sequence")
# What stands for bytes that are no UTF-8, such as a table saved in a Windows code page.
_NOT_UTF8 = "\ufffd"
# Rows per transaction: a quarter of a second of work, so that a running gateway's own readings hardly wait.
PIECE_ROWS = 5_000
# A time further ahead is a slip of the pen, and each year of it would be a thousand figures of nothing.
AHEAD_MS_MAX = 10 * 366 * 86_400_000
# More refused rows than this say the same thing again; the count goes on.
REFUSED_SHOWN = 100


class Row(NamedTuple):
    line: int
    reading: Reading


class Refused(NamedTuple):
    line: int
    reason: str


@dataclass
class Report:
    rows: int = 0
    taken: int = 0
    known: int = 0
    refused: int = 0
    refusals: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    changed_from_ms: int | None = None

    def refuse(self, refused: Refused) -> None:
        self.refused += 1
        if len(self.refusals) < REFUSED_SHOWN:
            self.refusals.append(f"line {refused.line}: {refused.reason}")

    def conflict(self, sentences: Iterable[str]) -> None:
        """Each once, however many pieces of the file brought it."""
        self.conflicts = list(dict.fromkeys([*self.conflicts, *sentences]))


class HeaderError(Exception):
    """The file is no such CSV at all."""


def rows_of(lines: Iterable[str], site: Site, now_ms: int | None) -> Iterator[Row | Refused]:
    """Every data row as a reading of one value, or why not; HeaderError if the header is wrong. `now_ms` None: the clock is not set."""
    latest_ms = None if now_ms is None else now_ms + AHEAD_MS_MAX
    reader = csv.reader(lines)
    try:
        header = [cell.strip() for cell in next(reader, [])]
    except csv.Error as error:
        raise HeaderError(f"the file is no CSV ({error})") from error
    if header[:1] and header[0].startswith("\ufeff"):
        header[0] = header[0].removeprefix("\ufeff")
    if not set(COLUMNS) <= set(header) or len(set(header)) != len(header) or set(header) - {*COLUMNS, *OPTIONAL}:
        raise HeaderError(f"the first line must be {','.join(COLUMNS)} (optionally ,reason), not {_shown(header)}")
    meters = {name: meter.name for meter in site.meter for name in (meter.name, *meter.was)}
    try:
        for cells in reader:
            if cells:
                row = _row(
                    reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=False)), len(cells), len(header), meters
                )
                yield _dated(row, latest_ms)
    except csv.Error as error:
        yield Refused(reader.line_num, f"the CSV is broken here ({error}); what follows was not read")


def _shown(header: list[str]) -> str:
    """A file of another kind has no first line to speak of."""
    written = ",".join(header)
    return f"{written[:80]!r}" if written.isprintable() and _NOT_UTF8 not in written and written else "empty" if not written else "binary"


def _row(line: int, cells: Mapping[str, str], given: int, expected: int, meters: Mapping[str, str]) -> Row | Refused:
    if any(_NOT_UTF8 in cell for cell in cells.values()):
        return Refused(line, "it is not UTF-8 text; save the table as CSV UTF-8")
    if given != expected:
        return Refused(line, f"{given} cells where the header has {expected}")
    if cells["meter"] not in meters:
        return Refused(line, f"there is no meter {cells['meter']!r} in the site file")
    if cells["quantity"] not in QUANTITIES:
        return Refused(line, f"the quantity {cells['quantity']!r} is not known")
    try:
        time_ms = milliseconds_of(cells["time"])
        values, missing = _value(cells)
    except (ValueError, OurMistake) as error:
        return Refused(line, _sentence(error, cells["time"]))
    return Row(line, Reading(meters[cells["meter"]], IMPORTED, 0, time_ms, values, missing))


def _dated(row: Row | Refused, latest_ms: int | None) -> Row | Refused:
    time_ms = 1 if isinstance(row, Refused) else row.reading.time_ms or 0
    if time_ms <= 0:
        return Refused(row.line, f"the time {iso(time_ms)} is before 1970")
    if latest_ms is not None and time_ms > latest_ms:
        return Refused(row.line, f"the time {iso(time_ms)} is more than ten years ahead of this computer's clock; is the year right?")
    return row


def _sentence(error: Exception, time: str) -> str:
    words = str(error)
    if isinstance(error, OurMistake) or words.startswith("the time "):
        return words
    return f"the time {time!r} is not ISO-8601 such as 2026-03-28T22:00:00+08:00"  # Python's own words differ with what is wrong


def _value(cells: Mapping[str, str]) -> tuple[dict[str, int], dict[str, str]]:
    quantity, reason = cells["quantity"], cells.get("reason", "")
    if reason:
        return {}, {quantity: reason}
    value = inside(quantity, cells["value"], cells["unit"])
    if value < 0 and QUANTITIES[quantity].kind == COUNTER:
        raise OurMistake(f"{cells['value']} is no reading of a counter: counters are not negative")
    return {quantity: value}, {}


def take(store: Store, rows: Iterable[Row], report: Report, now_ms: int) -> None:
    """One piece of rows into the store, grouped to one reading per meter and instant; only what is new.

    StoreError if they could not be kept: what was answered for must be on the disk.
    """
    if store.trouble:
        store.commit(now_ms)  # there may be room again
        _require_room(store)
    grouped: dict[tuple[str, int | None], list[Reading]] = {}
    loose: list[Reading] = []
    for row in rows:
        report.rows += 1
        same = grouped.setdefault((row.reading.meter, row.reading.time_ms), [])
        clash = any(name in other.values or name in other.missing for other in same for name in (*row.reading.values, *row.reading.missing))
        (loose if clash else same).append(row.reading)
    readings = [_joined(same) for same in grouped.values()] + loose
    sifted = sieve.sift(store.reader(), readings)
    report.known += sifted.known
    report.taken += sum(len(reading.values) + len(reading.missing) for reading in sifted.new)
    report.conflict(_conflict(each) for each in sifted.conflicts)
    store.add(sifted.new)
    committed = store.commit(now_ms)
    _require_room(store)
    known = [each for each in (report.changed_from_ms, committed.changed_from_ms) if each is not None]
    report.changed_from_ms = min(known, default=None)


def _require_room(store: Store) -> None:
    if store.trouble:
        raise StoreError(
            f"the store {store.path} takes nothing ({store.trouble}); make room and import the file again: "
            "rows that are stored already do no harm"
        )


def _joined(readings: list[Reading]) -> Reading:
    values = {name: value for reading in readings for name, value in reading.values.items()}
    missing = {name: why for reading in readings for name, why in reading.missing.items()}
    return readings[0]._replace(values=values, missing=missing)


def _conflict(conflict: sieve.Conflict) -> str:
    values = " and ".join(outside(conflict.quantity, value) for value in conflict.values)
    return f"conflict: {conflict.meter} {conflict.quantity} at {iso(conflict.time_ms)} has the values {values}; none of them is used"


def pieces(rows: Iterable[Row | Refused], report: Report) -> Iterator[list[Row]]:
    """Rows in pieces of bounded size; refused ones go to the report."""
    good = iter(_good(rows, report))
    while piece := list(islice(good, PIECE_ROWS)):
        yield piece


def _good(rows: Iterable[Row | Refused], report: Report) -> Iterator[Row]:
    for row in rows:
        if isinstance(row, Refused):
            report.rows += 1
            report.refuse(row)
        else:
            yield row


def as_json(row: Row) -> list[Any]:
    """For the control socket: compact, integers kept."""
    reading = row.reading
    return [row.line, reading.meter, reading.time_ms, dict(reading.values), dict(reading.missing)]


def from_json(cells: list[Any]) -> Row:
    line, meter, time_ms, values, missing = cells
    return Row(line, Reading(meter, IMPORTED, 0, time_ms, values, missing))
