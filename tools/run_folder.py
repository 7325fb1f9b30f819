"""A folder for one run of a simulated board, which goes away with it; what a run left behind that was killed goes with the next one.

A run is alive as long as it holds the lock of its folder: processes have other numbers elsewhere, and numbers come again.
"""

import fcntl
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "shiftwatt-submeter-"
_LOCK = "lock"
_YOUNG_S = 60  # between making a folder and locking it


@contextmanager
def run_folder() -> Iterator[Path]:
    _sweep(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name, Path(name, _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Path(name)


def _sweep(room: Path) -> None:
    for folder in room.glob(PREFIX + "*/"):
        try:
            if time.time() - folder.stat().st_mtime < _YOUNG_S:
                continue
            with Path(folder, _LOCK).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # alive, of somebody else, or no folder of ours
            continue
        shutil.rmtree(folder, ignore_errors=True)
