"""The counters as they lie in RTC memory: they survive a watchdog reset and an update, not a power cut.

Only the bytes and their check live here; who keeps them is an object with `read` and `write`.
Runs on MicroPython.
"""

import struct
from binascii import crc32
from collections import namedtuple

_HEAD = "<HH"  # epoch, number of counters
_HEAD_BYTES, _TOTAL_BYTES, _CHECK_BYTES = 4, 8, 4


def mirror_bytes(counters: int, aside: int) -> int:
    return _HEAD_BYTES + _TOTAL_BYTES * counters + aside + _CHECK_BYTES


TYPE_CHECKING = False  # the board has no typing module
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    class Memory(Protocol):
        """Some bytes that survive a restart: on the board a part of `machine.RTC().memory()`."""

        def read(self) -> bytes | bytearray: ...

        def write(self, data: bytes | bytearray) -> object: ...
else:
    Memory = object


class Mirrored(namedtuple("Mirrored", ("epoch", "totals", "aside"))):
    epoch: int
    totals: tuple[int, ...]
    aside: bytes


class CounterMirror:
    """`aside` are bytes of others that belong to the totals of the same moment."""

    def __init__(self, memory: Memory, counters: int, aside: bytearray) -> None:
        self._memory = memory
        self._counters = counters
        self._aside = aside
        self._aside_place = _HEAD_BYTES + _TOTAL_BYTES * counters
        self._buffer = bytearray(self._aside_place + len(aside) + _CHECK_BYTES)
        self._checked = memoryview(self._buffer)[:-_CHECK_BYTES]

    def write(self, epoch: int, totals: "Sequence[int]") -> None:
        struct.pack_into(_HEAD, self._buffer, 0, epoch, self._counters)
        for index, total in enumerate(totals):
            struct.pack_into("<Q", self._buffer, _HEAD_BYTES + _TOTAL_BYTES * index, total)
        self._buffer[self._aside_place : len(self._checked)] = self._aside
        struct.pack_into("<I", self._buffer, len(self._checked), crc32(self._checked))
        self._memory.write(self._buffer)

    def read(self) -> Mirrored | None:
        """None after a power cut, or if the reset came in the middle of a write."""
        raw = self._memory.read()
        if len(raw) != len(self._buffer):
            return None
        view = memoryview(raw)[:-_CHECK_BYTES]
        if struct.unpack_from("<I", raw, len(view))[0] != crc32(view):
            return None
        epoch, counters = struct.unpack_from(_HEAD, raw, 0)
        if counters != self._counters:
            return None
        return Mirrored(epoch, struct.unpack_from("<%dQ" % counters, raw, _HEAD_BYTES), bytes(view[self._aside_place :]))
