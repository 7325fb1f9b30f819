"""C5: rotations, holidays, make-up workdays, exceptions and versions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from gateway.carbon import ShiftRule
from gateway.carbon.roster import preview, running_at
from gateway.carbon.shift_calendar import Stretch, stretches
from gateway.carbon.tests.builders import THREE_SHIFTS, a_day, berlin, documents, ms, site, steady
from gateway.carbon.work_calendar import DAYS, ORDINARY, DayException, MakeUpDay, Rotation, WorkCalendar

FOUR_ON_FOUR_OFF = Rotation(a_day("2026-03-02"), ((True, 4), (False, 4)))
WEEKDAYS = DAYS[:5]
DAY = ShiftRule("day", "06:00", "14:00", days=WEEKDAYS)


def found(
    rules: Sequence[ShiftRule], begin: str, end: str, calendar: WorkCalendar = ORDINARY, line: str | None = None
) -> list[tuple[str, str]]:
    """Date and name of the shifts that share time with the dates from begin to end, the end left out."""
    inputs = site(shifts=rules, work_calendar=calendar)
    shifts = preview(inputs, line, ms(begin), ms(end))
    return [(each.stretch.day.isoformat(), each.stretch.name) for each in shifts]


def dates(rules: Sequence[ShiftRule], begin: str, end: str, calendar: WorkCalendar = ORDINARY) -> list[str]:
    return [day[-5:] for day, _ in found(rules, begin, end, calendar)]


def test_c5_a_rotation_counts_segments_from_its_anchor() -> None:
    """Four days on, four days off, from Monday the 2nd."""
    rule = ShiftRule("day", "06:00", "14:00", rotation=FOUR_ON_FOUR_OFF)

    assert dates([rule], "2026-03-01", "2026-03-12") == ["03-02", "03-03", "03-04", "03-05", "03-10", "03-11"]


def test_c5_a_rotation_holds_before_its_anchor_too() -> None:
    """The cycle repeats in both directions: the four days before the anchor are off."""
    rule = ShiftRule("day", "06:00", "14:00", rotation=FOUR_ON_FOUR_OFF)

    assert dates([rule], "2026-02-20", "2026-03-02") == ["02-22", "02-23", "02-24", "02-25"]


def test_c5_a_day_offset_moves_a_crew_behind_the_anchor() -> None:
    """Two crews with half a cycle between them take turns and never meet."""
    crews = [ShiftRule("day", "06:00", "14:00", rotation=FOUR_ON_FOUR_OFF, day_offset=4 * n, crew="AB"[n]) for n in (0, 1)]

    shifts = preview(site(shifts=crews), None, ms("2026-03-02"), ms("2026-03-12"))

    assert "".join(each.stretch.crew for each in shifts) == "AAAABBBBAA"


@settings(deadline=None)
@given(
    lengths=some.lists(some.integers(1, 5), min_size=1, max_size=6),
    offset=some.integers(-40, 40),
    days=some.integers(-800, 800),
)
def test_c5_a_crew_works_what_the_crew_without_offset_worked_that_many_days_before(lengths: list[int], offset: int, days: int) -> None:
    """And the same again after one whole cycle."""
    rotation = Rotation(date(2026, 1, 1), tuple((number % 2 == 0, length) for number, length in enumerate(lengths)))
    day = date(2026, 1, 1) + timedelta(days=days)

    assert rotation.is_on(day, offset) == rotation.is_on(day - timedelta(days=offset), 0)
    assert rotation.is_on(day, offset) == rotation.is_on(day + timedelta(days=sum(lengths)), offset)


@pytest.mark.parametrize("segments", [(), ((True, 0),), ((True, 4), (False, -1))])
def test_c5_a_rotation_without_days_is_refused(segments: tuple[tuple[bool, int], ...]) -> None:
    """The sentence says what a rotation needs."""
    with pytest.raises(ValueError, match="each lasts at least one day"):
        Rotation(a_day("2026-03-02"), segments)


def test_c5_a_public_holiday_rests_the_shifts() -> None:
    """Monday the 2nd is a holiday; a shift that runs on holidays runs."""
    calendar = WorkCalendar(holidays=frozenset({a_day("2026-03-02")}))

    assert dates([DAY], "2026-03-01", "2026-03-04", calendar) == ["03-03"]
    assert dates([replace(DAY, on_holidays=True)], "2026-03-01", "2026-03-04", calendar) == ["03-02", "03-03"]


def test_c5_holidays_do_not_stop_a_rotation_from_counting() -> None:
    """The holiday is one of the four days on; the crew does not get it back."""
    rule = ShiftRule("day", "06:00", "14:00", rotation=FOUR_ON_FOUR_OFF)
    calendar = WorkCalendar(holidays=frozenset({a_day("2026-03-04")}))

    assert dates([rule], "2026-03-02", "2026-03-11", calendar) == ["03-02", "03-03", "03-05", "03-10"]


def test_c5_a_make_up_workday_counts_as_a_weekday() -> None:
    """Saturday 28 February 2026 was worked in exchange for a day of the Spring Festival; the weekend shift rests."""
    rules = [DAY, ShiftRule("weekend", "06:00", "14:00", days=("sat", "sun"))]
    calendar = WorkCalendar(make_up_days=(MakeUpDay(a_day("2026-02-28")),))

    assert found(rules, "2026-02-28", "2026-03-02", calendar) == [("2026-02-28", "day"), ("2026-03-01", "weekend")]


def test_c5_a_make_up_workday_is_worked_by_the_hours_of_the_weekday_it_stands_for() -> None:
    """A short Friday made up for on a Saturday is short."""
    rules = [ShiftRule("long", "06:00", "14:00", days=("mon",)), ShiftRule("short", "06:00", "12:00", days=("fri",))]
    calendar = WorkCalendar(make_up_days=(MakeUpDay(a_day("2026-02-28"), "fri"),))

    assert found(rules, "2026-02-28", "2026-03-01", calendar) == [("2026-02-28", "short")]


def test_c5_a_date_that_is_both_holiday_and_make_up_workday_is_worked() -> None:
    """The swap of days is the more particular statement."""
    calendar = WorkCalendar(frozenset({a_day("2026-02-28")}), (MakeUpDay(a_day("2026-02-28")),))

    assert dates([DAY], "2026-02-28", "2026-03-01", calendar) == ["02-28"]


def test_c5_the_exception_wins_over_holiday_rotation_and_weekday() -> None:
    """It runs on a holiday Sunday in a week off, and rests on an ordinary day on."""
    rule = ShiftRule("day", "06:00", "14:00", days=WEEKDAYS, rotation=FOUR_ON_FOUR_OFF)
    calendar = WorkCalendar(
        holidays=frozenset({a_day("2026-03-08")}),
        exceptions=(DayException(a_day("2026-03-08"), runs=True, shift="day"), DayException(a_day("2026-03-03"), runs=False)),
    )

    assert dates([rule], "2026-03-02", "2026-03-09", calendar) == ["03-02", "03-04", "03-05", "03-08"]


def test_c5_an_exception_that_names_the_shift_wins_over_one_for_all() -> None:
    """The works is closed, but the early shift comes."""
    calendar = WorkCalendar(
        exceptions=(DayException(a_day("2026-03-03"), runs=True, shift="early"), DayException(a_day("2026-03-03"), runs=False))
    )

    assert [name for day, name in found(THREE_SHIFTS, "2026-03-03", "2026-03-04", calendar) if day == "2026-03-03"] == ["early"]


def test_c5_an_exception_can_name_a_shift_that_no_rule_knows() -> None:
    """Overtime on one Saturday, with a crew."""
    overtime = DayException(a_day("2026-03-07"), runs=True, shift="overtime", start="08:00", end="12:00", crew="A")

    shifts = preview(site(shifts=[DAY], work_calendar=WorkCalendar(exceptions=(overtime,))), None, ms("2026-03-07"), ms("2026-03-08"))

    assert [(each.local_start, each.local_end, each.document()["crew"], each.document()["why"]) for each in shifts] == [
        ("2026-03-07 08:00", "2026-03-07 12:00", "A", "exception")
    ]


def test_c5_an_exception_of_another_production_line_does_not_count() -> None:
    """The press rests, the site works."""
    calendar = WorkCalendar(exceptions=(DayException(a_day("2026-03-03"), runs=False, production_line="press"),))

    assert dates([DAY], "2026-03-03", "2026-03-04", calendar) == ["03-03"]


def test_c5_an_ordinary_shift_gives_way_to_the_times_of_an_exception() -> None:
    """The late shift stays until midnight; the night begins then, not at 22:00."""
    longer = WorkCalendar(exceptions=(DayException(a_day("2026-03-03"), runs=True, shift="late", start="14:00", end="00:00"),))

    shifts = preview(site(shifts=THREE_SHIFTS, work_calendar=longer), None, ms("2026-03-03 15:00"), ms("2026-03-04 05:00"))

    assert [(each.stretch.name, each.local_start[-5:], each.local_end[-5:]) for each in shifts] == [
        ("late", "14:00", "00:00"),
        ("night", "00:00", "06:00"),
    ]


def test_c5_versions_have_a_first_and_a_last_day() -> None:
    """The old rule until the 3rd, nothing on the 4th, the new one from the 5th."""
    rules = [
        ShiftRule("day", "06:00", "14:00", valid_until=a_day("2026-03-03")),
        ShiftRule("day", "07:00", "15:00", valid_from=a_day("2026-03-05")),
    ]

    assert dates(rules, "2026-03-02", "2026-03-07") == ["03-02", "03-03", "03-05", "03-06"]


def test_c5_what_runs_at_an_instant_is_exactly_one_stretch() -> None:
    """At 14:00 sharp the incoming shift; on a Sunday nothing, which has a name too."""
    inputs = site(shifts=[DAY, ShiftRule("late", "14:00", "22:00", days=WEEKDAYS)])

    running = [running_at(inputs, None, ms(text)).name for text in ("2026-03-02 13:59", "2026-03-02 14:00", "2026-03-01 14:00")]

    assert running == ["day", "late", "unassigned"]


def test_c5_the_preview_states_local_and_universal_time() -> None:
    """The night of the autumn change is 9 h long, and the preview says so before it happens."""
    night = preview(
        site(shifts=[ShiftRule("night", "22:00", "06:00")], zone=berlin()), None, ms("2026-10-24 21:00"), ms("2026-10-24 22:00")
    )

    assert [each.document() for each in night] == [
        {
            "date": "2026-10-24",
            "shift": "night",
            "production_line": None,
            "crew": None,
            "start": "2026-10-24T20:00:00Z",
            "end": "2026-10-25T05:00:00Z",
            "local_start": "2026-10-24 22:00",
            "local_end": "2026-10-25 06:00",
            "elapsed_s": 9 * 3600,
            "why": "weekday",
        }
    ]


def test_c5_the_figures_follow_the_calendar_and_name_the_crew() -> None:
    """The holiday is unassigned time; the crew stands in the figure."""
    rules = [ShiftRule("day", "06:00", "14:00", rotation=FOUR_ON_FOUR_OFF, crew="A")]
    calendar = WorkCalendar(holidays=frozenset({a_day("2026-03-03")}))

    shown = documents(site(shifts=rules, work_calendar=calendar), steady("2026-03-02 06:00", "2026-03-04 07:00", 10))

    assert [(each["shift"], each.get("crew")) for each in shown] == [
        ("day", "A"),
        ("unassigned", None),
        ("unassigned", None),
        ("unassigned", None),
        ("day", "A"),
    ]


A_TIME = some.builds("{:02d}:{:02d}".format, some.integers(0, 23), some.sampled_from([0, 15, 30]))
A_RULE = some.builds(
    ShiftRule,
    name=some.sampled_from(["a", "b", "c"]),
    start=A_TIME,
    end=A_TIME,
    days=some.sets(some.sampled_from(DAYS), min_size=1).map(tuple),
    rotation=some.none() | some.just(FOUR_ON_FOUR_OFF),
    day_offset=some.integers(0, 7),
)
NEAR = some.integers(0, 12).map(lambda days: date(2026, 3, 24) + timedelta(days=days))
AN_EXCEPTION = some.builds(DayException, day=NEAR, runs=some.booleans(), shift=some.sampled_from(["", "a", "b"]), start=A_TIME, end=A_TIME)


@settings(deadline=None)
@given(rules=some.lists(A_RULE, max_size=4), holidays=some.frozensets(NEAR), exceptions=some.lists(AN_EXCEPTION, max_size=4))
def test_c5_whatever_the_calendar_time_has_neither_hole_nor_overlap(
    rules: list[ShiftRule], holidays: frozenset[date], exceptions: list[DayException]
) -> None:
    """Across the spring change in Berlin every instant belongs to exactly one stretch."""
    calendar = WorkCalendar(holidays, (), tuple(exceptions))

    shown: list[Stretch] = stretches(berlin(), rules, None, "06:00", ms("2026-03-27"), ms("2026-04-02"), calendar)

    assert shown[0].start_ms <= ms("2026-03-27") < shown[0].end_ms
    assert shown[-1].start_ms < ms("2026-04-02") <= shown[-1].end_ms
    assert all(before.end_ms == after.start_ms for before, after in pairwise(shown))
