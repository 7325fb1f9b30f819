"""The bundle as far as it has been received: a file that only grows, and survives a power cut up to its last whole part.

Its name carries the digest that the gateway announced, so the same bundle goes on where it stopped and another one
begins anew. What the bytes mean is not known here. All of it may erase flash: its owner calls it while the line is quiet.
"""
# ruff: noqa: PTH102, PTH107, PTH123, PTH208, SIM105, SIM115 - the board has neither pathlib nor contextlib, and the file stays open between pieces

import os

FOLDER = "received"
# Each flush makes littlefs copy the flash block that is begun: one at its end costs no more than the block itself.
FLUSH_BYTES = 4_096
_NAME_BYTES = 16  # of the digest: a name no other bundle has by chance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO


class ReceivedFile:
    def __init__(self) -> None:
        self.length = 0
        self._file: BinaryIO | None = None
        self._name = ""

    def open(self, digest: bytes) -> None:
        """Where the bundle with this digest stopped; what is left of any other one goes."""
        self.close()
        name = digest[:_NAME_BYTES].hex()
        try:
            names = os.listdir(FOLDER)
        except OSError:
            os.mkdir(FOLDER)
            names = []
        for old in names:
            if old != name:
                os.remove(FOLDER + "/" + old)
        self._name = FOLDER + "/" + name
        self._file = open(self._name, "ab")
        self._file.seek(0, 2)
        self.length = self._file.tell()

    def append(self, data: "bytes | memoryview") -> None:
        assert self._file is not None, "opened before anything is taken"
        self._file.write(data)
        before = self.length
        self.length += len(data)
        if before // FLUSH_BYTES != self.length // FLUSH_BYTES:
            self._file.flush()

    def reading(self) -> "BinaryIO":
        """From the beginning; all that was taken is safe on flash then. To be closed by who asked."""
        self.close()
        file: BinaryIO = open(self._name, "rb")
        return file

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def discard(self) -> None:
        self.length = 0
        try:
            self.close()
        except OSError:  # what it still had to write is not wanted
            pass
        try:
            for name in os.listdir(FOLDER):
                os.remove(FOLDER + "/" + name)
        except OSError:  # there is none
            pass
