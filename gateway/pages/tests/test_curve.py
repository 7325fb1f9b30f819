"""The load curve: its stretch of time, where its values come from, and where it has none."""

from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from gateway.interfaces import Bucket, CounterValue
from gateway.pages.curve import HEIGHT, PAIR_MS_MAX, WIDTH, Point, curve, points
from gateway.pages.curve_span import DAY, MINUTE_MS, MONTH, WEEK, day_of, next_first, previous_first, span
from gateway.pages.shift_figure import shift_figure
from gateway.pages.tests.fakes import HOUR_MS, ZONE, figure
from gateway.pages.viewer import DAY_MS, Viewer

TODAY = span(DAY, date(2026, 3, 28), ZONE)
MILLIWATTS = 10**6  # of a kilowatt


def test_span_holds_whole_local_days() -> None:
    """A day, the week from its Monday, the month from its first."""
    assert (TODAY.to_ms - TODAY.from_ms) == DAY_MS
    assert span(WEEK, date(2026, 3, 28), ZONE).first == date(2026, 3, 23)
    assert len(span(MONTH, date(2026, 2, 14), ZONE).days) == 28
    assert span("year", date(2026, 3, 28), ZONE) == TODAY


def test_day_of_the_clock_change_has_its_own_length() -> None:
    """Twenty-three hours in spring, twenty-five in autumn."""
    berlin = ZoneInfo("Europe/Berlin")
    lengths = [
        (each.to_ms - each.from_ms) // HOUR_MS for each in (span(DAY, date(2026, 3, 29), berlin), span(DAY, date(2026, 10, 25), berlin))
    ]

    assert lengths == [23, 25]


@pytest.mark.parametrize("kind", [DAY, WEEK, MONTH])
def test_back_and_forth_is_the_same_place(kind: str) -> None:
    """The way before and the way after lead through neighbours."""
    first = span(kind, date(2026, 3, 1), ZONE).first

    assert next_first(kind, previous_first(kind, first)) == first


def test_day_of_takes_only_days_that_can_be_shown() -> None:
    """A typing error shows today, and no year breaks the calendar."""
    today = date(2026, 3, 28)

    assert [day_of(text, today) for text in ("2026-03-01", "0001-01-01", "9999-12-31", "soon", "")] == [date(2026, 3, 1), *[today] * 4]


def test_counter_fills_what_no_power_is_known_of() -> None:
    """Its mean over the pair stands in each bucket without one; measured power stays."""
    measured = Bucket(TODAY.from_ms, 5, 4, 6)
    pair = [CounterValue(TODAY.from_ms, 0), CounterValue(TODAY.from_ms + 15 * MINUTE_MS, 250_000)]

    assert points([measured], pair, TODAY) == [
        Point(TODAY.from_ms, 5, 4, 6),
        *(Point(TODAY.from_ms + step * 5 * MINUTE_MS, 1_000_000, 1_000_000, 1_000_000, is_counted=True) for step in (1, 2)),
    ]


@pytest.mark.parametrize(
    "pair",
    [
        [CounterValue(TODAY.from_ms, 0), CounterValue(TODAY.from_ms + PAIR_MS_MAX + 1, 10)],
        [CounterValue(TODAY.from_ms, 10), CounterValue(TODAY.from_ms + MINUTE_MS, 0)],
        [CounterValue(TODAY.from_ms, 10), CounterValue(TODAY.from_ms, 20)],
        [CounterValue(TODAY.to_ms, 10), CounterValue(TODAY.to_ms + MINUTE_MS, 20)],
    ],
)
def test_counter_says_nothing_where_it_cannot(pair: list[CounterValue]) -> None:
    """Too far apart, put back, no time between, or after the end."""
    assert points([], pair, TODAY) == []


def test_gap_is_a_gap(viewer: Viewer) -> None:
    """The line ends where values end and begins anew; nothing is drawn between."""
    at = [TODAY.from_ms + step * 5 * MINUTE_MS for step in (0, 1, 7, 8, 9)]

    drawn = curve([Point(each, MILLIWATTS, MILLIWATTS, MILLIWATTS) for each in at], [], TODAY, viewer)

    assert [path.count("L") + 1 for path in drawn.means] == [2, 3]
    assert drawn.counted == ()


def test_feeding_in_lies_below_zero(viewer: Viewer) -> None:
    """A roof's curve has its zero line in the middle, and ticks on both sides."""
    drawn = curve([Point(TODAY.from_ms, -80 * MILLIWATTS, -90 * MILLIWATTS, 0)], [], TODAY, viewer)

    assert (drawn.zero, drawn.ticks[0], drawn.ticks[-1]) == (HEIGHT / 2, "100", "−100")


def test_bands_are_the_shifts_of_the_site(viewer: Viewer) -> None:
    """Each where it is, cut at the edges; those of a production line do not lie over them."""
    night = figure(name="night", start_ms=TODAY.from_ms - 2 * HOUR_MS)
    early = figure(start_ms=TODAY.from_ms + 6 * HOUR_MS)
    other = figure(name="other", start_ms=TODAY.from_ms + 6 * HOUR_MS, production_line="press")

    drawn = curve([], [shift_figure(each, {}) for each in (early, other, night)], TODAY, viewer)

    assert [(band.name, band.x, band.width) for band in drawn.bands] == [
        ("night", 0.0, WIDTH / 4),
        ("early", WIDTH / 4, round(WIDTH / 3, 1)),
    ]
    assert [band.is_odd for band in drawn.bands] == [False, True]


def test_summary_says_it_in_words(viewer: Viewer) -> None:
    """Who does not see the curve hears its mean, its most and its least, with their times."""
    found = [
        Point(TODAY.from_ms, 2 * MILLIWATTS, MILLIWATTS, 3 * MILLIWATTS),
        Point(TODAY.from_ms + HOUR_MS, 4 * MILLIWATTS, 4 * MILLIWATTS, 9 * MILLIWATTS),
    ]

    assert curve(found, [], TODAY, viewer).summary == "Mean 3.00 kW; most 9.00 kW at 01:00; least 1.00 kW at 00:00."
    assert curve([], [], TODAY, viewer).summary == "Nothing was kept of this stretch of time."


def test_labels_stand_where_their_hour_is(viewer: Viewer) -> None:
    """On a day of 24 hours at the quarters."""
    labels = curve([], [], TODAY, viewer).labels

    assert [(label.text, label.x) for label in labels] == [("00:00", 0.0), ("06:00", 25.0), ("12:00", 50.0), ("18:00", 75.0)]
    assert all(left.x < right.x for left, right in pairwise(curve([], [], span(MONTH, date(2026, 3, 1), ZONE), viewer).labels))
