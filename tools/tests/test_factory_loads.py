"""Loads as exact functions of time: integrals add up, counters only grow, and the week has its shape."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.factory.electrical import MeasuringPoint, Supply
from tools.factory.loads import SLOT_MS, TOTAL, Balance, Source
from tools.factory.shop_floor import EQUIPMENT, PV, moment, sources

MONDAY_MS = int(datetime(2026, 3, 22, 16, tzinfo=UTC).timestamp()) * 1_000  # 00:00 in Shanghai
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK = sources(3, MONDAY_MS // SLOT_MS)
NETWORK = Balance(tuple(source for name, source in WEEK.items() if name != PV), (WEEK[PV],))
instants = st.integers(MONDAY_MS, MONDAY_MS + 7 * DAY_MS)


def slow_integral_uj(source: Source, begins_ms: int, ends_ms: int) -> int:
    """Second by second, the pieces at both ends by their milliseconds."""
    total, at_ms = 0, begins_ms
    while at_ms < ends_ms:
        until_ms = min(ends_ms, at_ms // 1_000 * 1_000 + 1_000)
        total += source.power_mw(at_ms) * (until_ms - at_ms)
        at_ms = until_ms
    return total


@given(source=st.sampled_from(sorted(WEEK)), begins_ms=instants, length_ms=st.integers(0, 40 * 60_000))
def test_energy_is_the_integral_of_the_power(source: str, begins_ms: int, length_ms: int) -> None:
    """The counter's step between any two instants is the sum of the power over every millisecond between, exactly."""
    ends_ms = begins_ms + length_ms

    assert WEEK[source].energy_uj(ends_ms) - WEEK[source].energy_uj(begins_ms) == slow_integral_uj(WEEK[source], begins_ms, ends_ms)


@given(channel=st.integers(0, 3), begins_ms=instants, length_ms=st.integers(0, 20 * 60_000))
def test_import_and_export_part_the_network_s_energy(channel: int, begins_ms: int, length_ms: int) -> None:
    """Each direction is the integral of its own part of the power, for the total and every phase."""
    ends_ms = begins_ms + length_ms
    taken = given_back = 0
    at_ms = begins_ms
    while at_ms < ends_ms:
        until_ms = min(ends_ms, at_ms // 1_000 * 1_000 + 1_000)
        energy = NETWORK.power_uw(channel, at_ms) * (until_ms - at_ms)
        taken, given_back = taken + max(energy, 0), given_back + max(-energy, 0)
        at_ms = until_ms
    before, after = NETWORK.energy_nj(channel, begins_ms), NETWORK.energy_nj(channel, ends_ms)

    assert (after[0] - before[0], after[1] - before[1]) == (taken, given_back)


def test_the_order_of_asking_changes_nothing() -> None:
    """A source asked backwards in time says the same as one asked forwards."""
    forwards, backwards = sources(3, MONDAY_MS // SLOT_MS), sources(3, MONDAY_MS // SLOT_MS)
    times_ms = range(MONDAY_MS, MONDAY_MS + 2 * DAY_MS, 7 * 60_000 + 13)

    assert {at: forwards["cnc"].energy_uj(at) for at in times_ms} == {at: backwards["cnc"].energy_uj(at) for at in reversed(times_ms)}


@pytest.mark.parametrize("name", sorted(EQUIPMENT))
def test_another_seed_is_another_week_where_chance_plays(name: str) -> None:
    """Only the lighting and what runs around the clock know none."""
    other = sources(4, MONDAY_MS // SLOT_MS)[name]
    ends_ms = MONDAY_MS + 7 * DAY_MS

    assert (other.energy_uj(ends_ms) == WEEK[name].energy_uj(ends_ms)) == (name in {"lighting", "cooling", "ventilation"})


def test_shifts_and_weekends_follow_the_local_clock() -> None:
    """Work runs from Monday 06:00 to Saturday 06:00 in Shanghai, in three shifts."""
    hours = {hour: moment((MONDAY_MS + hour * HOUR_MS) // SLOT_MS) for hour in (5, 6, 13, 14, 22, 24 * 5 + 5, 24 * 5 + 6)}

    assert {hour: at.working for hour, at in hours.items()} == {5: False, 6: True, 13: True, 14: True, 22: True, 125: True, 126: False}
    assert [hours[hour].shift for hour in (6, 13, 14, 22, 125)] == [0, 0, 1, 2, 2]


def test_strokes_come_only_while_the_press_runs() -> None:
    """Night shifts are slower than early ones, and the weekend makes nothing."""
    press = WEEK["press-1"]

    def made(day: int, hour: int) -> int:
        begins_ms = MONDAY_MS + day * DAY_MS + hour * HOUR_MS
        return press.strokes(begins_ms + 8 * HOUR_MS) - press.strokes(begins_ms)

    early, night, weekend = (sum(made(day, hour) for day in days) for days, hour in ((range(5), 6), (range(5), 22), ((5, 6), 8)))
    assert 5 * 1_200 < night < early < 5 * 2_800
    assert weekend == 0


def test_the_sun_shines_by_day_only() -> None:
    """The solar roof gives nothing at night and feeds back into the grid on a quiet weekend noon."""
    night_ms = MONDAY_MS + 2 * HOUR_MS

    assert WEEK[PV].power_mw(night_ms) == 0
    assert min(NETWORK.power_uw(TOTAL, MONDAY_MS + 6 * DAY_MS + 12 * HOUR_MS + minute * 60_000) for minute in range(60)) < 0


POINT = MeasuringPoint(Supply(3), NETWORK, counter_start_mwh=5_000_000)


@given(instants)
def test_power_is_voltage_times_current_times_power_factor(time_ms: int) -> None:
    """On every phase, within the rounding of current (1 mA) and power factor (0.001)."""
    values = POINT.measure(time_ms)

    for phase in ("l1", "l2", "l3"):
        voltage, current, factor = (values[name] for name in (f"voltage_{phase}_n", f"current_{phase}", f"power_factor_{phase}"))
        assert 215_000 < voltage < 235_000
        product_mw = voltage * current * factor // 1_000_000
        assert abs(product_mw - values[f"active_power_{phase}"]) <= voltage * (current + 1_000) // 1_000_000 + 1
        assert values[f"apparent_power_{phase}"] ** 2 == pytest.approx(
            values[f"active_power_{phase}"] ** 2 + values[f"reactive_power_{phase}"] ** 2, rel=1e-5
        )


@given(instants)
def test_phases_sum_to_the_total(time_ms: int) -> None:
    """Active and reactive power, within the rounding of a milliwatt each."""
    values = POINT.measure(time_ms)

    for name in ("active_power", "reactive_power"):
        assert abs(sum(values[f"{name}_l{phase}"] for phase in (1, 2, 3)) - values[name]) <= 2


def test_counters_never_go_back() -> None:
    """Every counter of the main meter only grows, asked every 37 seconds over two days."""
    readings = [POINT.measure(time_ms) for time_ms in range(MONDAY_MS + 5 * DAY_MS, MONDAY_MS + 6 * DAY_MS, 37_000)]
    counters = [name for name in readings[0] if "_energy_" in name]

    assert counters
    assert all(before[name] <= after[name] for before, after in pairwise(readings) for name in counters)
