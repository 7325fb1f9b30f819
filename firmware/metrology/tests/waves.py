"""Exact waveforms and streams for the tests: what a converter would deliver, and the true values beside it."""

import math
from array import array
from collections.abc import Iterator

from firmware.metrology import int32_model
from firmware.metrology.calibration import Calibration, Channel
from firmware.metrology.sampler import HISTORY_FRAMES, Sampler, new_buffer
from firmware.metrology.window import Window

RATE_HZ = 16000
CHUNK = 256
# One count is 10 mV or 1 mA.
CALIBRATION = Calibration((Channel(10000000, 0, 0), Channel(1000000, 0, 0)), 0, 0)


def wave(volts: float, amperes: float, lag_degrees: float = 0, hertz: float = 50.0, dc_counts: int = 0) -> Iterator[tuple[int, int]]:
    frame = 0
    while True:
        angle = 2 * math.pi * hertz * frame / RATE_HZ + 0.3
        v = round(volts * math.sqrt(2) * 100 * math.sin(angle)) + dc_counts
        i = round(amperes * math.sqrt(2) * 1000 * math.sin(angle - math.radians(lag_degrees))) + dc_counts
        yield max(-32768, min(32767, v)), max(-32768, min(32767, i))
        frame += 1


def windows(*phases: Iterator[tuple[int, int]], cycles: int = 40, frames: int = 60000) -> list[Window]:
    """All phases in one interleaved buffer."""
    buffer = new_buffer(CHUNK, len(phases))
    sampler = Sampler(int32_model, [buffer], len(phases), RATE_HZ, cycles)
    found = []
    for _ in range(frames // CHUNK):
        feed(buffer, phases)
        window = sampler.feed(CHUNK)
        if window is not None:
            found.append(window)
    return found


def feed(buffer: "array[int]", phases: tuple[Iterator[tuple[int, int]], ...]) -> None:
    place = HISTORY_FRAMES * 2 * len(phases)
    for _ in range(CHUNK):
        for phase in phases:
            buffer[place], buffer[place + 1] = next(phase)
            place += 2
