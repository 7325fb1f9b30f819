"""C25: maximum demand of shifts and months."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from gateway import zone
from gateway.carbon import CounterReading, ShiftRule
from gateway.carbon.demand import monthly_demand
from gateway.carbon.inputs import DemandRule
from gateway.carbon.tests.builders import (
    HOUR,
    IMPORT,
    KWH,
    MINUTE,
    Document,
    Readings,
    counter,
    documents,
    ms,
    rows,
    shift_named,
    site,
    steady,
)

BEGIN = ms("2026-03-02 06:00")
QUARTER = 15 * MINUTE


def quarters(*kwh: int, begin: int = BEGIN) -> list[CounterReading]:
    """A reading at every quarter of an hour, between two of them so many kWh."""
    sums = [sum(kwh[:number]) * KWH for number in range(len(kwh) + 1)]
    return [CounterReading(begin + number * QUARTER, value) for number, value in enumerate(sums)]


def found(readings: Readings | list[CounterReading], *specs: Any, **changes: Any) -> list[Document]:
    return documents(site(*specs, **{"demand": DemandRule(), **changes}), readings)


def test_c25_the_maximum_is_the_highest_mean_of_a_quarter_of_an_hour() -> None:
    """20 kWh in a quarter are 80 kW; the first of two equal ones is named."""
    demand = found(quarters(5, 20, 3, 20))[0]["demand"]

    assert (demand["max_kw"], demand["max_at"]) == ("80.000000", "2026-03-02T06:15:00Z")
    assert (demand["windows"], demand["windows_measured"]) == (4, 4)


def test_c25_two_meters_have_one_maximum_of_their_sum() -> None:
    """Not the sum of their maxima: 10 + 1 and 1 + 8 are 11 and 9, times 4."""
    second = counter("second")

    demand = found({("main", IMPORT): quarters(10, 1), second.key: quarters(1, 8)}, counter(), second)[0]["demand"]

    assert demand["max_kw"] == "44.000000"


def test_c25_named_meters_only_count() -> None:
    """The tariff concerns the main meter alone."""
    second = counter("second")

    demand = found({("main", IMPORT): quarters(10, 1), second.key: quarters(9, 9)}, counter(), second, demand=DemandRule(meters=("main",)))

    assert demand[0]["demand"]["max_kw"] == "40.000000"


def test_c25_a_longer_pair_hides_its_peak_and_does_not_count() -> None:
    """An hour without readings is no measured window, and the figure says so."""
    readings = rows(("2026-03-02 06:00", 0), ("2026-03-02 06:15", KWH), ("2026-03-02 07:15", 99 * KWH), ("2026-03-02 07:30", 101 * KWH))

    shift = found(readings)[0]

    assert (shift["demand"]["max_kw"], shift["demand"]["windows"], shift["demand"]["windows_measured"]) == ("8.000000", 6, 2)
    assert "demand: 2 of 6 windows were measured: the maximum may have been higher" in shift["reasons"]


def test_c25_a_window_belongs_to_the_shift_in_which_it_begins_with_all_its_energy() -> None:
    """The change of shift at 14:05 lies in a window of 10 kWh: 40 kW stand in the outgoing shift, once."""
    shifts = [ShiftRule("early", "06:00", "14:05"), ShiftRule("late", "14:05", "22:00")]

    shown = found(quarters(2, 10, 1, begin=ms("2026-03-02 13:45")), shifts=shifts)

    assert [(each["demand"]["max_kw"], each["demand"]["windows"]) for each in shown] == [("40.000000", 2), ("4.000000", 1)]


def test_c25_a_quarter_that_is_not_over_is_no_window() -> None:
    """The running shift counts what is complete."""
    readings = [*quarters(5), CounterReading(BEGIN + QUARTER + MINUTE, 6 * KWH)]

    demand = found(readings)[0]["demand"]

    assert (demand["windows"], demand["max_kw"]) == (1, "20.000000")


def test_c25_readings_that_come_seconds_late_measure_their_window() -> None:
    """14:00:03 and 14:15:20 are the reads of one window."""
    readings = [
        reading._replace(time_ms=reading.time_ms + late * 1000) for late, reading in zip((0, 20, 3, 9), quarters(4, 4, 4), strict=True)
    ]

    demand = found(readings)[0]["demand"]

    assert (demand["windows"], demand["windows_measured"]) == (3, 3)


def test_c25_a_figure_without_a_measured_window_knows_no_maximum() -> None:
    """Null, not zero."""
    demand = found(rows(("2026-03-02 06:00", 0), ("2026-03-02 10:00", KWH)))[0]["demand"]

    assert (demand["max_kw"], demand["max_at"], demand["windows_measured"]) == (None, None, 0)


def test_c25_demand_stands_in_a_figure_only_where_it_is_declared() -> None:
    """Nobody asked."""
    assert "demand" not in documents(site(), quarters(1))[0]


def test_c25_the_month_takes_the_highest_of_its_figures() -> None:
    """A night across the end of the month gives each month its own windows."""
    readings = [
        *quarters(1, 1, 1, 9, 7, 1, begin=ms("2026-03-31 23:00")),
        *steady("2026-04-01 00:45", "2026-04-01 08:00", 2 * KWH, begin=22 * KWH),
    ]

    months = monthly_demand(found(readings))

    assert [(each["month"], each["max_kw"], each["max_at"], each["production_line"]) for each in months] == [
        ("2026-03", "36.000000", "2026-03-31T23:45:00Z", None),
        ("2026-04", "28.000000", "2026-04-01T00:00:00Z", None),
    ]


def test_c25_the_month_is_that_of_the_site() -> None:
    """18:00 UTC on 31 March is April in Hangzhou."""
    readings = quarters(1, begin=ms("2026-03-31 18:00"))

    shown = shift_named(found(readings, zone=zone.zone("Asia/Shanghai")), "2026-03-31", "night")

    assert [each["month"] for each in shown["demand"]["months"]] == ["2026-04"]


@settings(deadline=None)
@given(kwh=some.lists(some.integers(0, 90), min_size=1, max_size=80), change_min=some.integers(0, 59))
def test_c25_wherever_the_shifts_change_the_highest_window_is_found_once(kwh: list[int], change_min: int) -> None:
    """The maximum over all figures is that of the readings, and every window is counted in one figure."""
    turn = f"14:{change_min:02d}"
    shifts = [ShiftRule("day", "06:00", turn), ShiftRule("night", turn, "06:00")]

    shown = found(quarters(*kwh, begin=BEGIN + 5 * HOUR), shifts=shifts)

    (month,) = monthly_demand(shown)
    assert (month["max_kw"], month["windows"]) == (f"{4 * max(kwh)}.000000", len(kwh))
