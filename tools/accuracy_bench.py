"""Puts synthetic waveforms on simulated converters and lets the firmware's own front ends, kernels and quantities measure them.

Only simulation lives here: signals, converters, a clock. On CPython the kernels' bit-identical model stands in for them.
"""

import math
import random
from array import array
from collections.abc import Iterator
from itertools import islice
from typing import Protocol

from firmware.front_ends.i2s_adc import CHUNK_FRAMES, RATE_HZ, I2sAdc
from firmware.front_ends.onchip_adc import OnchipAdc
from firmware.metrology import int32_model
from firmware.metrology.calibration import Calibration, Channel
from firmware.metrology.calibration_steps import KnownLoad, known_load
from firmware.metrology.quantities import measure
from firmware.metrology.window import Window
from tools.accuracy_points import NOMINAL_HZ, NOMINAL_V, MeterClass, Signal

VOLTAGE_PEAK_V = 450.0  # full scale: 1.38 times the peak of 230 V
CURRENT_PEAK_SHARE = 1.6  # full scale over the maximum current: 1.13 times its peak
WINDOWS = 3  # of 40 cycles each (2.4 s), or bursts of 10
START_ANGLE = 0.7  # rad: nothing begins at a crossing
SEED = 62053

I2S_PHASES, ONCHIP_PHASES = 2, 3
ONCHIP_SHARE = 2 / 3  # of the range is used, the ends bend
ONCHIP_READ_US = 46  # 35 us of conversion and the interpreter's share
ONCHIP_FRAME_US = 15  # asking the clock and the wire between frames
ONCHIP_NOISE_COUNTS = 6  # of 12 bits, RMS, with WiFi on
ONCHIP_BEND = 0.004  # share of full scale that is lost at full scale, growing with the third power


class Path(Protocol):
    name: str

    def error_percent(self, meter_class: MeterClass, signal: Signal) -> float: ...


class Wave:
    """Instantaneous volts and amperes of one phase, and its true mean power."""

    def __init__(self, meter_class: MeterClass, signal: Signal, phase: int) -> None:
        loaded = signal.loaded_phase in (None, phase)
        self._signal = signal
        self._voltage = NOMINAL_V * signal.voltage * math.sqrt(2)
        self._current = meter_class.current_a * signal.current * math.sqrt(2) if loaded else 0.0
        self._turn = phase / 3 * (-1 if signal.reversed_sequence else 1)
        self._lag = math.radians(signal.lag)
        self._omega = 2 * math.pi * NOMINAL_HZ * signal.frequency
        power = self._voltage * self._current / 2
        harmonic = power * signal.fifth_voltage * signal.fifth_current
        self.power_w = (power * math.cos(self._lag) + harmonic) / (2 if signal.half_wave else 1)

    def volts(self, time_s: float) -> float:
        angle = self._omega * time_s + START_ANGLE - 2 * math.pi * self._turn
        return self._voltage * (math.sin(angle) + self._signal.fifth_voltage * math.sin(5 * angle))

    def amperes(self, time_s: float) -> float:
        angle = self._omega * time_s + START_ANGLE - 2 * math.pi * self._turn
        value = self._current * (math.sin(angle - self._lag) + self._signal.fifth_current * math.sin(5 * angle))
        return max(value, 0.0) if self._signal.half_wave else value


