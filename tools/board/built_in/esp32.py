"""The chip's `esp32` module where there is no chip: one data partition in a file, and what memory is free. Runs on MicroPython.

Without the faults of `tools.board.flash`: this one lies in the memory that the firmware is to make do with.
"""
# The chip's modules are not those of the PC that the checker knows.
# mypy: ignore-errors

import gc
import time

from tools.board import world

HEAP_DATA = 4
BLOCK_BYTES = 4096
ERASE_MS = 80  # both cores of the chip stand still for so long
_ERASE = 6
_PIECE_BYTES = 256


class PCNT:
    """Counts the edges behind the Schmitt stage, and begins again at its limit."""

    INCREMENT, IRQ_MAX = 1, 16

    def __init__(self, number: int, max: int, **_: object) -> None:  # noqa: A002, ARG002 - the chip's own names
        self._max = max
        self._first = 0

    def irq(self, handler: object, trigger: int) -> None:
        """The handler does nothing, so it is not called."""

    def start(self) -> None:
        self._first = world.wires.contact.edges

    def value(self) -> int:
        return (world.wires.contact.edges - self._first) % self._max


class Partition:
    TYPE_DATA = 1

    @staticmethod
    def find(type: int, label: str) -> "list[Partition]":  # noqa: A002, ARG004 - the chip's own names; there is only this one
        return [Partition()] if world.blocks else []

    def readblocks(self, block: int, buffer: "bytearray | memoryview", offset: int) -> None:
        world.flash.seek(block * BLOCK_BYTES + offset)
        world.flash.readinto(buffer)

    def writeblocks(self, block: int, buffer: "bytes | bytearray | memoryview", offset: int) -> None:
        """Programming only clears bits."""
        before = bytearray(len(buffer))
        self.readblocks(block, before, offset)
        for at, octet in enumerate(buffer):
            before[at] &= octet
        world.flash.seek(block * BLOCK_BYTES + offset)
        world.flash.write(before)

    def ioctl(self, operation: int, block: int) -> int:
        if operation == _ERASE:
            world.flash.seek(block * BLOCK_BYTES)
            for _ in range(BLOCK_BYTES // _PIECE_BYTES):
                world.flash.write(b"\xff" * _PIECE_BYTES)
            # The whole chip stands still; where time runs faster, it is over sooner.
            time.sleep_us(int(ERASE_MS * 1000 / world.speed))
        return 0


def idf_heap_info(kind: int) -> "list[tuple[int, int, int, int]]":  # noqa: ARG001 - the chip's own signature
    """One region: total, free, largest free piece, least ever free. Pieces are not told apart: all that is free counts."""
    free = gc.mem_free()
    return [(free + gc.mem_alloc(), free, free, 0)]
