"""Compiled trees kept between runs, by what they were made from: compiling takes a second, reading a few milliseconds."""

import hashlib
import os
import tempfile
import threading
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

FOLDER = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shiftwatt"
_KEPT_MAX = 20  # trees of 70 KiB; the oldest goes
# Two submeters start at once: the second waits for what the first makes. CPython's `ast` does not bear two threads either.
_MAKING = threading.Lock()


def kept(made_from: tuple[str, ...], make: Callable[[], dict[str, bytes]], folder: Path = FOLDER) -> dict[str, bytes]:
    """What `make` gives, or gave before from the same. A folder that cannot be used costs time, nothing else."""
    path = folder / f"tree-{hashlib.sha256(chr(0).join(made_from).encode()).hexdigest()}.zip"
    with _MAKING:
        try:
            return _read(path)
        except (OSError, zipfile.BadZipFile):
            files = make()
        with suppress(OSError):  # no such right, no room
            _write(files, path)
    return files


def _read(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _write(files: dict[str, bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file, zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    Path(file.name).replace(path)
    for old in sorted(path.parent.glob("tree-*.zip"), key=lambda each: each.stat().st_mtime)[:-_KEPT_MAX]:
        old.unlink(missing_ok=True)
