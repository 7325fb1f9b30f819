"""Counters of energy."""

import random

from firmware.metrology.energy import (
    ACTIVE_EXPORT,
    ACTIVE_IMPORT,
    KINDS,
    MICROSECONDS_PER_HOUR,
    REACTIVE_EXPORT,
    REACTIVE_IMPORT,
    WINDOW_US_MAX,
    Counters,
)  # fmt: skip
from firmware.metrology.quantities import Measurement, PhaseValues


def measurement(*powers: tuple[int, int]) -> Measurement:
    phases = tuple(PhaseValues(230000, 0, active, reactive, 0, None) for active, reactive in powers)
    return Measurement(phases, sum(active for active, _ in powers), sum(reactive for _, reactive in powers), 0, None, 50000)


def test_a_load_too_small_for_a_window_is_counted_in_the_end() -> None:
    """1 mW for an hour is 1 mWh, though each of its windows is far less."""
    counters = Counters(1)
    for _ in range(4500):
        counters.add(measurement((1, 0)), 800000)

    assert counters.counters_mwh[ACTIVE_IMPORT] == counters.counters_mwh[KINDS + ACTIVE_IMPORT] == 1


def test_nothing_is_lost_or_invented_over_a_long_run() -> None:
    """Counters and carried rests together are exactly the sum of power times time."""
    chance, counters = random.Random(1), Counters(2)
    imported = exported = 0
    for _ in range(3000):
        powers = [(chance.randint(-(10**7), 10**7), chance.randint(-(10**7), 10**7)) for _ in range(2)]
        window_us = chance.randint(790000, 820000)
        counters.add(measurement(*powers), window_us)
        total = sum(active for active, _ in powers)
        imported += max(total, 0) * window_us
        exported += max(-total, 0) * window_us

    assert counters.counters_mwh[ACTIVE_IMPORT] == imported // MICROSECONDS_PER_HOUR
    assert counters.counters_mwh[ACTIVE_EXPORT] == exported // MICROSECONDS_PER_HOUR


def test_each_direction_has_its_own_counter() -> None:
    """Phases on their own, and the total of their sum."""
    counters = Counters(2)

    counters.add(measurement((3600000, -7200000), (-7200000, 0)), 1000000)

    assert counters.counters_mwh[KINDS : 2 * KINDS] == [1000, 0, 0, 2000]
    assert counters.counters_mwh[2 * KINDS :] == [0, 2000, 0, 0]
    assert counters.counters_mwh[ACTIVE_EXPORT] == 1000
    assert (counters.counters_mwh[REACTIVE_IMPORT], counters.counters_mwh[REACTIVE_EXPORT]) == (0, 2000)


def test_counters_go_on_where_the_journal_left_them() -> None:
    """Beyond 32 bits, too."""
    counters = Counters(1, [2**40] * 8)

    counters.add(measurement((3600000, 0)), 1000000)

    assert counters.counters_mwh == [2**40 + 1000, 2**40, 2**40, 2**40] * 2


def test_a_window_longer_than_any_is_not_believed() -> None:
    """Energy of a time in which nothing was measured is not invented, and the time is told."""
    counters = Counters(1)

    uncounted = counters.add(measurement((3600000, 0)), WINDOW_US_MAX + 1)

    assert (uncounted, counters.counters_mwh[ACTIVE_IMPORT]) == (1, WINDOW_US_MAX // 1000)
