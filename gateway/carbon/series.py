"""The usable readings of one counter: one value per instant, in order of time.

C10 and the rule of two different values stand here. Whether a value is plausible is not known here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.carbon.inputs import CounterReading
from protocols.amount import LARGEST


@dataclass(frozen=True)
class Conflict:
    """Different values claimed for one instant: none of them is used."""

    time_ms: int
    values: tuple[int, ...]


@dataclass(frozen=True)
class Series:
    times: list[int]
    values: list[int]
    conflicts: tuple[Conflict, ...] = ()


def series_of(readings: Iterable[CounterReading]) -> Series:
    """Any order, any split, any number of repeats give the same series."""
    by_time: dict[int, int] = {}
    disputed: dict[int, set[int]] = {}
    for time_ms, value, _ in readings:
        if value is None or not 0 <= value <= LARGEST:
            continue
        known = by_time.setdefault(time_ms, value)
        if known != value:
            disputed.setdefault(time_ms, {known}).add(value)
    for time_ms in disputed:
        del by_time[time_ms]
    times = sorted(by_time)
    conflicts = tuple(Conflict(time_ms, tuple(sorted(disputed[time_ms]))) for time_ms in sorted(disputed))
    return Series(times, [by_time[time_ms] for time_ms in times], conflicts)
