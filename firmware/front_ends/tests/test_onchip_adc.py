"""The on-chip converter against a stand-in that takes time for every read."""

import math
from collections.abc import Callable

import pytest

from firmware.front_ends.front_end import INDICATIVE
from firmware.front_ends.onchip_adc import OnchipAdc
from firmware.metrology import int32_model
from firmware.metrology.calibration import Calibration, Channel
from firmware.metrology.quantities import measure
from firmware.metrology.window import Window

READ_US, LOOK_US = 44, 2


class Bench:
    """Converters of three phases on one clock; the wire may ask to stop at a given time."""

    def __init__(
        self,
        amplitude: int = 1200,
        lag: float = 0,
        hertz: float = 50,
        stop_us: Callable[[int], bool] = lambda _: False,
        phases: int = 3,
    ) -> None:
        self.us = 0
        shape = [(phase, angle) for phase in range(phases) for angle in (0.0, math.radians(lag))]
        self.front_end = OnchipAdc(
            tuple(Converter(self, amplitude, 2 * math.pi * phase / 3 + angle, hertz) for phase, angle in shape),
            int32_model,
            self._now_us,
            lambda now, then: now - then,
            lambda: stop_us(self.us),
        )

    def _now_us(self) -> int:
        self.us += LOOK_US
        return self.us

    def run(self, polls: int) -> list[Window]:
        windows, last = [], 0
        for _ in range(polls):
            self.us += 10000
            window = self.front_end.poll(self.us - last)
            last = self.us
            if window is not None:
                windows.append(window)
        return windows


class Converter:
    def __init__(self, bench: Bench, amplitude: int, angle: float, hertz: float) -> None:
        self._bench, self._amplitude, self._angle, self._omega = bench, amplitude, angle, 2 * math.pi * hertz

    def read_u16(self) -> int:
        value = self._amplitude * math.sin(self._omega * self._bench.us / 1e6 - self._angle)
        self._bench.us += READ_US
        return max(0, min(4095, round(2048 + value))) << 4


CALIBRATION = Calibration((Channel(10000000, 0, 0), Channel(1000000, 0, 0)) * 3, 0, 0)


@pytest.mark.parametrize("lag", [0, 60, -37])
@pytest.mark.parametrize("hertz", [48, 50, 60])
def test_a_burst_gives_power_and_angle(lag: float, hertz: float) -> None:
    """Though the current is read 46 us after its voltage, and at an uneven number of samples a cycle."""
    window = Bench(lag=lag, hertz=hertz).run(200)[0]

    shown = measure(window, CALIBRATION)
    apparent = (1200 * 16) ** 2 / 2 / 100  # mW, at 10 mV and 1 mA per count
    assert shown.frequency_mhz == pytest.approx(hertz * 1000, abs=30)
    for phase in shown.phases:
        assert phase.active_power_mw == pytest.approx(apparent * math.cos(math.radians(lag)), abs=apparent * 0.005)


def test_the_record_stands_for_the_time_since_the_last_burst() -> None:
    """What was not sampled is published as missing; the record is marked as indicative."""
    bench = Bench()
    windows = bench.run(400)

    assert bench.front_end.trust == INDICATIVE
    assert sum(window.window_us for window in windows) == pytest.approx(bench.us, abs=1300000)
    for window in windows:
        assert window.missing_ms == pytest.approx(window.window_us / 1000 - 200, abs=2)


def test_a_request_on_the_wire_ends_the_burst_with_the_cycles_it_has() -> None:
    """After 105 ms there are four whole cycles behind the first crossing."""
    window = Bench(stop_us=lambda us: us > 1105000).run(101)[0]

    assert window.frames == pytest.approx(80000 / (6 * READ_US + 7 * LOOK_US), abs=2)
    assert window.frequency_mhz == pytest.approx(50000, abs=100)


def test_a_burst_without_a_whole_cycle_yields_nothing_and_its_time_waits() -> None:
    """The next burst stands for it."""
    bench = Bench(stop_us=lambda us: us < 1500000)
    windows = bench.run(250)

    assert windows[0].window_us > 1400000


def test_no_voltage_is_zero_and_has_no_frequency() -> None:
    """All of the burst counts then."""
    window = Bench(amplitude=0).run(200)[0]

    shown = measure(window, CALIBRATION)
    assert (shown.active_power_mw, shown.phases[0].voltage_mv, shown.frequency_mhz) == (0, 0, None)


def test_clipping_is_counted() -> None:
    """A sensor beyond the range is seen."""
    assert Bench(amplitude=2200).run(200)[0].clipped > 100


@pytest.mark.parametrize("phases", [1, 2])
@pytest.mark.parametrize("lag", [0, 60])
def test_fewer_phases_are_read_for_ten_cycles_too(phases: int, lag: float) -> None:
    """The room does not end before the burst, and the current is turned back by the distance it was read at."""
    window = Bench(lag=lag, phases=phases).run(200)[0]

    shown = measure(window, CALIBRATION)
    apparent = (1200 * 16) ** 2 / 2 / 100
    assert window.window_us / 1000 - window.missing_ms == pytest.approx(200, abs=2)
    assert shown.frequency_mhz == pytest.approx(50000, abs=30)
    for phase in shown.phases:
        assert phase.active_power_mw == pytest.approx(apparent * math.cos(math.radians(lag)), abs=apparent * 0.005)


def test_one_phase_without_voltage_closes_its_windows() -> None:
    """Otherwise the supervisor would take the meter for dead."""
    window = Bench(amplitude=0, phases=1).run(200)[0]

    assert measure(window, CALIBRATION).phases[0].voltage_mv == 0


def test_on_a_wire_that_is_never_silent_a_short_burst_is_taken() -> None:
    """Within the supervisor's five seconds; whoever waits then waits for no more than an erase takes."""
    bench = Bench(stop_us=lambda _: True)
    longest_us = last_us = 0
    windows: list[Window] = []
    while bench.us < 15_000_000:
        bench.us += 10_000
        asked_us = bench.us
        window = bench.front_end.poll(asked_us - last_us)
        windows += [window] if window else []
        last_us, longest_us = asked_us, max(longest_us, bench.us - asked_us)

    assert longest_us < 80_000
    assert len(windows) >= 3
    assert all(window.window_us < 5_000_000 for window in windows)
    assert all(window.frequency_mhz == pytest.approx(50000, abs=200) for window in windows)
