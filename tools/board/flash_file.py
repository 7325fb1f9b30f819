"""The simulated flash as a file that is kept between runs; one submeter at a time works on it."""

import fcntl
import tempfile
import time
from pathlib import Path
from typing import BinaryIO

from firmware import flash_plan
from tools.board.flash import BLOCK_BYTES, make_blank
from tools.board.wishes import SubmeterError

# A submeter that was just killed lets go of its flash as soon as it notices.
_LOCK_SECONDS_MAX = 3.0
_LOOK_SECONDS = 0.2


def opened(path: Path | None) -> BinaryIO:
    if path is None:
        temporary: BinaryIO = tempfile.TemporaryFile("w+b", buffering=0)  # noqa: SIM115 - the caller closes
        make_blank(temporary, flash_plan.BLOCKS)
        return temporary
    try:
        path.touch()
        file: BinaryIO = path.open("r+b", buffering=0)
    except OSError as error:
        raise SubmeterError(f"the flash {path} cannot be opened: {error.strerror}.") from error
    try:
        _lock(file, path)
        size = path.stat().st_size  # not before: whoever had the lock may have filled it
        _require_flash(path, size)
    except SubmeterError:
        file.close()
        raise
    if size == 0:
        make_blank(file, flash_plan.BLOCKS)
    return file


def _require_flash(path: Path, size: int) -> None:
    if size not in (0, flash_plan.BLOCKS * BLOCK_BYTES):
        raise SubmeterError(f"{path} is not the flash of a submeter; name another --flash, or one that does not exist yet.")


def _lock(file: BinaryIO, path: Path) -> None:
    until = time.monotonic() + _LOCK_SECONDS_MAX
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise SubmeterError(f"another submeter runs on the flash {path}; stop it or name another --flash.") from None
            time.sleep(_LOOK_SECONDS)
        else:
            return
