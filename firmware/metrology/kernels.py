"""The loops over samples, in viper: exact in 32 bits, without allocation.

Only loops live here; what the words of `state` and `search` mean stands in `layout`. `int32_model` is the same in plain
Python, and tests hold the two bit-identical. Imported on the board and by MicroPython on a PC only.
"""

import micropython
from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array

    ptr16 = array[int]
    ptr32 = array[int]

_FIRST = const(0)
_STRIDE = const(1)
_FRAMES = const(2)
_DELAY = const(3)
_RAIL_LOW = const(4)
_RAIL_HIGH = const(5)
_CLIPPED = const(6)
_TAKEN = const(7)
_V = const(8)
_I = const(9)
_VV_HIGH = const(10)
_VV_LOW = const(11)
_II_HIGH = const(12)
_II_LOW = const(13)
_VI_HIGH = const(14)
_VI_LOW = const(15)
_SHIFTED_HIGH = const(16)
_SHIFTED_LOW = const(17)
_LEVEL = const(3)
_ARM_BELOW = const(4)
_ARMED = const(5)


@micropython.viper
def accumulate(samples: ptr16, state: ptr32) -> object:
    at = state[_FIRST]
    stride = state[_STRIDE]
    delay = state[_DELAY]
    rail_low = state[_RAIL_LOW]
    rail_high = state[_RAIL_HIGH]
    left = state[_FRAMES]
    state[_TAKEN] = state[_TAKEN] + left
    while left > 0:
        # Halfwords read as unsigned; flipping the sign bit makes offset binary, taking the offset off makes the sample.
        v_offset = samples[at] ^ 0x8000
        i_offset = samples[at + 1] ^ 0x8000
        older = (samples[at - delay] ^ 0x8000) - 0x8000
        if v_offset <= rail_low or v_offset >= rail_high or i_offset <= rail_low or i_offset >= rail_high:
            state[_CLIPPED] = state[_CLIPPED] + 1
        state[_V] = state[_V] + v_offset
        state[_I] = state[_I] + i_offset
        v = v_offset - 0x8000
        i = i_offset - 0x8000
        product = v * v
        state[_VV_HIGH] = state[_VV_HIGH] + (product >> 15) + 0x8000
        state[_VV_LOW] = state[_VV_LOW] + (product & 0x7FFF)
        product = i * i
        state[_II_HIGH] = state[_II_HIGH] + (product >> 15) + 0x8000
        state[_II_LOW] = state[_II_LOW] + (product & 0x7FFF)
        product = v * i
        state[_VI_HIGH] = state[_VI_HIGH] + (product >> 15) + 0x8000
        state[_VI_LOW] = state[_VI_LOW] + (product & 0x7FFF)
        product = older * i
        state[_SHIFTED_HIGH] = state[_SHIFTED_HIGH] + (product >> 15) + 0x8000
        state[_SHIFTED_LOW] = state[_SHIFTED_LOW] + (product & 0x7FFF)
        at = at + stride
        left = left - 1


@micropython.viper
def find_crossing(samples: ptr16, search: ptr32) -> int:
    """How many frames stand before the first one at or above the level, once a frame was below the arming level; else -1."""
    at = search[_FIRST]
    stride = search[_STRIDE]
    frames = search[_FRAMES]
    level = search[_LEVEL]
    arm_below = search[_ARM_BELOW]
    passed = 0
    while passed < frames:
        value = samples[at] ^ 0x8000
        if value < arm_below:
            search[_ARMED] = 1
        elif value >= level and search[_ARMED] == 1:
            search[_ARMED] = 0
            return passed
        at = at + stride
        passed = passed + 1
    return -1


@micropython.viper
def keep_tail(samples: ptr16, source: int, count: int) -> object:
    """Moves `count` halfwords from `source` to the front: the history that the next frames' delayed samples come from."""
    at = 0
    while at < count:
        samples[at] = samples[source + at]
        at = at + 1
