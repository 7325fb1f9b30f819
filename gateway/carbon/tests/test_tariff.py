"""C25: energy by tariff period."""

from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from gateway.carbon import CounterReading, ShiftRule
from gateway.carbon.tariff_calendar import TariffRule, period_at
from gateway.carbon.tests.builders import KWH, Document, a_day, berlin, counter, documents, ms, rows, site, steady
from gateway.carbon.work_calendar import ORDINARY, MakeUpDay, WorkCalendar

RULES = (TariffRule("peak", "08:00", "11:00"), TariffRule("valley", "22:00", "06:00"), TariffRule("flat"))
EARLY = [ShiftRule("early", "06:00", "14:00")]


def tariffs(readings: list[CounterReading], **changes: Any) -> list[Document]:
    found: list[Document] = documents(site(**{"tariffs": RULES, "shifts": EARLY, **changes}), readings)[0]["tariffs"]
    return found


def at(text: str, *rules: TariffRule, calendar: WorkCalendar = ORDINARY) -> str:
    return period_at(rules, datetime.fromisoformat(text), calendar)


def test_c25_the_energy_of_a_shift_is_split_by_tariff_period() -> None:
    """4 kWh an hour: three peak hours, five flat ones; the valley does not touch the shift."""
    assert tariffs(steady("2026-03-02 06:00", "2026-03-02 14:00", KWH)) == [
        {"period": "peak", "elapsed_s": 3 * 3600, "kwh": "12.000000"},
        {"period": "flat", "elapsed_s": 5 * 3600, "kwh": "20.000000"},
    ]


def test_c25_what_no_rule_names_is_other() -> None:
    """Time without a period is shown, not left out."""
    found = tariffs(steady("2026-03-02 06:00", "2026-03-02 14:00", KWH), tariffs=RULES[:1])

    assert [(each["period"], each["kwh"]) for each in found] == [("peak", "12.000000"), ("other", "20.000000")]


def test_c25_the_repeated_hour_of_autumn_is_two_hours_of_its_period() -> None:
    """The valley from 22:00 to 06:00 lasts 9 h, also where a rule begins inside the repeated hour."""
    rules = (TariffRule("deep", "02:30", "02:45"), *RULES)
    night = [ShiftRule("night", "22:00", "06:00")]

    found = tariffs(steady("2026-10-24 20:00", "2026-10-25 05:00", KWH), tariffs=rules, shifts=night, zone=berlin())

    assert [(each["period"], each["elapsed_s"], each["kwh"]) for each in found] == [
        ("deep", 1800, "2.000000"),
        ("valley", 9 * 3600 - 1800, "34.000000"),
    ]


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("2026-03-02 07:59", "flat"),
        ("2026-03-02 08:00", "peak"),
        ("2026-03-02 10:59", "peak"),
        ("2026-03-02 11:00", "flat"),
        ("2026-03-02 22:00", "valley"),
        ("2026-03-03 05:59", "valley"),
        ("2026-03-03 06:00", "flat"),
    ],
)
def test_c25_a_period_is_half_open_and_may_cross_midnight(text: str, period: str) -> None:
    """Its end belongs to the next one."""
    assert at(text, *RULES) == period


def test_c25_periods_can_differ_by_month_weekday_and_holiday() -> None:
    """A sharp peak in July and August, no peak on Sundays, deep valley on holidays; a worked Sunday is a weekday."""
    rules = (
        TariffRule("deep valley", holidays=True),
        TariffRule("sharp", "14:00", "15:00", months=(7, 8)),
        TariffRule("peak", "14:00", "17:00", days=("mon", "tue", "wed", "thu", "fri", "sat"), holidays=False),
        TariffRule("flat"),
    )
    calendar = WorkCalendar(frozenset({a_day("2026-10-01")}), (MakeUpDay(a_day("2026-09-20"), "tue"),))
    texts = ("2026-07-06 14:30", "2026-06-01 14:30", "2026-06-07 14:30", "2026-10-01 14:30", "2026-09-20 14:30")

    found = [at(text, *rules, calendar=calendar) for text in texts]

    assert found == ["sharp", "peak", "flat", "deep valley", "peak"]


def test_c25_a_newer_tariff_replaces_the_older_one_as_a_whole() -> None:
    """The old peak does not shine through where the new tariff names nothing."""
    old, new = TariffRule("peak", "08:00", "11:00"), TariffRule("peak", "17:00", "20:00", valid_from=date(2026, 4, 1))

    assert [at(text, old, new) for text in ("2026-03-31 08:00", "2026-04-01 08:00", "2026-04-01 17:00")] == ["peak", "other", "peak"]


def test_c25_energy_that_is_not_known_is_null_in_every_period() -> None:
    """With its reason."""
    second = counter("second")
    readings = {("main", "active_energy_import"): rows(("2026-03-02 06:00", 0), ("2026-03-02 14:00", KWH))}

    found = documents(site(counter(), second, tariffs=RULES, shifts=EARLY), readings)[0]

    assert [each["kwh"] for each in found["tariffs"]] == [None, None]
    assert "tariffs: second is not known in this time" in found["reasons"]


def test_c25_tariffs_stand_in_a_figure_only_where_they_are_declared() -> None:
    """Nobody asked."""
    assert "tariffs" not in documents(site(), steady("2026-03-02 06:00", "2026-03-02 14:00", KWH))[0]


@settings(deadline=None)
@given(
    values=some.lists(some.integers(0, 10**8), min_size=2, max_size=8),
    edges=some.lists(some.integers(0, 1439), min_size=2, max_size=4, unique=True),
)
def test_c25_the_periods_sum_to_the_bought_energy_exactly(values: list[int], edges: list[int]) -> None:
    """Nothing is lost to rounding at the edges of periods, on the day the clock changes too."""
    texts = [f"{edge // 60:02d}:{edge % 60:02d}" for edge in edges]
    rules = tuple(TariffRule(f"p{number}", begin, end) for number, (begin, end) in enumerate(pairwise(texts)))
    readings = [CounterReading(ms("2026-03-28 20:00") + number * 7_654_321, sum(values[:number])) for number in range(len(values) + 1)]

    shown = documents(site(tariffs=rules, zone=berlin()), readings)

    for each in shown:
        assert sum(Decimal(part["kwh"]) for part in each["tariffs"]) == Decimal(each["balance"]["import_kwh"])
        assert sum(part["elapsed_s"] for part in each["tariffs"]) == each["elapsed_s"]
