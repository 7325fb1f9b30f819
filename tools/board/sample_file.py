"""A recording in the place of the converter: little-endian int16, V1 I1 V2 I2 ..., full scale 32767, repeated at its end.

It goes through the firmware's own sampler and kernels; time passes with the samples. Runs on MicroPython.
"""

from firmware.front_ends.front_end import MEASURED, Sampling
from firmware.metrology.calibration import Calibration, Channel
from firmware.metrology.integers import divide_nearest
from firmware.metrology.sampler import CYCLES, HISTORY_FRAMES, Sampler, new_buffer

CHUNK_FRAMES = 128
FULL_SCALE = 32767
_SECOND_US = 1000000
_NANO_PER_MILLI = 1000000

TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import BufferedReader

    from firmware.metrology.window import Kernels, Window


class SampleFile(Sampling):
    trust = MEASURED

    def __init__(self, file: "BufferedReader", rate_hz: int, phases: int, kernels: "Kernels") -> None:
        self.phases = phases
        self._file = file
        self._rate_hz = rate_hz
        self._samples = new_buffer(CHUNK_FRAMES, phases)
        self._fresh = memoryview(self._samples)[2 * phases * HISTORY_FRAMES :]
        self._sampler = Sampler(kernels, [self._samples], phases, rate_hz, CYCLES)
        self._due = 0  # frames times a million

    def poll(self, elapsed_us: int) -> "Window | None":
        self._due += elapsed_us * self._rate_hz
        window = None
        while window is None and self._due >= CHUNK_FRAMES * _SECOND_US:
            self._due -= CHUNK_FRAMES * _SECOND_US
            self._fill()
            window = self._sampler.feed(CHUNK_FRAMES)
        return window

    def _fill(self) -> None:
        filled = 0
        while filled < len(self._fresh):
            read = self._file.readinto(self._fresh[filled:])
            if not read:
                self._file.seek(0)
            filled += (read or 0) // 2


def calibration(phases: int, full_scale_mv: int, full_scale_ma: int) -> Calibration:
    """Full scale as peak values, in thousandths."""
    voltage = Channel(divide_nearest(full_scale_mv * _NANO_PER_MILLI, FULL_SCALE), 0, 0)
    current = Channel(divide_nearest(full_scale_ma * _NANO_PER_MILLI, FULL_SCALE), 0, 0)
    return Calibration((voltage, current) * phases, 0, 0)
