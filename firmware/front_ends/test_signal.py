"""A synthetic three-phase waveform from the configuration: for a bare board on a bench, training and bring-up.

It runs through the same kernels and windows as real samples and is marked as synthetic, in a register and on the page.
"""

import math
from array import array
from collections import namedtuple

from firmware.front_ends.front_end import SYNTHETIC, Sampling
from firmware.metrology.calibration import Calibration, Channel
from firmware.metrology.integers import divide_nearest
from firmware.metrology.sampler import CYCLES, HISTORY_FRAMES, Sampler, new_buffer
from firmware.metrology.window import Kernels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.metrology.window import Window

RATE_HZ = 1600  # 32 samples a cycle show any harmonic of interest; a loop in Python makes them with a tenth of the processor
CHUNK_FRAMES = 32
CHUNKS_PER_POLL_MAX = 8  # what is due after a stall beyond this counts as missing, as with a real converter
TABLE_BITS = 8
_ANGLE_BITS = 24  # a whole turn; small integers hold sums of two
_ANGLE_MASK = (1 << _ANGLE_BITS) - 1
FULL_SCALE_MV, FULL_SCALE_MA = 450000, 150000  # peak
GAIN_NV, GAIN_NA = FULL_SCALE_MV * 1000000 // 32767, FULL_SCALE_MA * 1000000 // 32767


class Waveform(namedtuple("Waveform", ("voltage_mv", "current_ma", "lag_cdeg", "fifth_percent"))):
    """One phase: RMS values, by how much the current lags, and the fifth harmonic of the current."""

    voltage_mv: int
    current_ma: int
    lag_cdeg: int
    fifth_percent: int


class SyntheticSignal(Sampling):
    trust = SYNTHETIC

    def __init__(self, waveforms: "tuple[Waveform, ...]", frequency_mhz: int, kernels: Kernels) -> None:
        self.phases = len(waveforms)
        self._samples = new_buffer(CHUNK_FRAMES, self.phases)
        self._sampler = Sampler(kernels, [self._samples], self.phases, RATE_HZ, CYCLES)
        self._tables = []
        for number, wave in enumerate(waveforms):
            turn = number / 3  # L2 a third of a cycle after L1
            self._tables.append(_table(wave.voltage_mv / FULL_SCALE_MV, turn, 0))
            self._tables.append(_table(wave.current_ma / FULL_SCALE_MA, turn + wave.lag_cdeg / 36000, wave.fifth_percent / 100))
        self._step = divide_nearest(frequency_mhz << _ANGLE_BITS, RATE_HZ * 1000)
        self._angle = 0
        self._due_us = 0

    def poll(self, elapsed_us: int) -> "Window | None":
        self._due_us += elapsed_us
        window = None
        for _ in range(CHUNKS_PER_POLL_MAX):
            if window is not None or self._due_us < _CHUNK_US:
                return window
            self._due_us -= _CHUNK_US
            self._make()
            window = self._sampler.feed(CHUNK_FRAMES)
        if self._due_us > _CHUNK_US * CHUNKS_PER_POLL_MAX:
            self._sampler.lost(self._due_us // _CHUNK_US * CHUNK_FRAMES)
            self._due_us %= _CHUNK_US
        return window

    def _make(self) -> None:
        place = HISTORY_FRAMES * 2 * self.phases
        samples, angle, shift = self._samples, self._angle, _ANGLE_BITS - TABLE_BITS
        for _ in range(CHUNK_FRAMES):
            entry = angle >> shift
            for table in self._tables:
                samples[place] = table[entry]
                place += 1
            angle = (angle + self._step) & _ANGLE_MASK
        self._angle = angle


_CHUNK_US = CHUNK_FRAMES * 1000000 // RATE_HZ


def _table(share: float, turn: float, fifth: float) -> "array[int]":
    """One cycle; `share` is the RMS value over the full scale's peak. Floats make the picture only, nothing is measured in them."""
    length = 1 << TABLE_BITS
    peak = share * 1.4142135623730951 * 32767
    values = array("h", bytes(2 * length))  # filled in place: a list of so many numbers is the largest piece of all
    for entry in range(length):
        angle = 2 * math.pi * (entry / length - turn)
        value = round(peak * (math.sin(angle) + fifth * math.sin(5 * angle)))
        values[entry] = max(-32768, min(32767, value))
    return values


def calibration(phases: int) -> Calibration:
    """The one that shows the configured values."""
    return Calibration((Channel(GAIN_NV, 0, 0), Channel(GAIN_NA, 0, 0)) * phases, 0, 0)
