"""The guided calibration, on windows of a channel with known mistakes."""

import math

import pytest

from firmware.metrology.calibration import Calibration, CalibrationRefused, Channel
from firmware.metrology.calibration_steps import KnownLoad, accept, known_load, no_load
from firmware.metrology.tests.waves import CALIBRATION, wave, windows
from firmware.metrology.window import PhaseSums, Window

LOAD = KnownLoad(230000, 5000, 575000, 995929)  # 60 degrees lagging


def window(volts: float, amperes: float, lag: float) -> Window:
    return windows(wave(volts, amperes, lag), frames=16000)[0]


def test_one_known_load_gives_gain_and_phase() -> None:
    """A voltage 3 % low, a current 7 % high and 1.5 degrees late are put right by one load at half power factor."""
    found = known_load(window(230 * 0.97, 5 * 1.07, 61.5), CALIBRATION, 0, LOAD)

    voltage, current = found.channels
    assert voltage.gain_nano == pytest.approx(10000000 / 0.97, rel=1e-4)
    assert current.gain_nano == pytest.approx(1000000 / 1.07, rel=1e-4)
    assert current.phase_cdeg == 150


def test_after_calibration_another_load_is_right() -> None:
    """What one load gave holds at a tenth of the current and another angle, within 0.05 % of the apparent power."""
    found = known_load(window(230 * 0.97, 5 * 1.07, 61.5), CALIBRATION, 0, LOAD)
    other = KnownLoad(230000, 2000, round(460000 * math.cos(math.radians(-30))), -230000)

    assert abs(accept(window(230 * 0.97, 2 * 1.07, -28.5), found, 0, other, 50)) <= 50


def test_an_error_over_the_limit_is_not_accepted() -> None:
    """The sentence tells both values."""
    with pytest.raises(CalibrationRefused, match=r"L1 shows .* the limit is 0\.200 %"):
        accept(window(230, 5.05, 60), CALIBRATION, 0, LOAD, 200)


def test_what_is_seen_with_no_load_becomes_the_offset_of_the_current() -> None:
    """In thousandths of a count; the voltage may be on."""
    sums = PhaseSums(0, 0, 10000 * 16000**2, 10000 * 9, 0, 0)

    found = no_load(Window((sums,), 10000, 800000, 0, 0, 50000, 90000, 0), CALIBRATION)

    assert found == Calibration((CALIBRATION.channels[0], Channel(1000000, 3000, 0)), 0, 0)


def test_a_load_that_is_still_on_is_no_offset() -> None:
    """The step refuses and says what to do."""
    with pytest.raises(CalibrationRefused, match="Switch off the load"):
        no_load(window(230, 1, 0), CALIBRATION)


def test_a_sensor_turned_around_is_named() -> None:
    """It is turned in the cabinet, not by a sign in the calibration."""
    with pytest.raises(CalibrationRefused, match="Turn the sensor of I1 around"):
        known_load(window(230, 5, 240), CALIBRATION, 0, LOAD)


def test_a_wrong_ratio_is_not_calibrated_away() -> None:
    """A gain more than 20 % away is another sensor."""
    with pytest.raises(CalibrationRefused, match="I1 would need a gain of"):
        known_load(window(230, 10, 60), CALIBRATION, 0, LOAD)


def test_a_load_too_small_is_refused() -> None:
    """Its noise would stay in the gain for ever."""
    with pytest.raises(CalibrationRefused, match="Use a larger load"):
        known_load(window(230, 0.5, 60), CALIBRATION, 0, KnownLoad(230000, 500, 57500, 99592))


def test_a_clipped_or_broken_window_calibrates_nothing() -> None:
    """Only a clean one does."""
    clean = window(230, 5, 60)
    for broken in (Window(*clean[:3], 1, *clean[4:]), Window(*clean[:5], None, *clean[6:])):
        with pytest.raises(CalibrationRefused, match="only on a clean one"):
            known_load(broken, CALIBRATION, 0, LOAD)
