"""The load curve of one meter: the mean of each bucket as a line, its least and most as a band, the shifts behind it.

Pure geometry, stretched to the page by the template. Where no power was kept, the counter tells the mean: drawn as such.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from gateway.interfaces import Bucket, CounterValue
from gateway.pages.chart import nice_top
from gateway.pages.curve_span import DAY, Span
from gateway.pages.shift_figure import ShiftFigure
from gateway.pages.shifts import shift_name
from gateway.pages.viewer import HOUR_MS, UNKNOWN, Viewer

WIDTH, HEIGHT = 1000, 240
_TICKS = 4
# Counters are read every quarter of an hour; a pair further apart than a few hours says nothing of the curve between.
PAIR_MS_MAX = 4 * HOUR_MS
_KILOWATT = Decimal(10**6)
_HOURS_LABELLED = (0, 6, 12, 18)


@dataclass(frozen=True)
class Point:
    """Milliwatts; `is_counted` if it comes from the counter."""

    start_ms: int
    mean: int
    least: int
    most: int
    is_counted: bool = False


@dataclass(frozen=True)
class ShiftBand:
    x: float
    width: float
    name: str
    is_odd: bool


@dataclass(frozen=True)
class Label:
    """`x_pct` from the left edge."""

    x: float
    text: str


@dataclass(frozen=True)
class Curve:
    """`ticks` from the top down in kW; `zero` is where 0 lies; paths are lists of SVG path data, one for each unbroken stretch."""

    ticks: tuple[str, ...]
    zero: float
    means: tuple[str, ...]
    ranges: tuple[str, ...]
    counted: tuple[str, ...]
    bands: tuple[ShiftBand, ...]
    labels: tuple[Label, ...]
    summary: str


def points(buckets: Sequence[Bucket], counters: Sequence[CounterValue], span: Span) -> list[Point]:
    """One for each bucket that anything is known of."""
    known = {each.start_ms: Point(each.start_ms, each.mean, each.least, each.most) for each in buckets}
    for before, after in pairwise(counters):
        length_ms = after.time_ms - before.time_ms
        if 0 < length_ms <= PAIR_MS_MAX and after.value >= before.value:
            mean = (after.value - before.value) * HOUR_MS // length_ms
            first = (before.time_ms - span.from_ms) // span.bucket_ms
            for index in range(max(first, 0), max(-(-(after.time_ms - span.from_ms) // span.bucket_ms), 0)):
                start_ms = span.from_ms + index * span.bucket_ms
                if start_ms < span.to_ms:
                    known.setdefault(start_ms, Point(start_ms, mean, mean, mean, is_counted=True))
    return [known[start_ms] for start_ms in sorted(known)]


def curve(found: Sequence[Point], figures: Sequence[ShiftFigure], span: Span, viewer: Viewer) -> Curve:
    lowest = min((each.least for each in found), default=0)
    top = nice_top(Decimal(max([abs(lowest), *(each.most for each in found)], default=0)) / _KILOWATT)
    bottom = -top if lowest < 0 else Decimal(0)

    def y(milliwatts: int) -> float:
        return round(float((top - Decimal(milliwatts) / _KILOWATT) / (top - bottom)) * HEIGHT, 1)

    def x(time_ms: int) -> float:
        return round((time_ms - span.from_ms) / (span.to_ms - span.from_ms) * WIDTH, 1)

    stretches = _stretches(found, span.bucket_ms)
    half = span.bucket_ms // 2
    lines = [(stretch, "M" + "L".join(f"{x(each.start_ms + half)} {y(each.mean)}" for each in stretch)) for stretch in stretches]
    measured = [stretch for stretch in stretches if not stretch[0].is_counted]
    return Curve(
        ticks=tuple(viewer.glance(bottom + (top - bottom) * step / _TICKS) if step or bottom else "0" for step in range(_TICKS, -1, -1)),
        zero=y(0),
        means=tuple(line for stretch, line in lines if not stretch[0].is_counted),
        ranges=tuple(
            _range(stretch, [x(each.start_ms + half) for each in stretch], [(y(each.least), y(each.most)) for each in stretch])
            for stretch in measured
        ),
        counted=tuple(line for stretch, line in lines if stretch[0].is_counted),
        bands=_bands(figures, span, viewer),
        labels=_labels(span, viewer),
        summary=_summary(found, viewer),
    )


def _stretches(found: Sequence[Point], bucket_ms: int) -> list[list[Point]]:
    """Cut where a bucket is missing, and where measured power ends and the counter goes on; a lone point becomes a short line."""
    stretches: list[list[Point]] = []
    for each in found:
        last = stretches[-1][-1] if stretches else None
        if last is None or each.start_ms - last.start_ms > bucket_ms or each.is_counted != last.is_counted:
            stretches.append([])
        stretches[-1].append(each)
    return [stretch if len(stretch) > 1 else [stretch[0], stretch[0]] for stretch in stretches]


def _range(stretch: Sequence[Point], xs: Sequence[float], ys: Sequence[tuple[float, float]]) -> str:
    upper = [f"{x} {most}" for x, (_, most) in zip(xs, ys, strict=True)]
    lower = [f"{x} {least}" for x, (least, _) in zip(xs, ys, strict=True)]
    return "M" + "L".join([*upper, *reversed(lower)]) + "Z" if len(stretch) else ""


def _bands(figures: Sequence[ShiftFigure], span: Span, viewer: Viewer) -> tuple[ShiftBand, ...]:
    """The site's shifts behind the curve; every other one darker. Names only where there is room."""
    shown = [figure for figure in figures if not figure.production_line and figure.start_ms < span.to_ms and figure.end_ms > span.from_ms]
    scale = WIDTH / (span.to_ms - span.from_ms)
    bands = []
    for index, figure in enumerate(sorted(shown, key=lambda each: each.start_ms)):
        left = max(figure.start_ms, span.from_ms)
        width = (min(figure.end_ms, span.to_ms) - left) * scale
        bands.append(ShiftBand(round((left - span.from_ms) * scale, 1), round(width, 1), shift_name(figure, viewer), bool(index % 2)))
    return tuple(bands)


def _labels(span: Span, viewer: Viewer) -> tuple[Label, ...]:
    length = span.to_ms - span.from_ms
    if span.kind == DAY:
        return tuple(Label(round(100 * hour * HOUR_MS / length, 2), f"{hour:02d}:00") for hour in _HOURS_LABELLED)
    every = 1 if len(span.days) <= 7 else 7
    return tuple(Label(round(100 * (start_ms - span.from_ms) / length, 2), viewer.short_day(day)) for day, start_ms in span.days[::every])


def _summary(found: Sequence[Point], viewer: Viewer) -> str:
    if not found:
        return viewer.say("curve.empty")
    mean = sum(each.mean for each in found) // len(found)
    most, least = max(found, key=lambda each: each.most), min(found, key=lambda each: each.least)
    return viewer.say("curve.summary", mean=_power(mean, viewer), most=_power(most.most, viewer), most_at=viewer.time(most.start_ms),
                      least=_power(least.least, viewer), least_at=viewer.time(least.start_ms))  # fmt: skip


def _power(milliwatts: int, viewer: Viewer) -> str:
    amount = viewer.power(milliwatts)
    return f"{amount.number} {amount.unit}".strip() or UNKNOWN
