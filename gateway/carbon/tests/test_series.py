"""C10 and conflicting readings: what counts as a reading at all."""

import pytest

from gateway.carbon import CounterReading
from gateway.carbon.series import Conflict, Series, series_of
from gateway.carbon.tests.builders import amounts, documents, entries, rows, site
from protocols.amount import LARGEST


def test_c10_zero_is_a_reading() -> None:
    """A counter may stand at 0."""
    assert series_of([CounterReading(1000, 0)]) == Series([1000], [0])


@pytest.mark.parametrize("value", [None, -1, LARGEST + 1])
def test_c10_absent_negative_or_too_large_is_no_reading(value: int | None) -> None:
    """Neither is taken for 0, nor does it end a pair."""
    assert series_of([CounterReading(1000, value), CounterReading(2000, 5)]) == Series([2000], [5])


def test_c10_the_largest_64_bit_value_is_a_reading() -> None:
    """2^63 - 1 thousandths still fit."""
    assert series_of([CounterReading(1000, LARGEST)]) == Series([1000], [LARGEST])


def test_equal_repeats_count_once() -> None:
    """The same row twice changes nothing."""
    assert series_of([CounterReading(1000, 5)] * 3) == Series([1000], [5])


def test_of_different_values_at_one_instant_none_is_used() -> None:
    """Also when one of them is brought again afterwards."""
    readings = [CounterReading(1000, 5), CounterReading(1000, 6), CounterReading(1000, 5), CounterReading(2000, 7)]

    assert series_of(readings) == Series([2000], [7], (Conflict(1000, (5, 6)),))


def test_a_conflict_is_reported_in_its_figure() -> None:
    """The event names both values; the pair around it is booked."""
    readings = rows(("2026-03-02 06:00", 0), ("2026-03-02 06:15", 5), ("2026-03-02 06:15", 6), ("2026-03-02 06:30", 1000))

    found = documents(site(), readings)

    assert amounts(found) == ["0.001000"]
    assert [(event["kind"], event["time"]) for event in entries(found)[0]["events"]] == [("conflict", "2026-03-02T06:15:00Z")]
    assert "0.000005, 0.000006" in entries(found)[0]["events"][0]["detail"]


def test_a_conflict_at_the_very_first_instant_is_reported_too() -> None:
    """No figure begins before it, so the one that begins with it tells."""
    readings = rows(("2026-03-02 06:00", 5), ("2026-03-02 06:00", 6), ("2026-03-02 06:15", 7), ("2026-03-02 06:30", 8))

    found = documents(site(), readings)

    assert [event["kind"] for event in entries(found)[0]["events"]] == ["conflict"]
