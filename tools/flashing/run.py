"""Carries the steps out: one child process after the other, what it says shown as it comes, the first failure told in a sentence."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec

from tools.flashing.chips import Chip
from tools.flashing.compiled import FlashError
from tools.flashing.steps import Step

# MicroPython's own number for the form of compiled files, and for their native code; 1.23 to 1.29 read it.
_FILE_FORM = 6 | 3 << 8
_FORM_MASK = 0x3FF
# Writing 2 MiB at the slowest usual rate takes four minutes; a tool that is silent for so long hangs.
STEP_S_MAX = 600


def shown(step: Step) -> str:
    return shlex.join(step.words)


def program(name: str) -> list[str]:
    """The tool as it is installed here; FlashError if it is not."""
    path = shutil.which(name)
    if path is not None:
        return [path]
    if find_spec(name) is not None:
        return [sys.executable, "-m", name]
    raise FlashError(f'{name} is not installed here. Install it with `pip install "shiftwatt[flash]"`, or `pip install {name}`.')


def carry_out(steps: list[Step], chip: Chip, say: Callable[[str], None], sleep: Callable[[float], None]) -> None:
    for name in dict.fromkeys(step.words[0] for step in steps):
        program(name)
    for number, step in enumerate(steps, 1):
        say(f"{number}/{len(steps)} {step.what}")
        answer = _run(step)
        if step.asks:
            require(chip, answer)
        sleep(step.settle_s)


def require(chip: Chip, answer: str) -> None:
    """That the board is of the wished chip, and that its MicroPython reads what was compiled."""
    words = answer.split()
    if len(words) < 2 or not words[-1].isdecimal():
        raise FlashError(
            f"the board did not say what it is, but: {answer.strip() or 'nothing'}. Does MicroPython run on it? See --micropython."
        )
    found = words[-2].lower()
    if found != chip.name:
        raise FlashError(f"the board is an {found}, not an {chip.name}: nothing was copied. Name the right --chip, or another --port.")
    if int(words[-1]) & _FORM_MASK != _FILE_FORM:
        raise FlashError("MicroPython on the board is too old or too new for this firmware; install 1.29 with --micropython FILE.")


def _run(step: Step) -> str:
    words = [*program(step.words[0]), *step.words[1:]]
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=STEP_S_MAX, check=False)
    except subprocess.TimeoutExpired:
        raise FlashError(
            f"“{step.what}” did not come to an end within {STEP_S_MAX} s; unplug the board, plug it in again and retry."
        ) from None
    if done.returncode:
        last = [line for line in done.stdout.splitlines() if line.strip()][-5:]
        raise FlashError(
            f"“{step.what}” failed: {step.words[0]} ended with status {done.returncode}. It said: {' / '.join(last) or 'nothing'}. "
            "Is the board plugged in, and does no other program use its port?"
        )
    return done.stdout
