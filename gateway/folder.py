"""The data folder: one gateway process at a time owns it, and others find that process through it."""

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

LOCK = "lock"
# A new store with its log needs about a megabyte; below this nothing can even be begun.
ROOM_BYTES_MIN = 2 * 2**20


class FolderError(Exception):
    """The folder cannot be used; the sentence says why and what to do."""


class FolderLock:
    """Held as long as the object is open; the system lets go of it when the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        """FolderError if the folder cannot be written or another process owns it."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = (folder / LOCK).open("a+")
        except OSError as error:
            raise FolderError(f"the data folder {folder} cannot be written ({error.strerror}); check its owner and its place") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise FolderError(f"another shiftwatt already works in {folder}; stop it first, or use another data folder") from None
        with suppress(OSError):  # on a full disk the lock holds all the same; the number is for people
            self._file.truncate(0)
            os.write(self._file.fileno(), f"{os.getpid()}\n".encode())

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()


def is_owned(folder: Path) -> bool:
    """Whether a running process holds the lock."""
    try:
        with (folder / LOCK).open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two that look do not take each other for an owner
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def has_room(folder: Path) -> bool:
    return shutil.disk_usage(folder).free >= ROOM_BYTES_MIN
