"""The shifts of a range of days: bars, rows with a way to each figure's evidence. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from gateway.interfaces import ShiftTarget
from gateway.pages.chart import Chart, carbon_chart, energy_chart
from gateway.pages.production_page import ProductionPage
from gateway.pages.shift_figure import ShiftFigure
from gateway.pages.shifts import DAYS_SHOWN, ShiftRow, of_lines, shift_rows
from gateway.pages.viewer import Viewer
from protocols.reading import iso

# A quarter: three bars a day are then as thin as may be.
DAYS_MAX = 92


@dataclass(frozen=True)
class Row:
    shown: ShiftRow
    version: int
    address: str


@dataclass(frozen=True)
class LineOfShifts:
    name: str
    charts: tuple[Chart, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class ShiftPage:
    first: str
    last: str
    title: str
    lines: tuple[LineOfShifts, ...]
    production: ProductionPage


def shown_range(first: date, last: date) -> tuple[date, date]:
    """In order, and not longer than a quarter."""
    first, last = min(first, last), max(first, last)
    return max(first, last - timedelta(days=DAYS_MAX - 1)), last


def usual_range(today: date) -> tuple[date, date]:
    return today - timedelta(days=DAYS_SHOWN - 1), today


def shift_page(
    figures: Sequence[ShiftFigure], first: date, last: date, production: ProductionPage, targets: Sequence[ShiftTarget], viewer: Viewer
) -> ShiftPage:
    days = [first + timedelta(days=index) for index in range((last - first).days + 1)]
    shown = [figure for figure in figures if first <= figure.day <= last]
    return ShiftPage(
        first.isoformat(),
        last.isoformat(),
        viewer.say("calendar.span", first=viewer.short_day(first), last=viewer.short_day(last)),
        tuple(
            LineOfShifts(name, (energy_chart(each, viewer, days), carbon_chart(each, viewer, days)), _rows(each, targets, viewer))
            for name, each in of_lines(shown).items()
        ),
        production,
    )


def _rows(figures: Sequence[ShiftFigure], targets: Sequence[ShiftTarget], viewer: Viewer) -> tuple[Row, ...]:
    newest_first = sorted(figures, key=lambda figure: -figure.start_ms)
    return tuple(
        Row(row, figure.version, address(figure))
        for row, figure in zip(shift_rows(newest_first, viewer, targets), newest_first, strict=True)
    )


def address(figure: ShiftFigure) -> str:
    """Of the page that shows what the figure rests on."""
    return "/shifts/figure?" + urlencode({"start": iso(figure.start_ms), "shift": figure.name, "line": figure.production_line})
