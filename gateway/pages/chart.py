"""Bars of the last days as plain geometry: columns of days, in each one bar per shift, stacked by quality.

Pure; the template draws it. Widths are stretched to the page, so nothing here may rely on round shapes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from gateway.pages.shift_figure import ESTIMATED, INTERPOLATED, LOCATION, MEASURED, RUNNING, ShiftFigure
from gateway.pages.shifts import DAYS_SHOWN, carbon_unit, missing, shift_name
from gateway.pages.viewer import UNKNOWN, Viewer

DAY_WIDTH, HEIGHT = 100, 200
# Share of a day's column that its bars fill; the rest parts one day from the next.
_FILLED = 84
# A gap of known extent but unknown energy: tall enough to be seen, on top of what is known.
_MISSING_HEIGHT = 12
_TICKS = 4
_STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
MISSING = "missing"


@dataclass(frozen=True)
class Segment:
    quality: str
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    x: float
    width: float
    title: str
    running: bool
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Day:
    weekday: str
    number: str
    today: bool


@dataclass(frozen=True)
class Chart:
    """`ticks` from the top down to 0, in `unit`."""

    kind: str
    unit: str
    title: str
    summary: str
    width: int
    height: int
    ticks: tuple[str, ...]
    bars: tuple[Bar, ...]
    days: tuple[Day, ...]


Value = Callable[[ShiftFigure], Decimal | None]


def energy_chart(figures: Sequence[ShiftFigure], viewer: Viewer, days: Sequence[date] = ()) -> Chart:
    """Of `days`; of the last two weeks if there are none."""
    return _chart("energy", "kWh", figures, lambda figure: figure.energy_kwh, viewer, days or shown_days(viewer))


def carbon_chart(figures: Sequence[ShiftFigure], viewer: Viewer, days: Sequence[date] = ()) -> Chart:
    """Only what counts the same gases as the newest factor: bars of unlike things do not stand side by side."""
    gases = next((figure.carbon[LOCATION].gases for figure in reversed(figures) if figure.carbon[LOCATION].gases), "")

    def kilograms(figure: ShiftFigure) -> Decimal | None:
        carbon = figure.carbon[LOCATION]
        return carbon.kg if carbon.gases == gases else None

    return _chart("carbon", carbon_unit(gases), figures, kilograms, viewer, days or shown_days(viewer))


def _chart(kind: str, unit: str, figures: Sequence[ShiftFigure], value: Value, viewer: Viewer, days: Sequence[date]) -> Chart:
    today = viewer.local(viewer.now_ms).date()
    by_day = {day: [figure for figure in figures if figure.day == day] for day in days}
    slots = max(1, *map(len, by_day.values()))
    top = nice_top(max((value(figure) or Decimal(0) for each in by_day.values() for figure in each), default=Decimal(0)))
    bars = tuple(
        _bar(figure, value(figure), top, index * DAY_WIDTH + (DAY_WIDTH - _FILLED) / 2, slot, slots, unit, viewer)
        for index, day in enumerate(days)
        for slot, figure in enumerate(by_day[day])
    )
    return Chart(
        kind=kind,
        unit=unit,
        title=viewer.say(f"chart.{kind}", unit=unit),
        summary=_summary(by_day, value, unit, viewer),
        width=DAY_WIDTH * len(days),
        height=HEIGHT,
        ticks=tuple(viewer.glance(top * step / _TICKS) if step else "0" for step in range(_TICKS, -1, -1)),
        bars=bars,
        days=tuple(Day(viewer.weekday(day), str(day.day), day == today) for day in days),
    )


def shown_days(viewer: Viewer) -> list[date]:
    today = viewer.local(viewer.now_ms).date()
    return [today - timedelta(days=back) for back in range(DAYS_SHOWN - 1, -1, -1)]


def nice_top(largest: Decimal) -> Decimal:
    """The least four-step scale that holds `largest` and whose steps a person can count in."""
    if largest <= 0:
        return Decimal(_TICKS)
    step = largest / _TICKS
    power = Decimal(1).scaleb(step.adjusted())
    return next(each * power for each in _STEPS if each * power >= step) * _TICKS


def _bar(figure: ShiftFigure, value: Decimal | None, top: Decimal, left: float, slot: int, slots: int, unit: str, viewer: Viewer) -> Bar:
    width = _FILLED / slots
    return Bar(
        x=round(left + slot * width, 1),
        width=round(width * 0.86, 1),
        title=_bar_title(figure, value, unit, viewer),
        running=figure.state == RUNNING,
        segments=_segments(figure, value, top, gap=bool(missing(figure, viewer))),
    )


def _segments(figure: ShiftFigure, value: Decimal | None, top: Decimal, *, gap: bool) -> tuple[Segment, ...]:
    """From the ground up: what is surest stands lowest."""
    if value is None:
        return () if figure.state == RUNNING else (Segment(MISSING, 0, HEIGHT),)
    total = float(max(value, Decimal(0)) / top * HEIGHT)
    stack = []
    ground = float(HEIGHT)
    for quality in (MEASURED, INTERPOLATED, ESTIMATED):
        height = total * float(figure.shares[quality])
        ground -= height
        if height > 0:
            stack.append(Segment(quality, round(ground, 2), round(height, 2)))
    if gap:
        stack.append(Segment(MISSING, round(max(ground - _MISSING_HEIGHT, 0), 2), _MISSING_HEIGHT))
    return tuple(stack)


def _bar_title(figure: ShiftFigure, value: Decimal | None, unit: str, viewer: Viewer) -> str:
    amount = UNKNOWN if value is None else f"{viewer.glance(value)} {unit}"
    title = viewer.say("chart.bar", day=viewer.day(figure.day), shift=shift_name(figure, viewer), amount=amount)
    gap = missing(figure, viewer)
    return viewer.say("chart.bar_missing", bar=title, span=gap) if gap else title


def _summary(by_day: Mapping[date, Sequence[ShiftFigure]], value: Value, unit: str, viewer: Viewer) -> str:
    known = [(amount, figure) for figures in by_day.values() for figure in figures if (amount := value(figure)) is not None]
    if not known:
        return viewer.say("chart.empty")
    total = sum((amount for amount, _ in known), Decimal(0))
    most, figure = max(known, key=lambda each: each[0])
    return viewer.say(
        "chart.summary",
        count=len(known),
        total=viewer.number(total),
        unit=unit,
        most=viewer.number(most),
        day=viewer.day(figure.day),
        shift=shift_name(figure, viewer),
    )
