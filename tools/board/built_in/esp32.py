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


def __getattr__(name: str) -> object:
    from tools.board import peripherals  # noqa: PLC0415 - takes memory only where something is wired

    return getattr(peripherals, name)


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
