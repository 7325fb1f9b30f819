"""How long a scan takes on the line, in its own time: `python -m tools.bench.scan_line`, one JSON line, status 1 if a bound fails.

An empty line at one setting, a line of four addresses with every trouble, and meters of every turnaround.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any, TypeVar

from gateway import catalogue
from gateway.acquire.channel import RtuChannel
from gateway.acquire.scan import Scan, scanned
from gateway.acquire.scan_plan import EVERYBODY
from gateway.acquire.sweep import Sweep
from gateway.acquire.wire import OpenedWire, Settings
from protocols import responder
from tools.factory.dlt645_meter import Dlt645Meter
from tools.factory.memory_line import open_memory_line
from tools.factory.serial_settings import LineSettings
from tools.factory.simulated_loop import SimulatedLoop
from tools.factory.station import Serve, Station
from tools.factory.virtual_meter import VirtualMeter
from tools.factory.wire import Line

EMPTY_S_MAX, LINE_S_MAX = 10.0, 60.0
# Every meter that gives four registers must be found, however late; one that refuses may hide behind our next request.
LATE_MS = (2, 400)
REFUSING_SHARE_MIN = 0.8
_VALUES = {"voltage_l1_n": 230_100, "frequency": 50_000}
Result = TypeVar("Result")


class _Stranger:
    def __init__(self, *, refuses: bool) -> None:
        self._refuses = refuses

    def read(self, function: int, address: int, length: int) -> list[int] | None:  # noqa: ARG002 - the responder's interface
        return None if self._refuses else [(address + index) & 0xFFFF for index in range(length)]

    def write(self, address: int, words: tuple[int, ...]) -> int:  # noqa: ARG002 - the responder's interface
        return 2


def _stranger(*, refuses: bool) -> Serve:
    registers = _Stranger(refuses=refuses)
    return lambda pdu, _now_us: responder.answer(pdu, registers)


def _known(model: str) -> Serve:
    meter = VirtualMeter(catalogue.model(model), lambda _time_ms: _VALUES)
    return lambda pdu, now_us: meter.serve(pdu, now_us // 1_000)


def _wire(stations: Sequence[Station], seed: int = 1) -> OpenedWire:
    line = Line(stations, LineSettings(), random=Random(seed))

    async def connect(settings: Settings, factory: Callable[[], asyncio.Protocol]) -> tuple[Any, Any]:
        return await open_memory_line(line, factory, LineSettings(*settings))

    return OpenedWire(connect)


def _simulated(main: Callable[[], Awaitable[Result]]) -> tuple[Result, float]:
    async def timed() -> tuple[Result, float]:
        began = asyncio.get_running_loop().time()
        return await main(), asyncio.get_running_loop().time() - began

    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(timed())


def swept(stations: Sequence[Station]) -> tuple[Sweep, float]:
    async def main() -> Sweep:
        wire = _wire(stations)
        await wire.open(Settings(9600, "N"))
        sweep = Sweep(RtuChannel(wire, Settings(9600, "N")))
        for address in EVERYBODY:
            await sweep.look(address)
        await sweep.finish()
        wire.close()
        return sweep

    return _simulated(main)


def line_of_four() -> tuple[float, list[str]]:
    stations = [
        Station("known", 77, _known("schneider-iem3155"), settings=LineSettings(19_200, "E")),
        Dlt645Meter("dlt", "000000190101", catalogue.model("dlt645-2007"), lambda _time_ms: _VALUES),
        Station("one of two", 5, _known("eastron-sdm630")),
        Station("other of two", 5, _stranger(refuses=False)),
        Station("unknown", 30, _stranger(refuses=False)),
    ]
    result = _simulated(lambda: scanned(Scan(_wire(stations), "bench", catalogue.meters())))[0]
    told = [f"{each.address} {each.settings} {each.model}" for each in result.found]
    return result.seconds, [*told, *(f"{trouble.address} {trouble.kind}" for trouble in result.trouble)]


def found_share(turnarounds_ms: Sequence[int], *, refuses: bool) -> float:
    found = 0
    for turnaround_ms in turnarounds_ms:
        sweep, _ = swept([Station("late", 100, _stranger(refuses=refuses), turnaround_us=(turnaround_ms * 1_000,) * 2)])
        found += 100 in sweep.proofs
    return found / len(turnarounds_ms)


def measured(turnarounds: int) -> dict[str, Any]:
    empty_s = swept([])[1]
    line_s, told = line_of_four()
    late = range(LATE_MS[0], LATE_MS[1], max(1, (LATE_MS[1] - LATE_MS[0]) // turnarounds))
    answering, refusing = found_share(late, refuses=False), found_share(late, refuses=True)
    complete = len(told) == 4
    return {
        "empty_s": round(empty_s, 2), "empty_s_max": EMPTY_S_MAX, "empty_ratio": round(empty_s / EMPTY_S_MAX, 3),
        "line_of_four_s": round(line_s, 1), "line_of_four_s_max": LINE_S_MAX, "line_of_four_ratio": round(line_s / LINE_S_MAX, 3),
        "line_of_four": told,
        "turnarounds": len(late), "answering_found": round(answering, 3), "refusing_found": round(refusing, 3),
        "holds": empty_s <= EMPTY_S_MAX and line_s <= LINE_S_MAX and complete and answering == 1 and refusing >= REFUSING_SHARE_MIN,
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.bench.scan_line")
    parser.add_argument("--turnarounds", type=int, default=100)
    figures = measured(parser.parse_args().turnarounds)
    print(json.dumps(figures))
    return 0 if figures["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
