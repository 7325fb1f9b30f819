"""From windows to volts, amperes, watts and the rest."""

import math

import pytest

from firmware.metrology.calibration import Calibration, Channel
from firmware.metrology.quantities import measure
from firmware.metrology.tests.waves import CALIBRATION, wave, windows
from firmware.metrology.window import PhaseSums, Window

RECORD = Window((PhaseSums(0, 0, 230000**2, 5000**2, 1000000000, 575000000),), 1, 1000000, 0, 0, 50000, 90000, 0)
MILLI = Calibration((Channel(1000000, 0, 0), Channel(1000000, 0, 0)), 0, 0)


@pytest.mark.parametrize("lag", [0, 30, 60, 90, 120, 180, -37, -90, -150])
@pytest.mark.parametrize("hertz", [47.5, 50, 52.5])
def test_all_four_quadrants_at_any_frequency(lag: int, hertz: float) -> None:
    """Active and reactive power are right though a quarter of a cycle is no whole number of samples."""
    shown = measure(windows(wave(230, 5, lag, hertz), frames=16000)[0], CALIBRATION)

    phase = shown.phases[0]
    assert phase.voltage_mv == pytest.approx(230000, abs=20)
    assert phase.current_ma == pytest.approx(5000, abs=1)
    assert phase.active_power_mw == pytest.approx(1150000 * math.cos(math.radians(lag)), abs=200)
    assert phase.reactive_power_mvar == pytest.approx(1150000 * math.sin(math.radians(lag)), abs=200)
    assert phase.apparent_power_mva == pytest.approx(1150000, abs=150)
    assert phase.power_factor == pytest.approx(1000 * math.cos(math.radians(lag)), abs=1)


def test_a_direct_component_is_left_out() -> None:
    """It is the converter's, not the mains'."""
    shown = measure(windows(wave(230, 5, 60, dc_counts=200), frames=16000)[0], CALIBRATION)

    assert shown.phases[0].voltage_mv == pytest.approx(230000, abs=20)
    assert shown.active_power_mw == pytest.approx(575000, abs=200)


def test_the_angle_of_the_sensor_is_turned_back() -> None:
    """A current that shows 2 degrees late is corrected by 200 hundredths, at any load."""
    calibration = Calibration((CALIBRATION.channels[0], Channel(1000000, 0, 200)), 0, 0)

    shown = measure(windows(wave(230, 5, 62), frames=16000)[0], calibration)

    assert shown.active_power_mw == pytest.approx(575000, abs=150)
    assert shown.reactive_power_mvar == pytest.approx(995929, abs=150)


def test_registers_of_a_chip_pass_through_the_same_record() -> None:
    """One frame in millivolts and milliamperes comes out as it went in."""
    shown = measure(RECORD, MILLI)

    assert shown.phases[0] == (230000, 5000, 1000000, 575000, 1150000, 870)
    assert shown.frequency_mhz == 50000


def test_a_current_sampled_later_is_turned_back() -> None:
    """The skew of a front end is the other way round than a sensor's lag."""
    angle = math.radians(60 - 0.9)
    sums = PhaseSums(0, 0, 230000**2, 5000**2, round(1.15e9 * math.cos(angle)), round(1.15e9 * math.sin(angle)))
    window = Window((sums,), 1, 1000000, 0, 0, 50000, 90000, 900)

    assert measure(window, MILLI).active_power_mw == pytest.approx(575000, abs=2)


def test_noise_seen_with_no_load_is_taken_off_in_squares() -> None:
    """3 counts of noise beside 4 counts of current show 5 together."""
    sums = PhaseSums(0, 0, 0, 25, 0, 0)
    calibration = Calibration((Channel(1000000, 0, 0), Channel(1000000, 3000, 0)), 0, 0)

    assert measure(Window((sums,), 1, 1000000, 0, 0, 50000, 90000, 0), calibration).phases[0].current_ma == 4


def test_below_the_creep_current_nothing_is_shown() -> None:
    """A meter with no load stands still; the voltage is still there."""
    calibration = Calibration(MILLI.channels, 5001, 0)

    assert measure(RECORD, calibration).phases[0] == (230000, 0, 0, 0, 0, None)


def test_the_power_factor_of_nothing_is_missing() -> None:
    """Nothing divided by nothing is not 0."""
    window = Window((PhaseSums(0, 0, 0, 0, 0, 0),), 1, 1000000, 0, 0, None, 90000, 0)

    assert measure(window, MILLI)[1:] == (0, 0, 0, None, None)


def test_totals_add_the_phases() -> None:
    """Powers with their sign, apparent powers as numbers."""
    window = Window(RECORD.phases * 2 + (PhaseSums(0, 0, 230000**2, 5000**2, -1000000000, 0),), *RECORD[1:])
    calibration = Calibration(MILLI.channels * 3, 0, 0)

    shown = measure(window, calibration)

    assert (shown.active_power_mw, shown.reactive_power_mvar, shown.apparent_power_mva) == (1000000, 1150000, 3450000)
    assert shown.power_factor == 290
