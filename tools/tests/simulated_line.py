"""A virtual line in simulated time for whoever looks for meters: stations of real meter files, and a wire onto them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random
from typing import TypeVar

from gateway import catalogue
from gateway.acquire.scan import Scan, scanned
from gateway.acquire.scan_result import ScanResult
from gateway.acquire.wire import OpenedWire, Settings
from protocols import responder
from tools.factory.dlt645_meter import Dlt645Meter
from tools.factory.faults import Fault
from tools.factory.memory_line import open_memory_line
from tools.factory.serial_settings import LineSettings
from tools.factory.simulated_loop import SimulatedLoop
from tools.factory.station import Serve, Station
from tools.factory.virtual_meter import VirtualMeter
from tools.factory.wire import Line

Result = TypeVar("Result")
# What a running three-phase load shows; P = U x I x PF on every phase.
LOAD = {
    "voltage_l1_n": 230_100, "voltage_l2_n": 229_400, "voltage_l3_n": 231_200,
    "current_l1": 10_000, "current_l2": 9_000, "current_l3": 11_000,
    "active_power": 6_207_363, "active_power_l1": 2_070_900, "active_power_l2": 1_858_140, "active_power_l3": 2_288_880,
    "power_factor": 900, "power_factor_l1": 900, "power_factor_l2": 900, "power_factor_l3": 900,
    "frequency": 50_010, "active_energy_import": 1_234_567_000_000, "active_energy_export": 1_000_000,
}  # fmt: skip
LOAD["active_power"] = sum(LOAD[f"active_power_l{phase}"] for phase in (1, 2, 3))


FACTORY_DLT = LineSettings(2400, "E", 1)
PLAIN = LineSettings()


class Riddle:
    """A meter nobody knows: register n holds n."""

    def read(self, function: int, address: int, length: int) -> list[int]:
        return [(address + index) & 0xFFFF for index in range(length)]

    def write(self, address: int, words: tuple[int, ...]) -> int:
        return 2


class Refusing(Riddle):
    def read(self, function: int, address: int, length: int) -> list[int] | None:  # type: ignore[override]
        return None


def riddle(pdu: bytes, _now_us: int) -> bytes:
    return responder.answer(pdu, Riddle())


def refusing(pdu: bytes, _now_us: int) -> bytes:
    return responder.answer(pdu, Refusing())


def serve(model: str, values: Mapping[str, int] = LOAD) -> Serve:
    meter = VirtualMeter(catalogue.model(model), lambda _time_ms: values)
    return lambda pdu, now_us: meter.serve(pdu, now_us // 1_000)


def station(
    address: int,
    answers: Serve,
    *faults: Fault,
    settings: LineSettings | None = None,
    turnaround_ms: int = 8,
    checks_parity: bool = True,
) -> Station:
    turnaround_us = (turnaround_ms * 1_000, turnaround_ms * 1_000 + 500)
    name = f"{address} at {turnaround_ms} ms"
    return Station(name, address, answers, settings=settings, turnaround_us=turnaround_us, faults=faults, checks_parity=checks_parity)


def dlt645(number: str, settings: LineSettings | None = FACTORY_DLT, values: Mapping[str, int] = LOAD) -> Dlt645Meter:
    return Dlt645Meter(f"dlt {number}", number, catalogue.model("dlt645-2007"), lambda _time_ms: values, settings=settings)


def line(stations: Sequence[Station], settings: LineSettings = PLAIN, faults: Sequence[Fault] = (), seed: int = 1) -> Line:
    return Line(stations, settings, faults, random=Random(seed))


def wire_onto(found: Line) -> OpenedWire:
    async def connect(settings: Settings, factory: Callable[[], asyncio.Protocol]) -> tuple[object, object]:
        return await open_memory_line(found, factory, LineSettings(*settings))

    return OpenedWire(connect)


def simulate(main: Callable[[], Awaitable[Result]]) -> tuple[Result, float]:
    """The result and the simulated seconds it took."""

    async def timed() -> tuple[Result, float]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        result = await main()
        return result, loop.time() - began

    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(timed())


def scan(found: Line, **wishes: object) -> ScanResult:
    """The result of a scan of the line, in its own time."""

    async def main() -> ScanResult:
        return await scanned(Scan(wire_onto(found), "memory", catalogue.meters(), **wishes))  # type: ignore[arg-type]

    return simulate(main)[0]
