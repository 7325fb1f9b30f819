"""C1 to C4: when shifts begin and end, also on days when clocks change."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

from gateway import zone
from gateway.carbon import ShiftRule
from gateway.carbon.shift_calendar import Stretch, instant, stretches
from gateway.carbon.tests.builders import HOUR, THREE_SHIFTS, a_day, berlin, ms

NIGHT = ShiftRule("night", "22:00", "06:00")


def spans(
    rules: Sequence[ShiftRule], begin: str, end: str, name: str = "Europe/Berlin", day_start: str = "00:00", line: str | None = None
) -> list[Stretch]:
    return stretches(zone.zone(name), rules, line, day_start, ms(begin), ms(end))


def hours(stretch: Stretch) -> tuple[int, int]:
    return divmod(stretch.end_ms - stretch.start_ms, HOUR)


def only(found: list[Stretch], name: str) -> list[Stretch]:
    return [each for each in found if each.name == name]


@pytest.mark.parametrize(("day", "elapsed"), [("2026-10-24", 9), ("2026-03-28", 7), ("2026-05-05", 8)])
def test_c2_a_night_shift_is_9_h_in_autumn_and_7_h_in_spring(day: str, elapsed: int) -> None:
    """Durations are elapsed time, never a subtraction of wall clocks."""
    found = only(spans([NIGHT], f"{day} 21:00", f"{day} 22:00"), "night")

    assert [(each.day, hours(each)) for each in found] == [(a_day(day), (elapsed, 0))]


def test_c1_a_minute_of_two_calendars_is_the_same_instant() -> None:
    """A shift of Hangzhou is stated in UTC."""
    found = only(spans([NIGHT], "2026-03-02 15:00", "2026-03-02 16:00", "Asia/Shanghai"), "night")

    assert found == [Stretch(None, "night", date(2026, 3, 2), ms("2026-03-02 14:00"), ms("2026-03-02 22:00"))]


def test_c2_a_start_that_does_not_exist_moves_forward_by_the_gap() -> None:
    """02:30 on the spring day in Berlin is 03:30; the end before it is the same instant."""
    rules = [ShiftRule("a", "22:00", "02:30"), ShiftRule("b", "02:30", "10:00")]

    found = spans(rules, "2026-03-29 01:00", "2026-03-29 02:00")

    assert [(each.name, each.start_ms, each.end_ms) for each in found] == [
        ("a", ms("2026-03-28 21:00"), ms("2026-03-29 01:30")),
        ("b", ms("2026-03-29 01:30"), ms("2026-03-29 08:00")),
    ]


def test_c2_an_ambiguous_time_is_its_first_occurrence() -> None:
    """02:30 on the autumn day in Berlin is 00:30 UTC, not 01:30."""
    wall = datetime(2026, 10, 25, 2, 30, tzinfo=UTC).replace(tzinfo=None)

    assert instant(berlin(), wall) == ms("2026-10-25 00:30")


def test_c2_a_shift_that_lies_wholly_in_the_gap_is_moved_not_lost() -> None:
    """Both ends move by the hour that the clock skips."""
    found = only(spans([ShiftRule("tea", "02:15", "02:45")], "2026-03-29 00:00", "2026-03-29 06:00"), "tea")

    assert [(each.start_ms, each.end_ms) for each in found] == [(ms("2026-03-29 01:15"), ms("2026-03-29 01:45"))]


def test_c2_half_an_hour_of_summer_time_on_lord_howe() -> None:
    """The night shift is 7 h 30 min in October and 8 h 30 min in April."""
    october = only(spans([NIGHT], "2026-10-03 12:00", "2026-10-03 13:00", "Australia/Lord_Howe"), "night")
    april = only(spans([NIGHT], "2026-04-04 12:00", "2026-04-04 13:00", "Australia/Lord_Howe"), "night")

    assert [hours(*october), hours(*april)] == [(7, HOUR // 2), (8, HOUR // 2)]


def test_c2_the_date_that_samoa_skipped_has_no_shifts() -> None:
    """30 December 2011 did not exist in Apia: the night of the 29th ends on the morning of the 31st after 8 h."""
    found = spans(THREE_SHIFTS, "2011-12-29 00:00", "2012-01-02 00:00", "Pacific/Apia")

    nights = [(each.day.isoformat(), hours(each)[0]) for each in only(found, "night")]
    assert nights == [("2011-12-28", 8), ("2011-12-29", 8), ("2011-12-31", 8), ("2012-01-01", 8)]
    assert all(before.end_ms == after.start_ms for before, after in pairwise(found))


def test_c2_a_shift_of_the_skipped_weekday_does_not_start_a_day_later() -> None:
    """The Friday that did not exist had no Friday shift, and Saturday has none either."""
    found = spans([ShiftRule("fish", "06:00", "14:00", days=("fri",))], "2011-12-29 00:00", "2012-01-02 00:00", "Pacific/Apia")

    assert only(found, "fish") == []


def test_c2_a_leap_day_has_its_shifts() -> None:
    """29 February is a date like any other."""
    found = only(spans(THREE_SHIFTS, "2028-02-28 00:00", "2028-03-02 00:00", "UTC"), "early")

    assert [each.day.isoformat() for each in found] == ["2028-02-28", "2028-02-29", "2028-03-01"]


@pytest.mark.parametrize(("day_start", "label"), [("00:00", "2026-03-02"), ("06:00", "2026-03-02"), ("22:30", "2026-03-01")])
def test_c3_the_date_is_the_local_start_minus_the_production_day_start(day_start: str, label: str) -> None:
    """A night that starts at 22:00 belongs to the day before if the production day begins at 22:30."""
    found = only(spans([NIGHT], "2026-03-02 23:00", "2026-03-02 23:30", "UTC", day_start), "night")

    assert [each.day.isoformat() for each in found] == [label]


def test_c3_a_shift_after_midnight_belongs_to_the_production_day_before() -> None:
    """With a production day from 06:00, work from 02:00 carries the date of yesterday."""
    found = only(spans([ShiftRule("late", "02:00", "05:00")], "2026-03-02 03:00", "2026-03-02 04:00", "UTC", "06:00"), "late")

    assert [each.day.isoformat() for each in found] == ["2026-03-01"]


def test_c4_handover_time_belongs_to_the_incoming_shift() -> None:
    """The outgoing shift ends when the incoming one starts."""
    rules = [ShiftRule("a", "06:00", "14:15", handover=True), ShiftRule("b", "14:00", "22:00", handover=True)]

    found = spans(rules, "2026-03-02 07:00", "2026-03-02 15:00", "UTC")

    assert [(each.name, each.start_ms, each.end_ms) for each in found] == [
        ("a", ms("2026-03-02 06:00"), ms("2026-03-02 14:00")),
        ("b", ms("2026-03-02 14:00"), ms("2026-03-02 22:00")),
    ]


def test_c4_uncovered_time_is_unassigned_and_cut_at_the_production_day_start() -> None:
    """A weekend between Friday's and Monday's shift is one stretch per production day."""
    rules = [ShiftRule("day", "06:00", "14:00", days=("fri", "mon"))]

    found = only(spans(rules, "2026-03-06 15:00", "2026-03-09 05:00", "UTC", "06:00"), "unassigned")

    assert [(each.day.isoformat(), each.start_ms, each.end_ms) for each in found] == [
        ("2026-03-06", ms("2026-03-06 14:00"), ms("2026-03-07 06:00")),
        ("2026-03-07", ms("2026-03-07 06:00"), ms("2026-03-08 06:00")),
        ("2026-03-08", ms("2026-03-08 06:00"), ms("2026-03-09 06:00")),
    ]


def test_c4_a_shift_across_the_production_day_start_is_not_cut() -> None:
    """Only uncovered time is cut there."""
    found = spans([NIGHT], "2026-03-02 23:00", "2026-03-03 05:00", "UTC")

    assert [each.name for each in found] == ["night"]


def test_c4_without_rules_every_production_day_is_unassigned() -> None:
    """A production line that has no shifts still accounts for all its time."""
    found = spans([], "2026-03-02 12:00", "2026-03-03 12:00", "UTC", "05:00")

    assert [(each.name, each.day.isoformat()) for each in found] == [("unassigned", "2026-03-02"), ("unassigned", "2026-03-03")]


def test_c4_rules_of_another_production_line_do_not_count() -> None:
    """Each production line has its own calendar."""
    rules = [NIGHT, ShiftRule("press", "08:00", "16:00", production_line="press")]

    found = spans(rules, "2026-03-02 09:00", "2026-03-02 10:00", "UTC", line="press")

    assert [(each.production_line, each.name) for each in found] == [("press", "press")]


def test_c2_a_rule_replaces_older_ones_of_its_name_from_its_first_day() -> None:
    """Before `valid_from` of the only rule the time is unassigned; after a newer one its hours hold."""
    rules = [
        ShiftRule("day", "06:00", "14:00", valid_from=a_day("2026-03-02")),
        ShiftRule("day", "07:00", "15:00", valid_from=a_day("2026-03-04")),
    ]

    found = only(spans(rules, "2026-03-01 00:00", "2026-03-05 00:00", "UTC"), "day")

    assert [each.start_ms for each in found] == [ms("2026-03-02 06:00"), ms("2026-03-03 06:00"), ms("2026-03-04 07:00")]


def test_c2_equal_start_and_end_last_a_day() -> None:
    """ "06:00" to "06:00" is a shift of 24 h, 23 h on the spring day."""
    found = only(spans([ShiftRule("all", "06:00", "06:00")], "2026-03-27 12:00", "2026-03-28 12:00"), "all")

    assert [hours(each)[0] for each in found] == [24, 23]
