"""Numbers and times as a person reads them."""

from datetime import date
from decimal import Decimal

import pytest

from gateway.pages.tests.fakes import NOW_MS
from gateway.pages.viewer import DAY_MS, HOUR_MS, MINUTE_MS, Amount, Viewer


@pytest.mark.parametrize(
    ("milliwatts", "shown"),
    [
        (None, Amount("–")),
        (0, Amount("0", "W")),
        (740_000, Amount("740", "W")),
        (999_600, Amount("1.00", "kW")),
        (8_240_000, Amount("8.24", "kW")),
        (61_350_000, Amount("61.4", "kW")),
        (412_300_000, Amount("412", "kW")),
        (-86_400_000, Amount("\u221286.4", "kW")),
        (999_600_000, Amount("1.00", "MW")),
        (12_340_000_000, Amount("12.3", "MW")),
    ],
)
def test_power_has_a_sensible_unit_and_three_digits(viewer: Viewer, milliwatts: int | None, shown: Amount) -> None:
    """W, kW or MW by what will be read; unknown has no unit and is never 0."""
    assert viewer.power(milliwatts) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [("0", "0.00"), ("9.994", "9.99"), ("9.996", "10.0"), ("99.96", "100"), ("1234.5", "1,234"), ("1235.5", "1,236")]
)
def test_glance_shows_three_digits_rounded_half_even(viewer: Viewer, value: str, shown: str) -> None:
    """About three digits, thousands grouped."""
    assert viewer.glance(Decimal(value)) == shown


@pytest.mark.parametrize(("share", "shown"), [("1", "100 %"), ("0.99999", "99.9 %"), ("0.5", "50 %"), ("0.1234", "12.3 %"), ("0", "0 %")])
def test_only_what_is_complete_reads_100_percent(viewer: Viewer, share: str, shown: str) -> None:
    """One lost answer in a hundred thousand is still a lost answer."""
    assert viewer.percent(Decimal(share)) == shown


def test_power_factor_of_zero_is_not_minus_zero(viewer: Viewer) -> None:
    """What rounds to nothing has no sign."""
    assert viewer.number(Decimal("-0.001"), 1) == "0.0"


@pytest.mark.parametrize(
    ("span_ms", "english", "chinese_text"),
    [
        (-5_000, "0 s", "0 秒"),
        (59_999, "59 s", "59 秒"),
        (12 * MINUTE_MS, "12 min", "12 分钟"),
        (2 * HOUR_MS + 5 * MINUTE_MS, "2 h 05 min", "2 小时 05 分"),
        (3 * DAY_MS + 4 * HOUR_MS, "3 d 4 h", "3 天 4 小时"),
    ],
)
def test_duration_keeps_the_two_largest_units(viewer: Viewer, chinese: Viewer, span_ms: int, english: str, chinese_text: str) -> None:
    """A span is rounded down; a negative one, after the clock was put back, is nothing."""
    assert (viewer.duration(span_ms), chinese.duration(span_ms)) == (english, chinese_text)


def test_times_are_local_to_the_site(viewer: Viewer, chinese: Viewer) -> None:
    """The site's zone, not the server's; the day only where it is another one."""
    assert viewer.time(NOW_MS) == "11:46"
    assert viewer.time(NOW_MS - DAY_MS) == "Fri 27 Mar, 11:46"
    assert chinese.instant(NOW_MS) == "3月28日 周六 11:46:12"


def test_days_are_written_as_the_language_does(viewer: Viewer, chinese: Viewer) -> None:
    """Each language has its own order."""
    day = date(2026, 12, 6)

    assert (viewer.day(day), chinese.day(day), chinese.short_day(day)) == ("Sun 6 Dec", "12月6日 周日", "12月6日")


@pytest.mark.parametrize(("count", "shown"), [(0, "0 B"), (999, "999 B"), (214_000_000, "214 MB"), (21_400_000_000, "21.4 GB")])
def test_sizes_have_a_sensible_unit(viewer: Viewer, count: int, shown: str) -> None:
    """Decimal units, as disks are sold."""
    assert viewer.size(count) == shown


def test_unknown_ages_are_a_dash(viewer: Viewer) -> None:
    """Never is not long ago."""
    assert (viewer.age(None), viewer.ago(None), viewer.ago(NOW_MS - 41_000)) == ("–", "–", "41 s ago")


@pytest.mark.parametrize(("milliseconds", "shown"), [(4_230.0, "4.2 s"), (10_000, "10 s"), (180.0, "0.2 s")])
def test_rounds_are_shown_in_seconds_with_a_tenth(viewer: Viewer, milliseconds: float, shown: str) -> None:
    """Whole seconds stay whole."""
    assert viewer.seconds(milliseconds) == shown
