"""The factory as a process of its own: `python -m tools.factory.process --folder DIR`.

Opens the ports, prints one JSON line that names them, does what the lines of its input say (`turn METER l1`,
`exchange METER`), and runs until SIGTERM, SIGINT or the end of its input.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from random import Random

from tools.board.wishes import SubmeterError
from tools.factory.equipment import RS485, TCP
from tools.factory.factory import SETTINGS, Factory, UnknownMeterError, opened_before
from tools.factory.faults import Fault, UnknownFaultError, parse_fault
from tools.factory.own_submeters import OwnSubmeters
from tools.factory.pace import Pace
from tools.factory.protocol_virtual import SCHEME
from tools.factory.pty_line import PtyLine
from tools.factory.tcp_meters import TcpMeters
from tools.factory.wire import Line

_FAILED, _WRONG_USE = 1, 2


def main() -> int:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    wishes = _arguments()
    try:
        asyncio.run(_run(wishes))
    except (UnknownFaultError, UnknownMeterError) as error:
        print(error, file=sys.stderr)
        return _WRONG_USE
    except SubmeterError as error:
        print(error, file=sys.stderr)
        return _FAILED
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.factory.process", description="The virtual three-shift factory.")
    parser.add_argument("--folder", type=Path, required=True, help="where the link to the RS-485 line is made")
    parser.add_argument("--start-ms", type=int, default=None, help="simulated Unix time at the beginning; default: now")
    parser.add_argument("--opened-ms", type=int, default=None, help="when the counters began; default: two weeks before the beginning")
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds per real second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tcp-port", type=int, default=0, help="port of the Modbus TCP meters; default: a free one")
    parser.add_argument("--own-submeters", action="store_true", help="ours are the real firmware on MicroPython")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=RATE@METER", help="without @METER: the whole RS-485 line")
    return parser.parse_args()


async def _run(wishes: argparse.Namespace) -> None:
    faults: defaultdict[str, list[Fault]] = defaultdict(list)
    for text in wishes.fault:
        meter, fault = parse_fault(text)
        faults[meter].append(fault)
    start_ms = time.time_ns() // 1_000_000 if wishes.start_ms is None else wishes.start_ms
    factory = Factory(wishes.seed, opened_before(start_ms) if wishes.opened_ms is None else wishes.opened_ms)
    folder = wishes.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        own = None
        if wishes.own_submeters:
            own = OwnSubmeters(factory, folder, start_ms, wishes.speed)
            stack.callback(own.stop)
            own.start()
        factory.warm_up(start_ms)
        line = factory.line(start_ms, faults, own.stations(faults) if own else {})
        await _serve(wishes, factory, line, faults, start_ms)


async def _serve(wishes: argparse.Namespace, factory: Factory, line: Line, faults: Mapping[str, list[Fault]], start_ms: int) -> None:
    pace = Pace(wishes.speed)
    tcp = TcpMeters(factory.units(start_ms, faults), random=Random(wishes.seed), pace=pace, port=wishes.tcp_port)
    await tcp.start()
    try:
        with PtyLine(line, wishes.folder.resolve() / RS485, pace) as rs485:
            host, port = tcp.address
            lines = {
                RS485: {"port": f"{SCHEME}{rs485.link}", "link": str(rs485.link), **SETTINGS._asdict()},
                TCP: {"tcp": f"{host}:{port}"},
            }
            print(json.dumps({"lines": lines, "start_ms": start_ms, "opened_ms": factory.opened_ms}), flush=True)
            await _until_told(partial(_obey, factory, lambda: start_ms + pace.now_us() // 1_000))
    finally:
        await tcp.stop()


def _obey(factory: Factory, now_ms: Callable[[], int], line: str) -> None:
    """`turn METER PHASE` turns a current transformer round, `exchange METER` puts in a new meter; what it did is printed."""
    try:
        match line.split():
            case ["turn", meter, ("l1" | "l2" | "l3") as phase]:
                factory.turn(meter, phase)
            case ["exchange", meter]:
                factory.exchange(meter, now_ms())
            case _:
                print(f"the factory understands `turn METER l1` and `exchange METER`, not {line!r}", file=sys.stderr, flush=True)
                return
    except UnknownMeterError as error:
        print(error, file=sys.stderr, flush=True)
        return
    print(json.dumps({"done": line}), flush=True)


async def _until_told(obey: Callable[[str], None]) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, told.set)

    def heard() -> None:
        said = os.read(sys.stdin.fileno(), 1024)
        for line in said.decode(errors="replace").splitlines():
            obey(line)
        if not said:
            loop.remove_reader(sys.stdin)
            told.set()

    try:
        loop.add_reader(sys.stdin, heard)
    except PermissionError:
        # /dev/null and plain files cannot be watched: then only a signal ends the process.
        logging.getLogger(__name__).info("the input cannot be watched; end the factory with SIGTERM")
    await told.wait()


if __name__ == "__main__":
    sys.exit(main())
