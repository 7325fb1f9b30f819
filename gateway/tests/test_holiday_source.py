"""C5: holidays and make-up workdays from a file and from the optional package."""

from datetime import date
from pathlib import Path

import pytest

from gateway.carbon.work_calendar import MakeUpDay, WorkCalendar
from gateway.holiday_source import HolidaySourceError, as_toml, from_file, from_package

CALENDAR = WorkCalendar(
    frozenset({date(2026, 10, 1), date(2026, 10, 2)}), (MakeUpDay(date(2026, 9, 20), "tue"), MakeUpDay(date(2026, 10, 10), "wed"))
)


def test_c5_a_holiday_file_reads_back_what_was_written(tmp_path: Path) -> None:
    """Dates in order, make-up workdays with the weekday that they count as."""
    file = tmp_path / "holidays.toml"
    file.write_text(as_toml(CALENDAR), encoding="utf-8")

    assert from_file(file) == CALENDAR


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("holidays = [2026-10-01", "is no TOML"),
        ('holidays = ["1 October"]', "is no date such as 2026-10-01"),
        ("holidays = [2026-10-01T00:00:00]", "is no date such as"),
        ('[make_up]\n2026-10-10 = "someday"', "'someday', which is not one of mon, tue"),
        ('[make_up]\nsoon = "mon"', "Invalid isoformat"),
        ("holiday = []", "unknown key holiday"),
        ("holidays = 5", "not iterable"),
    ],
)
def test_c5_a_wrong_holiday_file_is_refused_with_its_place(text: str, sentence: str, tmp_path: Path) -> None:
    """The person who wrote it reads what to change."""
    file = tmp_path / "holidays.toml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(HolidaySourceError, match=rf"holidays.toml.*{sentence}"):
        from_file(file)


def test_c5_a_missing_holiday_file_is_told(tmp_path: Path) -> None:
    """Never taken for a year without holidays."""
    with pytest.raises(HolidaySourceError, match="cannot be read: No such file"):
        from_file(tmp_path / "none.toml")


def test_c5_china_of_the_package_has_the_official_make_up_workdays() -> None:
    """28 September 2025 was worked for Tuesday 7 October, 11 October for Wednesday the 8th."""
    pytest.importorskip("holidays")

    found = from_package("CN", None, [2025])

    assert {date(2025, 10, 1), date(2025, 10, 8), date(2025, 5, 1)} <= found.holidays
    assert MakeUpDay(date(2025, 9, 28), "tue") in found.make_up_days
    assert MakeUpDay(date(2025, 10, 11), "wed") in found.make_up_days


def test_c5_a_region_the_package_does_not_know_is_told() -> None:
    """By its name."""
    pytest.importorskip("holidays")

    with pytest.raises(HolidaySourceError, match="knows no public holidays for XX"):
        from_package("XX", None, [2026])
