"""Who owns a data folder: real locks, real processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.folder import FolderError, FolderLock, has_room, is_owned

HOLD = """
import sys, pathlib
from gateway.folder import FolderLock
held = FolderLock(pathlib.Path(sys.argv[1]))
print("held", flush=True)
input()
"""


def test_one_owner_at_a_time(tmp_path: Path) -> None:
    """A second one is told what to do; after the first has gone it gets the folder."""
    folder = tmp_path / "data"
    with FolderLock(folder):
        assert is_owned(folder)
        with pytest.raises(FolderError, match=r"another shiftwatt already works in .*data; stop it first"):
            FolderLock(folder)

    assert not is_owned(folder)
    FolderLock(folder).close()


def test_a_killed_owner_leaves_the_folder_free(tmp_path: Path) -> None:
    """The system lets go of the lock, however a process ends."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        owned = is_owned(tmp_path)
        holder = (tmp_path / "lock").read_text().strip()
        other.kill()

    assert owned
    assert holder == str(other.pid)
    assert not is_owned(tmp_path)


def test_nobody_owns_what_is_not_there(tmp_path: Path) -> None:
    """A folder that was never used is free."""
    assert not is_owned(tmp_path / "never")


def test_looking_takes_nothing(tmp_path: Path) -> None:
    """Many may look, and the folder can be owned after it."""
    with FolderLock(tmp_path):
        pass

    assert [is_owned(tmp_path) for _ in range(3)] == [False] * 3
    FolderLock(tmp_path).close()


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    """Here a file stands in its way."""
    (tmp_path / "data").write_text("")

    with pytest.raises(FolderError, match=r"data folder .* cannot be written"):
        FolderLock(tmp_path / "data" / "deeper")


def test_room_is_what_the_disk_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The least that a new store needs; a fuller disk than that cannot be had for a test."""
    monkeypatch.setattr("gateway.folder.ROOM_BYTES_MIN", 2**62)
    full = has_room(tmp_path)
    monkeypatch.setattr("gateway.folder.ROOM_BYTES_MIN", 1)

    assert (full, has_room(tmp_path)) == (False, True)
