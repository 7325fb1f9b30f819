"""Flash blocks kept as files, for a board whose flash has no partition of ours: the same interface as the partition's.

A block is a file of its bytes up to the last one that was programmed; beyond its end it is blank, and without a file it
is erased. The file system commits a whole file or none of it, so a power cut leaves what was closed last. A record's
payload therefore waits in memory for its check word: one commit instead of two, each of which stalls the chip for
20 to 70 ms. What the bytes mean is not known here. Runs on MicroPython.
"""
# ruff: noqa: PTH102, PTH107, PTH116 - the board has no pathlib

import os

from firmware.flash_record import CHECKED_BYTES, RECORD_BYTES

_ERASE = 6  # the block device's own number for it
_BLANK = 0xFF
_PAD_BYTES = 256  # at once, between the end of a file and a record further on

TYPE_CHECKING = False  # the board has no typing module
if TYPE_CHECKING:
    from io import BufferedRandom


class FileBlocks:
    """One file stays open for reading: whoever looks for the newest record asks for many in one block."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._reading: int | None = None
        self._file: BufferedRandom | None = None
        self._waiting: tuple[int, int, bytes] | None = None  # block, offset, payload
        try:  # noqa: SIM105 - no contextlib on the board
            os.mkdir(folder)
        except OSError:  # it is there; or it cannot be, then all is blank, each write fails, and the meter meters on
            pass

    def readblocks(self, block: int, buffer: "bytearray | memoryview", offset: int) -> None:
        waiting = self._waiting
        if waiting is not None and waiting[0] == block:
            if (waiting[1], len(waiting[2])) == (offset, len(buffer)):
                buffer[:] = waiting[2]
                return
            self._settle()
        filled = self._read(block, buffer, offset)
        for at in range(filled, len(buffer)):
            buffer[at] = _BLANK

    def writeblocks(self, block: int, buffer: "bytes | bytearray | memoryview", offset: int) -> None:
        """Programs: bits are only cleared."""
        waiting, self._waiting = self._waiting, None
        data = bytes(buffer)
        if waiting is not None:
            if (waiting[0], waiting[1] + len(waiting[2])) == (block, offset):
                data, offset = waiting[2] + data, waiting[1]
            else:
                self._program(*waiting)
        if len(data) == CHECKED_BYTES and offset % RECORD_BYTES == 0:
            self._waiting = (block, offset, data)
        else:
            self._program(block, offset, data)

    def ioctl(self, operation: int, argument: int) -> int:
        if operation == _ERASE:
            if self._waiting is not None and self._waiting[0] == argument:
                self._waiting = None
            self._close(argument)
            if self._size(argument):
                os.remove(self._path(argument))
        return 0

    def close(self) -> None:
        """Where the interpreter goes on without it; a board never does."""
        self._close(self._reading)

    def _settle(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._program(*waiting)

    def _program(self, block: int, offset: int, data: bytes) -> None:
        size = self._size(block)
        before = bytearray(max(0, min(len(data), size - offset)))
        self._read(block, before, offset)
        self._close(block)
        with open(self._path(block), "r+b" if size else "wb") as file:  # noqa: PTH123 - the board has no pathlib
            file.seek(min(offset, size))
            while size < offset:
                size += file.write(b"\xff" * min(_PAD_BYTES, offset - size))
            file.write(bytes([octet & data[at] for at, octet in enumerate(before)]) + data[len(before) :])

    def _read(self, block: int, buffer: "bytearray | memoryview", offset: int) -> int:
        """How many bytes there were."""
        if self._reading != block:
            self._close(self._reading)
            if not self._size(block):
                return 0
            self._file = open(self._path(block), "r+b")  # noqa: PTH123, SIM115 - as above, and it stays open
            self._reading = block
        assert self._file is not None
        self._file.seek(offset)
        return self._file.readinto(buffer) or 0

    def _close(self, block: "int | None") -> None:
        if self._file is not None and self._reading == block:
            self._file.close()
            self._file = self._reading = None

    def _size(self, block: int) -> int:
        try:
            return int(os.stat(self._path(block))[6])
        except OSError:  # erased
            return 0

    def _path(self, block: int) -> str:
        return "%s/%d" % (self._folder, block)
