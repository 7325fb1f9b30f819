"""Folders of runs of a simulated board: gone with the run, or with the next one."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import run_folder
from tools.run_folder import PREFIX
from tools.submeter import _farewell

LONG_AGO = (1, 1)


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_goes_with_its_run(room: Path) -> None:
    """Whatever was put into it."""
    with run_folder.run_folder() as folder:
        (folder / "board").mkdir()

    assert list(room.iterdir()) == []


def test_what_a_killed_run_left_goes_with_the_next(room: Path) -> None:
    """A real process, killed hard; its folder is no longer locked."""
    script = "import os\nfrom tools.run_folder import run_folder\n"
    script += "with run_folder() as folder:\n    print(folder, flush=True)\n    os.kill(os.getpid(), 9)"
    ran = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"TMPDIR": str(room)}, capture_output=True, text=True, check=False
    )
    left = Path(ran.stdout.strip())
    assert left.is_dir()
    os.utime(left, LONG_AGO)

    with run_folder.run_folder():
        assert not left.exists()


def test_a_living_run_and_strangers_are_left_alone(room: Path) -> None:
    """Locked, without a lock of ours, or just made."""
    living, stranger, young = (room / f"{PREFIX}{name}" for name in ("living", "stranger", "young"))
    for folder in (living, stranger, young):
        folder.mkdir()
    (young / "lock").touch()
    with (living / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for folder in (living, stranger):
            os.utime(folder, LONG_AGO)
        with run_folder.run_folder():
            assert {living, stranger, young} <= set(room.iterdir())


def test_what_the_firmware_said_is_kept_only_where_it_was_asked_for(room: Path) -> None:
    """The sentence has its last words either way; a second end is added."""
    kept = room / "said.log"

    said = [_farewell(1, ["Traceback", "MemoryError: 3", ""], path) for path in (None, kept, kept, room / "none" / "said.log")]

    assert [path.name for path in room.iterdir()] == ["said.log"]
    assert kept.read_text(encoding="utf-8").count("MemoryError") == 2
    assert all("MemoryError: 3." in sentence for sentence in said)
    assert ["--log FILE" in said[0], str(kept) in said[1], "could not be kept" in said[3]] == [True, True, True]
