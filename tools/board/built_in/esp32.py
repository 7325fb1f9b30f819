"""The chip's `esp32` module where there is no chip: one data partition in a file, and what memory is free. Runs on MicroPython."""
# The chip's modules are not those of the PC that the checker knows.
# mypy: ignore-errors

import gc
import random
import time

from tools.board import world
from tools.board.flash import SimulatedFlash

HEAP_DATA = 4


class Partition:
    TYPE_DATA = 1

    @staticmethod
    def find(type: int, label: str) -> "list[SimulatedFlash]":  # noqa: A002, ARG004 - the chip's own names; there is only this one
        return [SimulatedFlash(world.flash, world.blocks, random, _stall)]


def _stall(stall_ms: int) -> None:
    """The whole chip stands still; where time runs faster, it is over sooner."""
    time.sleep_us(int(stall_ms * 1000 / world.speed))


def idf_heap_info(kind: int) -> "list[tuple[int, int, int, int]]":  # noqa: ARG001 - the chip's own signature
    """One region: total, free, largest free piece, least ever free. Pieces are not told apart: all that is free counts."""
    free = gc.mem_free()
    return [(free + gc.mem_alloc(), free, free, 0)]
