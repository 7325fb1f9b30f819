"""The bytes that survive a reset, divided among those who need them, and each area kept twice.

A write goes to the older copy, so a reset in its middle leaves the one before. What the bytes mean is not known here. All of
them are written whenever one area is: those that do not change become what they were. Runs on MicroPython.
"""

import struct
from binascii import crc32

_HEAD = "<IB"  # check word of all that follows, sequence
_HEAD_BYTES = 5
_HALF = 128  # of the sequences: the newer of two is less than so far ahead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.counter_mirror import Memory


class RtcAreas:
    def __init__(self, memory: "Memory", lengths: "tuple[int, ...]") -> None:
        self._memory = memory
        raw = memory.read()
        size = sum([2 * (_HEAD_BYTES + length) for length in lengths])
        # Another length is another layout, or a power cut.
        self._octets = bytearray(raw) if len(raw) == size else bytearray(size)
        self.areas: list[RtcArea] = []
        first = 0
        for length in lengths:
            self.areas.append(RtcArea(self, memoryview(self._octets), first, length))
            first += 2 * (_HEAD_BYTES + length)

    def keep(self) -> None:
        self._memory.write(self._octets)


class RtcArea:
    def __init__(self, areas: RtcAreas, octets: memoryview, first: int, length: int) -> None:
        size = _HEAD_BYTES + length
        self._areas = areas
        self._copies = [octets[first : first + size], octets[first + size : first + 2 * size]]
        self._sequence = 0
        self._newest = self._find()

    def read(self) -> bytes:
        """What was written last; nothing after a power cut."""
        return b"" if self._newest is None else bytes(self._copies[self._newest][_HEAD_BYTES:])

    def write(self, data: "bytes | bytearray") -> None:
        target = 0 if self._newest is None else 1 - self._newest
        copy = self._copies[target]
        copy[_HEAD_BYTES:] = data
        self._sequence = (self._sequence + 1) & 0xFF
        copy[4] = self._sequence
        struct.pack_into("<I", copy, 0, crc32(copy[4:]))
        self._areas.keep()
        self._newest = target

    def _find(self) -> "int | None":
        newest: int | None = None
        for number, copy in enumerate(self._copies):
            check, sequence = struct.unpack_from(_HEAD, copy, 0)
            if check != crc32(copy[4:]):
                continue
            if newest is None or (sequence - self._sequence) & 0xFF < _HALF:
                newest, self._sequence = number, sequence
        return newest
