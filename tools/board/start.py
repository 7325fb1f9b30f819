"""Starts the real application on the simulated board: `micropython start.py CONFIGURATION`, as the child of `tools.submeter`.

The configuration is the board's own with what the bench adds under "bench". What the parent is told goes to standard output:
"ready", then "ended" with bytes in use. Standard input brings the wish to stop; where it ends, the power is gone.
Runs on MicroPython only.
"""
# The chip's modules are not those of the PC that the checker knows.
# mypy: ignore-errors
# ruff: noqa: PTH123, SIM115 - MicroPython has no pathlib, and what is opened here is open until the end of the process

import gc
import json
import select
import sys
import time

_HERE = __file__.rsplit("/", 1)[0]
sys.path[:] = [_HERE + "/built_in", _HERE + "/../..", ".frozen"]

# The board carries compiled modules. Here sources are compiled, which takes ten times their room for a moment:
# one after the other, those that others need first, so that no two are compiled at once.
for name in (
    "protocols.pdu",
    "protocols.frame",
    "protocols.responder",
    "firmware.register_map",
    "firmware.modbus_server",
    "firmware.rs485_port",
    "firmware.metrology.sampler",
    "firmware.metrology.quantities",
    "firmware.metrology.calibration_store",
    "firmware.front_ends.test_signal",
    "tools.board.flash",
    "firmware.counter_journal",
    "firmware.load_profile",
    "firmware.application",
    "firmware.tcp_port",
):
    __import__(name)
    gc.collect()


from firmware import board, main  # noqa: E402
from firmware.metrology import kernels  # noqa: E402
from tools.board import bench, world  # noqa: E402

_PAUSE_US = 500
_POWER_CUT = 9


def source(wished: dict, configuration: dict) -> tuple:
    if "samples" not in wished:
        found = board.front_end(configuration["front_end"])
    else:
        from tools.board import sample_file  # noqa: PLC0415 - costs memory only where it is used

        file = open(wished["samples"], "rb")
        recording = sample_file.SampleFile(file, wished["rate_hz"], wished["phases"], kernels)
        factory = sample_file.calibration(wished["phases"], wished["full_scale_mv"], wished["full_scale_ma"])
        found = (recording, factory, "i2s_adc")
    return (bench.Ended(found[0], wished["seconds"]), found[1], found[2]) if wished["seconds"] else found


def wire(wished: dict) -> None:
    world.speed = wished["speed"]
    world.pty = open(wished["pty"], "r+b")
    world.flash = open(wished["flash"], "r+b")
    world.watchdog = open(wished["watchdog"], "wb")
    world.blocks = wished["blocks"]
    world.rtc_path = wished["rtc"]
    world.after_watchdog = wished["after_watchdog"]


def obey(wishes: "select.poll", meter: "main.MainLoop") -> None:
    for _ in wishes.ipoll(0):
        if not sys.stdin.read(1):
            sys.exit(_POWER_CUT)
        meter.save()
        sys.exit(0)


def run(configuration: dict) -> None:
    wished = configuration["bench"]
    wire(wished)
    chosen = source(wished, configuration)
    meter = main.compose(configuration, bench.Pace(time, wished["speed"], wished["seconds"]), chosen)
    wishes = select.poll()
    wishes.register(sys.stdin, select.POLLIN)
    gc.collect()
    after_start = peak = gc.mem_alloc()
    print("ready")
    ended = not wished["seconds"]
    while True:
        meter.turn()
        obey(wishes, meter)
        if not ended:
            peak = max(peak, gc.mem_alloc())
            if chosen[0].ended:
                ended = True
                meter.save()
                gc.collect()
                print("ended", after_start, gc.mem_alloc(), peak, gc.mem_alloc() + gc.mem_free())
        time.sleep_us(_PAUSE_US)


with open(sys.argv[1]) as text:
    run(json.load(text))
