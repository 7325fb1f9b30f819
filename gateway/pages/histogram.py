"""How long one meter takes to answer, as bars over a logarithmic axis of time. Pure geometry."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.pages.viewer import Viewer

WIDTH, HEIGHT = 1000, 100
# Empty buckets between the quickest and the slowest answer are drawn, but a single bar needs neighbours to stand among.
BARS_MIN = 8
_GROWTH = 1.2  # each bound is so many times the one before (acquire.turnaround)


@dataclass(frozen=True)
class Bar:
    x: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class Histogram:
    bars: tuple[Bar, ...]
    first: str
    last: str
    summary: str


def histogram(counts: Sequence[tuple[int, int]], viewer: Viewer) -> Histogram | None:
    """From (upper bound in microseconds, answers), the quickest first; None before the first answer."""
    if not counts:
        return None
    most, total = max(count for _, count in counts), sum(count for _, count in counts)
    places = {bound: _place(bound, counts[0][0]) for bound, _ in counts}
    slots = max(places[counts[-1][0]] + 1, BARS_MIN)
    width = WIDTH / slots
    bars = tuple(
        Bar(
            round(places[bound] * width, 1),
            round(width * 0.86, 1),
            round(max(count / most * HEIGHT, 1), 1),
            viewer.say("histogram.bar", count=viewer.number(count), bound=_milliseconds(bound, viewer)),
        )
        for bound, count in counts
    )
    half = _quantile(counts, total / 2)
    return Histogram(
        bars,
        _milliseconds(counts[0][0] / _GROWTH, viewer),
        _milliseconds(counts[0][0] * _GROWTH ** (slots - 1), viewer),
        viewer.say(
            "histogram.summary", count=viewer.number(total), half=_milliseconds(half, viewer), slowest=_milliseconds(counts[-1][0], viewer)
        ),
    )


def _place(bound: int, first: int) -> int:
    place, reached = 0, float(first)
    while reached < bound * 0.95:
        place, reached = place + 1, reached * _GROWTH
    return place


def _quantile(counts: Sequence[tuple[int, int]], wanted: float) -> int:
    seen = 0
    for bound, count in counts:
        seen += count
        if seen >= wanted:
            return bound
    return counts[-1][0]


def _milliseconds(microseconds: float, viewer: Viewer) -> str:
    return viewer.say("duration.milliseconds", number=viewer.number(round(microseconds / 1000)))
