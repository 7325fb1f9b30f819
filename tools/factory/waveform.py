"""A load's power as what a converter samples: int16, V1 I1 V2 I2 V3 I3, as a `Recording` has it. Numbers in, bytes out.

Only for loads that do the same in every slot: the samples hold one round of their shape and are repeated for ever.
"""

import math
from array import array

from tools.factory.loads import FULL, SLOT_MS, Source

RATE_HZ = 800  # 16 samples a cycle; there are no harmonics to see
FULL_SCALE_MV, FULL_SCALE_MA = 450_000, 60_000  # peak
_FREQUENCY_HZ = 50
_FRAMES = RATE_HZ // _FREQUENCY_HZ
_VOLTS = (230.6, 229.9, 230.3)
_PEAK = math.sqrt(2) * 32_767
_SECOND_MS = 1_000


def samples(source: Source, from_ms: int) -> bytes:
    """One round of the load's shape, beginning with what it does at `from_ms`."""
    number, rest_ms = divmod(from_ms, SLOT_MS)
    slot = source.slot(number)
    first, seconds = rest_ms // _SECOND_MS, len(slot.shape.per_mille)
    cycles: dict[int, bytes] = {}
    found = []
    for second in range(first, first + seconds):
        power_mw = slot.power_mw(second)
        if power_mw not in cycles:
            cycles[power_mw] = _cycle(source, power_mw / 1_000)
        found.append(cycles[power_mw] * _FREQUENCY_HZ)
    return b"".join(found)


def _cycle(source: Source, watts: float) -> bytes:
    """Floats draw the picture; what is measured from it is the firmware's integers."""
    lag = math.atan2(source.reactive, FULL)
    values = []
    for frame in range(_FRAMES):
        for phase, volts in enumerate(_VOLTS):
            angle = 2 * math.pi * (frame / _FRAMES - phase / 3)
            amps = watts * source.channels[1 + phase] / FULL / math.cos(lag) / volts
            values.append(round(_PEAK * volts * 1_000 / FULL_SCALE_MV * math.sin(angle)))
            values.append(round(_PEAK * amps * 1_000 / FULL_SCALE_MA * math.sin(angle - lag)))
    return _little_endian(values)


def _little_endian(values: list[int]) -> bytes:
    found = array("h", values)
    if array("H", [1]).tobytes() != b"\x01\x00":
        found.byteswap()
    return found.tobytes()
