"""The record every front end yields: sums over a whole number of mains cycles, and how they are read out of a kernel's array.

Only the record and its arithmetic live here; cutting the stream into windows is the sampler's matter.
"""

from array import array
from collections import namedtuple

from firmware.metrology.integers import divide_nearest
from firmware.metrology.layout import (
    CLIPPED,
    FIRST,
    II_HIGH,
    II_LOW,
    OFFSET,
    PHASE_LENGTH,
    RAIL_HIGH,
    RAIL_LOW,
    SHIFTED_HIGH,
    SHIFTED_LOW,
    SPLIT_BITS,
    STRIDE,
    TAKEN,
    VI_HIGH,
    VI_LOW,
    VV_HIGH,
    VV_LOW,
    I,
    V,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Kernels(Protocol):
        """The module `kernels`, or its model `int32_model`."""

        def accumulate(self, samples: "array[int]", state: "array[int]") -> object: ...
        def find_crossing(self, samples: "array[int]", search: "array[int]") -> int: ...
        def keep_tail(self, samples: "array[int]", source: int, count: int) -> object: ...
else:
    Kernels = object

FULL_TURN_MDEG = 360000
PART_BITS = 8  # positions between samples are counted in 1/256 frame: 40 cycles at 16 kS/s to better than one part in a million


class PhaseSums(namedtuple("PhaseSums", ("v", "i", "vv", "ii", "vi", "vi_shifted"))):
    """Of one phase, in counts and squared counts; `vi_shifted` takes the voltage that is `Window.shift_mdeg` older.

    It is None where a front end is told no angle.
    """

    v: int
    i: int
    vv: int
    ii: int
    vi: int
    vi_shifted: int | None


class Window(namedtuple("Window", ("phases", "frames", "window_us", "clipped", "missing_ms", "frequency_mhz", "shift_mdeg", "skew_mdeg"))):
    """`window_us` is the clock time the window stands for, `missing_ms` the part of it in which nothing was sampled.

    `skew_mdeg` is how much later the current is sampled than the voltage. The frequency is None while there is no voltage.
    """

    phases: tuple[PhaseSums, ...]
    frames: int
    window_us: int
    clipped: int
    missing_ms: int
    frequency_mhz: int | None
    shift_mdeg: int
    skew_mdeg: int


def empty_window(window_us: int, missing_ms: int) -> Window:
    """Time in which no phase was measured: a chip that is silent, or an input that has none."""
    return Window((), 0, window_us, 0, missing_ms, None, 0, 0)


def new_phase(first: int, stride: int, rail_low: int, rail_high: int) -> "array[int]":
    state = array("i", [0] * PHASE_LENGTH)
    state[FIRST], state[STRIDE], state[RAIL_LOW], state[RAIL_HIGH] = first, stride, rail_low, rail_high
    return state


def clear(state: "array[int]") -> None:
    for entry in range(CLIPPED, PHASE_LENGTH):
        state[entry] = 0


def phase_sums(state: "array[int]") -> PhaseSums:
    frames = state[TAKEN]
    return PhaseSums(
        state[V] - OFFSET * frames,
        state[I] - OFFSET * frames,
        _joined(state[VV_HIGH], state[VV_LOW], frames),
        _joined(state[II_HIGH], state[II_LOW], frames),
        _joined(state[VI_HIGH], state[VI_LOW], frames),
        _joined(state[SHIFTED_HIGH], state[SHIFTED_LOW], frames),
    )


def _joined(high: int, low: int, frames: int) -> int:
    return ((high - OFFSET * frames) << SPLIT_BITS) + low


def lateness(before: int, after: int) -> int:
    """How far behind the crossing its first sample stands, in 1/256 frame; both samples are relative to the level, `before` negative."""
    return divide_nearest(after << PART_BITS, after - before)


def angle_mdeg(frames: int, period: int) -> int:
    """The angle that `frames` span, where a cycle spans `period` in 1/256 frame."""
    return divide_nearest(FULL_TURN_MDEG * frames << PART_BITS, period)
