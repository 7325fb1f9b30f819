"""A counter's readings decided, and the verdict in kWh: what the tests of C8 and C9 compare."""

from collections.abc import Sequence

from gateway.carbon import CounterReading, CounterSpec, Declaration
from gateway.carbon.epoch import history_of
from gateway.carbon.history import History
from gateway.carbon.series import series_of
from gateway.carbon.tests.builders import KWH, MINUTE, counter, ms

START = ms("2026-03-02 06:00")
SLOW = counter(rating_thousandths_per_hour=4 * KWH)  # 1.1 kWh in a quarter of an hour is the most it can be


def decided(spec: CounterSpec, *values: int | None, declared: Sequence[Declaration] = (), step_ms: int = 15 * MINUTE) -> History:
    readings = [CounterReading(START + number * step_ms, value) for number, value in enumerate(values)]
    return history_of(spec, series_of(readings), declared)


def verdict(history: History) -> tuple[list[int], int, list[tuple[str, int]]]:
    """Accepted values in kWh, booked kWh, and the events with their adjustments in kWh."""
    return (
        [value // KWH for value in history.values],
        (history.booked[-1] - history.booked[0]) // KWH,
        [(event.kind, event.adjustment // KWH) for event in history.events],
    )


def kwh(*values: int) -> list[int]:
    return [value * KWH for value in values]
