"""Samples that try the kernels: random ones, and the corners of 16 bits. Runs on MicroPython, so that both interpreters try the same."""

from array import array

from firmware.metrology.layout import DELAY, FIRST, FRAMES
from firmware.metrology.window import new_phase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_CORNERS = (-32768, 32767, -32767, 0, 1, -1)


def samples(halfwords: int, seed: int) -> "array[int]":
    values = array("h", bytes(2 * halfwords))
    for place in range(halfwords):
        seed = (seed * 1103 + 12345) % 1000003
        values[place] = _CORNERS[seed % 6] if seed % 7 == 0 else (seed * 31) % 65536 - 32768
    return values


def constant(halfwords: int, v: int, i: int) -> "array[int]":
    return array("h", [v, i] * (halfwords // 2))


def phase(first: int, stride: int, frames: int, delay: int) -> "array[int]":
    state = new_phase(first, stride, 10, 65525)
    state[FIRST], state[FRAMES], state[DELAY] = first, frames, delay
    return state


def cases() -> "Iterator[tuple[array[int], array[int]]]":
    """(samples, state) for interleavings of one to three phases, then the corners; one at a time, the meter's heap holds no more."""
    for phases in (1, 2, 3):
        for number in range(phases):
            stride = 2 * phases
            yield samples(stride * 400, 7 + number), phase(40 * stride + 2 * number, stride, 350, 37 * stride)
    yield from corners()


def corners() -> "Iterator[tuple[array[int], array[int]]]":
    for v, i in ((-32768, -32768), (-32768, 32767), (32767, 32767), (32767, -32768)):
        yield constant(1024, v, i), phase(0, 2, 512, 0)