class I2sConverter:
    """A PCM186x behind a port: ideal sensors, Gaussian noise, rounding to the given bits."""

    def __init__(self, wave: Wave, meter_class: MeterClass, signal: Signal, noise: random.Random) -> None:
        self._wave, self._signal, self._noise = wave, signal, noise
        self._scales = (32767 / VOLTAGE_PEAK_V, 32767 / (CURRENT_PEAK_SHARE * meter_class.current_max_a))
        self._step = 1 << (16 - signal.bits)
        self._frame = 0

    def readinto(self, buf: "memoryview[int]") -> int:
        samples: list[int] = []
        for _ in range(len(buf) // 2):
            time_s = self._frame / RATE_HZ
            samples.append(self._count(self._wave.volts(time_s) * self._scales[0]))
            samples.append(self._count(self._wave.amperes(time_s) * self._scales[1]))
            self._frame += 1
        buf[:] = memoryview(array("h", samples))
        return 2 * len(samples)

    def _count(self, ideal: float) -> int:
        value = ideal + 32767 * self._signal.dc_share + self._noise.gauss(0, self._signal.noise_counts)
        return max(-32768, min(32767, round(value / self._step) * self._step))


class I2sPath:
    name = "i2s_adc"

    def error_percent(self, meter_class: MeterClass, signal: Signal) -> float:
        waves = [Wave(meter_class, signal, phase) for phase in range(I2S_PHASES)]
        noise = random.Random(SEED)
        front_end = I2sAdc(tuple(I2sConverter(wave, meter_class, signal, noise) for wave in waves), int32_model)
        gains = (VOLTAGE_PEAK_V / 32767, CURRENT_PEAK_SHARE * meter_class.current_max_a / 32767)
        channels = tuple(Channel(round(gain * 1e9), 0, 0) for gain in gains)
        calibration = Calibration(channels * I2S_PHASES, meter_class.creep_ma, 0)
        return _error(islice(_i2s_windows(front_end), WINDOWS), calibration, waves)


def _i2s_windows(front_end: I2sAdc) -> Iterator[Window]:
    """The converter has samples whenever it is asked, so each turn takes as many chunks as the clock says or more."""
    while True:
        window = front_end.poll(CHUNK_FRAMES * 1000000 // RATE_HZ)
        if window is not None:
            yield window


class _Clock:
    def __init__(self) -> None:
        self.us = 0


class OnchipConverter:
    def __init__(self, clock: _Clock, wave: Wave, peak: float, noise: random.Random, *, current: bool) -> None:
        self._clock, self._noise = clock, noise
        self._value = wave.amperes if current else wave.volts
        self._peak = peak

    def read_u16(self) -> int:
        share = self._value(self._clock.us / 1e6) / self._peak * ONCHIP_SHARE
        bent = share - ONCHIP_BEND * share**3
        count = round(2048 + 2047 * bent + self._noise.gauss(0, ONCHIP_NOISE_COUNTS))
        self._clock.us += ONCHIP_READ_US
        return max(0, min(4095, count)) << 4


class OnchipPath:
    """Calibrated in the guided way with one known load, as it would be on a bench."""

    name = "onchip_adc"

    def __init__(self) -> None:
        self._calibrations: dict[MeterClass, Calibration] = {}

    def error_percent(self, meter_class: MeterClass, signal: Signal) -> float:
        if meter_class not in self._calibrations:
            self._calibrations[meter_class] = self._calibrated(meter_class)
        waves = [Wave(meter_class, signal, phase) for phase in range(ONCHIP_PHASES)]
        return _error(islice(self._windows(meter_class, waves), WINDOWS), self._calibrations[meter_class], waves)

    def _calibrated(self, meter_class: MeterClass) -> Calibration:
        half = meter_class.current_max_a / meter_class.current_a / 2
        signal = Signal(half, 60.0)
        waves = [Wave(meter_class, signal, phase) for phase in range(ONCHIP_PHASES)]
        window = next(self._windows(meter_class, waves))
        range_counts = 2047 * 16 * ONCHIP_SHARE
        gains = (VOLTAGE_PEAK_V / range_counts, CURRENT_PEAK_SHARE * meter_class.current_max_a / range_counts)
        calibration = Calibration(tuple(Channel(round(gain * 1e9), 0, 0) for gain in gains) * ONCHIP_PHASES, 0, 0)
        current_a = meter_class.current_a * half
        for phase, wave in enumerate(waves):
            reactive_w = NOMINAL_V * current_a * math.sin(math.radians(60))
            load = KnownLoad(NOMINAL_V * 1000, round(current_a * 1000), round(wave.power_w * 1000), round(reactive_w * 1000))
            calibration = known_load(window, calibration, phase, load)
        return calibration

    def _windows(self, meter_class: MeterClass, waves: list[Wave]) -> Iterator[Window]:
        clock, noise = _Clock(), random.Random(SEED)

        def between_frames() -> bool:
            clock.us += ONCHIP_FRAME_US
            return False

        peaks = (VOLTAGE_PEAK_V, CURRENT_PEAK_SHARE * meter_class.current_max_a)
        converters = tuple(
            OnchipConverter(clock, wave, peaks[current], noise, current=current) for wave in waves for current in (False, True)
        )
        front_end = OnchipAdc(converters, int32_model, lambda: clock.us, lambda now, then: now - then, between_frames)
        last = 0
        while True:
            clock.us += 10000
            window = front_end.poll(clock.us - last)
            last = clock.us
            if window is not None:
                yield window


def _error(windows: Iterator[Window], calibration: Calibration, waves: list[Wave]) -> float:
    """Of the energy: mean power times clock time, which the counters add up without a remainder lost."""
    energy, time_us = 0, 0
    for window in windows:
        energy += measure(window, calibration).active_power_mw * window.window_us
        time_us += window.window_us
    true_mw = 1000 * sum(wave.power_w for wave in waves)
    return (energy / time_us / true_mw - 1) * 100
