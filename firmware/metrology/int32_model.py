"""The kernels in plain Python, bit for bit, with the limits of 32 bits asserted.

It is what tests hold the kernels to, and what runs where there is no viper (CPython). Nothing but the loops lives here.
"""

from firmware.metrology.layout import (
    ARM_BELOW,
    ARMED,
    CLIPPED,
    DELAY,
    FIRST,
    FRAMES,
    FRAMES_MAX,
    II_HIGH,
    II_LOW,
    LEVEL,
    OFFSET,
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
    from array import array

_LOW_MASK = (1 << SPLIT_BITS) - 1
_SMALL_INT_MAX = (1 << 30) - 1


def accumulate(samples: "array[int]", state: "array[int]") -> None:
    first, stride, frames, delay = state[FIRST], state[STRIDE], state[FRAMES], state[DELAY]
    assert first >= delay >= 0
    assert stride >= 2
    assert frames >= 0
    assert state[TAKEN] + frames <= FRAMES_MAX
    end = first + frames * stride
    voltages = [samples[at] for at in range(first, end, stride)]
    currents = [samples[at + 1] for at in range(first, end, stride)]
    older = [samples[at - delay] for at in range(first, end, stride)]
    low, high = state[RAIL_LOW] - OFFSET, state[RAIL_HIGH] - OFFSET
    state[TAKEN] += frames
    state[CLIPPED] += sum(1 for v, i in zip(voltages, currents) if v <= low or v >= high or i <= low or i >= high)
    state[V] += sum(voltages) + OFFSET * frames
    state[I] += sum(currents) + OFFSET * frames
    _add(state, VV_HIGH, VV_LOW, [v * v for v in voltages])
    _add(state, II_HIGH, II_LOW, [i * i for i in currents])
    _add(state, VI_HIGH, VI_LOW, [v * i for v, i in zip(voltages, currents)])
    _add(state, SHIFTED_HIGH, SHIFTED_LOW, [v * i for v, i in zip(older, currents)])
    assert max(state) <= _SMALL_INT_MAX
    assert min(state) >= 0


def _add(state: "array[int]", high: int, low: int, products: "list[int]") -> None:
    state[high] += sum([(product >> SPLIT_BITS) + OFFSET for product in products])
    state[low] += sum([product & _LOW_MASK for product in products])


def find_crossing(samples: "array[int]", search: "array[int]") -> int:
    level, arm_below = search[LEVEL] - OFFSET, search[ARM_BELOW] - OFFSET
    at = search[FIRST]
    for passed in range(search[FRAMES]):
        value = samples[at]
        if value < arm_below:
            search[ARMED] = 1
        elif value >= level and search[ARMED]:
            search[ARMED] = 0
            return passed
        at += search[STRIDE]
    return -1


def keep_tail(samples: "array[int]", source: int, count: int) -> None:
    samples[:count] = samples[source : source + count]
