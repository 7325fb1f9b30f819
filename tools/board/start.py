"""Starts the real application on the simulated board: `micropython -m tools.board.start CONFIGURATION`, as the child of `tools.submeter`.

Its working folder is the board's file system. The configuration is the board's own with what the bench adds under "bench".
What the parent is told goes to standard output: "ready" ("ready recovery" where no slot started), then "ended" with bytes in
use. Standard input brings the wish to stop; where it ends, the power is gone. Runs on MicroPython only.
"""
# The chip's modules are not those of the PC that the checker knows.
# mypy: ignore-errors
# ruff: noqa: PTH123, SIM115 - MicroPython has no pathlib, and what is opened here is open until the end of the process

import gc
import json
import select
import sys
import time

# The chip's own, before the path leads to a slot.
import esp32  # noqa: F401
import machine  # noqa: F401

from tools.board import world

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_PAUSE_US = 500
_POWER_CUT = 9


def wire(wished: dict) -> None:
    world.speed = wished["speed"]
    world.pty = open(wished["pty"], "r+b")
    world.flash = open(wished["flash"], "r+b")
    world.watchdog = open(wished["watchdog"], "wb")
    world.blocks = wished["blocks"]
    world.rtc_path = wished["rtc"]
    world.cause = wished["cause"]
    if "script" in wished:
        world.script = wished["script"]
        __import__("network")


def obey(wishes: "select.poll", save: "Callable[[], object]") -> None:
    for _ in wishes.ipoll(0):
        if not sys.stdin.read(1):
            sys.exit(_POWER_CUT)
        save()
        sys.exit(0)


def boot(wishes: "select.poll") -> None:
    """Does not come back where neither slot starts: in recovery mode there is no loop of the bench."""
    told = []

    def recover() -> None:
        if not told:
            told.append(1)
            print("ready recovery")
        obey(wishes, gc.collect)

    world.fed = recover
    with open("boot.py") as text:
        exec(text.read(), {"__name__": "__main__"})  # noqa: S102 - as the chip does with this file
    world.fed = None
    gc.collect()


def source(wished: dict, configuration: dict) -> tuple:
    from firmware import front_end_wiring  # noqa: PLC0415 - lies in the slot

    if "samples" not in wished:
        found = front_end_wiring.front_end(configuration["front_end"])
    else:
        from firmware.metrology import kernels  # noqa: PLC0415 - likewise
        from tools.board import sample_file  # noqa: PLC0415 - costs memory only where it is used

        file = open(wished["samples"], "rb")
        recording = sample_file.SampleFile(file, wished["rate_hz"], wished["phases"], kernels)
        factory = sample_file.calibration(wished["phases"], wished["full_scale_mv"], wished["full_scale_ma"])
        found = (recording, factory, "i2s_adc")
    if not wished["seconds"]:
        return found
    from tools.board import bench  # noqa: PLC0415 - likewise

    return bench.Ended(found[0], wished["seconds"]), found[1], found[2]


def clock(wished: dict) -> "Callable[[], int]":
    """The meter's time, and that of what is wired to it."""
    from firmware.clock import ElapsedTicks  # noqa: PLC0415 - lies in the slot

    if wished["speed"] == 1 and not wished["seconds"] and not world.script:
        elapsed = ElapsedTicks(time)
    else:
        from tools.board import bench  # noqa: PLC0415 - costs memory only where it is used

        elapsed = bench.Pace(time, wished["speed"], wished["seconds"])
        world.passed_us = lambda: elapsed.passed_us
    wires = world.wires
    if wires is None:
        return elapsed

    def with_wires() -> int:
        elapsed_us = elapsed()
        wires.pass_time(elapsed_us)
        return elapsed_us

    return with_wires


def cut_memory(piece_bytes: int) -> object:
    from tools.board.pieces import Pieces  # noqa: PLC0415 - costs memory only where it is used

    pieces = Pieces(piece_bytes)
    pieces.cut()
    if pieces.has_larger():
        raise AssertionError("the memory is not in pieces")
    return pieces


def run(path: str) -> None:
    with open(path) as text:
        configuration = json.load(text)
    wished = configuration["bench"]
    wishes = select.poll()
    wishes.register(sys.stdin, select.POLLIN)
    wire(wished)
    boot(wishes)
    from firmware import main  # noqa: PLC0415 - lies in the slot that was chosen

    if "devices" in wished:  # they know modules of ours
        from tools.board import devices  # noqa: PLC0415 - costs memory only where it is used

        world.wires = devices.make(*wished["devices"])
    chosen = source(wished, configuration)
    meter = main.compose(configuration, clock(wished), chosen)
    ended = not wished["seconds"]
    pieces = cut_memory(wished["piece_bytes"]) if wished["piece_bytes"] else None
    configuration = wished = None
    gc.collect()
    after_start = peak = gc.mem_alloc()
    print("ready")
    while True:
        meter.turn()
        if pieces:
            pieces.turn()
        obey(wishes, meter.save)
        if not ended:
            peak = max(peak, gc.mem_alloc())
            if chosen[0].ended:
                ended = True
                meter.save()
                gc.collect()
                print("ended", after_start, gc.mem_alloc(), peak, gc.mem_alloc() + gc.mem_free())
        time.sleep_us(_PAUSE_US)


run(sys.argv[1])
