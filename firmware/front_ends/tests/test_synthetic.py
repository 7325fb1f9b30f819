"""The synthetic signal of a bare board."""

import pytest

from firmware.front_ends.front_end import SYNTHETIC, TRUST_NAMES
from firmware.front_ends.test_signal import SyntheticSignal, Waveform, calibration
from firmware.metrology import int32_model
from firmware.metrology.quantities import Measurement, measure
from firmware.metrology.window import Window

WAVES = (Waveform(230000, 10000, 0, 0), Waveform(231000, 5000, 6000, 0), Waveform(229000, 20000, -3000, 40))


def run(signal: SyntheticSignal, polls: list[int]) -> list[Window]:
    return [window for elapsed_us in polls if (window := signal.poll(elapsed_us)) is not None]


def shown(frequency_mhz: int = 50000) -> Measurement:
    return measure(run(SyntheticSignal(WAVES, frequency_mhz, int32_model), [20000] * 100)[-1], calibration(3))


def test_it_shows_what_was_configured() -> None:
    """Voltage, current, power and frequency of each phase."""
    first, second, third = shown().phases

    assert first.voltage_mv == pytest.approx(230000, abs=30)
    assert first.current_ma == pytest.approx(10000, abs=5)
    assert second.active_power_mw == pytest.approx(577500, rel=1e-3)
    assert second.reactive_power_mvar == pytest.approx(1000259, rel=1e-3)
    assert third.reactive_power_mvar == pytest.approx(-2290000, rel=1e-2)
    assert third.current_ma == pytest.approx(20000 * 1.077, rel=1e-3)


@pytest.mark.parametrize("frequency_mhz", [47500, 49990, 60000])
def test_it_has_the_configured_frequency(frequency_mhz: int) -> None:
    """Also when a cycle is no whole number of samples."""
    assert shown(frequency_mhz).frequency_mhz == pytest.approx(frequency_mhz, abs=30)


def test_it_is_marked_as_synthetic() -> None:
    """Nobody shall take it for a meter."""
    assert TRUST_NAMES[SyntheticSignal(WAVES, 50000, int32_model).trust] == "synthetic"
    assert SyntheticSignal.trust == SYNTHETIC


def test_it_keeps_to_the_clock() -> None:
    """What it stands for is the time that passed; a long stall is missing, as with a real converter."""
    windows = run(SyntheticSignal(WAVES, 50000, int32_model), [20000] * 50 + [1000000] + [20000] * 200)

    assert sum(window.window_us for window in windows) == pytest.approx(6000000, abs=800000)
    assert sum(window.missing_ms for window in windows) == pytest.approx(840 + 20, abs=40)
