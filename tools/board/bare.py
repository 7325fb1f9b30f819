"""Starts an exported tree as a bare board would: `boot.py`, then `main.py`, from the folder it lies in, and nothing else at hand.

Words: the numbers of the pseudo-terminal's near end and of the pipe to which the watchdog is fed, and the file that stands
for the RTC's memory. There is no partition of ours, as with the MicroPython one can download. Runs on MicroPython only.
"""
# The chip's modules are not those of the PC that the checker knows.
# mypy: ignore-errors
# ruff: noqa: PTH123, SIM115, S102 - MicroPython has no pathlib; what is opened stays open; the port starts its files so, too

import sys

# The chip's own, before the path leads to a slot.
import esp32  # noqa: F401
import machine  # noqa: F401

from tools.board import world

world.pty = open(int(sys.argv[1]), "r+b")
world.watchdog = open(int(sys.argv[2]), "wb")
world.rtc_path = sys.argv[3]
sys.path[:] = [""]
for name in ("boot.py", "main.py"):
    with open(name) as file:
        exec(file.read(), {"__name__": "__main__"})
