"""A wire in memory with small simulated meters on it, a loop that jumps over waiting, and what a line owner needs beside."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Any, Self

from gateway.acquire.client import make_client
from gateway.acquire.condition import Condition
from gateway.acquire.framing import RtuFraming, Stray
from gateway.acquire.line_log import LineLog
from gateway.acquire.master import Master
from gateway.acquire.owner import LineOwner
from gateway.acquire.schedule import Schedule
from gateway.acquire.station import Station, StationSpec
from gateway.acquire.turnaround import Turnaround
from gateway.clock import Instant
from gateway.site import LineTable, MeterTable
from gateway.status import ClockStatus, LineStatus, MeterStatus
from protocols.crc16 import crc16
from protocols.frame import rtu_frame
from protocols.meter import Meter, meter_from_document
from protocols.pdu import READ_HOLDING, ReadRequest
from protocols.reading import Event, Reading

LINE = LineTable(name="bus", port="/dev/none", baud=19_200)
ANSWER_S = 0.01  # request, turnaround and reply together: time on this wire is not counted by bytes
STARTED_MS = 1_800_000_000_000

ROWS = (
    {"quantity": "voltage_l1_n", "address": 0, "unit": "V", "scale": "0.001"},
    {"quantity": "current_l1", "address": 2, "unit": "A", "scale": "0.001"},
    {"quantity": "active_power", "address": 4, "unit": "W", "scale": "0.001"},
    {"quantity": "frequency", "address": 300, "unit": "Hz", "scale": "0.001"},
    {"quantity": "active_energy_import", "address": 100, "unit": "Wh", "scale": "0.001"},
    {"quantity": "active_energy_export", "address": 500, "unit": "Wh", "scale": "0.001"},
)
RATIO_ROWS = tuple({**row, "times": ["ct"]} if row["quantity"] == "current_l1" else row for row in ROWS)
CT = {"name": "ct", "address": 700, "type": "uint16"}


def meter_file(*rows: dict[str, Any], helpers: Iterable[dict[str, Any]] = (), **limits: int) -> Meter:
    document: dict[str, Any] = {
        "name": "made-up",
        "manufacturer": "none",
        "covers": ["none"],
        "proof": "unproven",
        "sources": [{"document": "made up for this test"}],
        "serial": {},
        "limits": {"registers_max": 60, "turnaround_ms": 5, "turnaround_slow_ms": 10, "timeout_ms_max": 150, **limits},
        "registers": {"function": READ_HOLDING, "type": "uint32", "rows": list(rows or ROWS)},
    }
    if helpers:
        document["registers"]["helpers"] = list(helpers)
    return meter_from_document(document, "made up")


def station(number: int = 1, meter: Meter | None = None, line: LineTable = LINE, counted: tuple[str, ...] = ()) -> Station:
    table = MeterTable(name=f"m{number}", line=line.name, address=number, model="made-up", role="load")
    return Station(StationSpec(table, line, meter or meter_file(), counted))


def in_step(found: Station) -> Station:
    """Nobody used the wire before."""
    found.condition.unknown_past = False
    return found


def condition(timeout_us_max: int = 1_000_000) -> Condition:
    return Condition(Turnaround(10_000, 20_000, timeout_us_max))


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise AssertionError("every task waits and no timer is set")
        if not ready:
            self.now += timeout or 0.0
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """Its clock jumps to the next timer."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run(work: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(work)


@dataclass
class SmallMeter:
    """Register n holds 1000 x n unless `words` says otherwise. The rest says how it misbehaves, request by request."""

    address: int = 1
    words: dict[int, int] = field(default_factory=dict)
    silent: bool = False
    delays_s: list[float] = field(default_factory=list)  # of the next answers, beyond the usual
    damaged: int = 0  # so many next answers are damaged
    refusals: list[int] = field(default_factory=list)  # exception codes of the next answers
    holes: frozenset[int] = frozenset()
    asked: list[ReadRequest] = field(default_factory=list)
    asked_at: list[float] = field(default_factory=list)

    def answer(self, request: ReadRequest) -> tuple[float, bytes]:
        self.asked.append(request)
        self.asked_at.append(asyncio.get_running_loop().time())
        delay_s = ANSWER_S + (self.delays_s.pop(0) if self.delays_s else 0.0)
        touched = range(request.address, request.address + request.count)
        code = self.refusals.pop(0) if self.refusals else 2 if self.holes.intersection(touched) else 0
        words = b"".join(self.words.get(each, 1_000 * each & 0xFFFF).to_bytes(2, "big") for each in touched)
        pdu = bytes((request.function | 0x80, code)) if code else bytes((request.function, 2 * request.count)) + words
        frame = rtu_frame(self.address, pdu)
        if self.damaged:
            self.damaged -= 1
            frame = bytes((frame[0] ^ 0xFF,)) + frame[1:]
        return delay_s, b"" if self.silent else frame


class MemoryWire(asyncio.Transport):
    """What is written is heard by the meters; what they say comes in the order of their delays. Can be cut."""

    def __init__(self, meters: Iterable[SmallMeter]) -> None:
        super().__init__()
        self._meters = {meter.address: meter for meter in meters}
        self._protocol: Any = None
        self._closing = False
        self.refuses = ""  # why it cannot be opened
        self.opened = 0
        self.written: list[bytes] = []
        self.written_at: list[float] = []

    async def connect(self, factory: Callable[[], asyncio.BaseProtocol]) -> tuple[Any, Any]:
        if self.refuses:
            raise OSError(self.refuses)
        self.opened += 1
        self._closing = False
        self._protocol = factory()
        self._protocol.connection_made(self)
        return self, self._protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        loop = asyncio.get_running_loop()
        frame = bytes(data)
        self.written.append(frame)
        self.written_at.append(loop.time())
        assert crc16(frame[:-2]) == int.from_bytes(frame[-2:], "little")
        request = ReadRequest(frame[1], int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big"))
        if frame[0] in self._meters:
            delay_s, reply = self._meters[frame[0]].answer(request)
            loop.call_later(delay_s, self.say, reply)

    def say(self, data: bytes) -> None:
        if data and not self._closing:
            self._protocol.data_received(data)

    def cut(self) -> None:
        """The adapter is pulled."""
        self._closing = True
        self._protocol.connection_lost(OSError("gone"))

    def close(self) -> None:
        self._closing = True

    def is_closing(self) -> bool:
        return self._closing


class LoopClock:
    """Wall time follows the loop's; `unset` is a Pi before NTP."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._started = loop.time()
        self.unset = False

    def now_ms(self) -> int:
        return STARTED_MS + self.instant().monotonic_ms

    def instant(self) -> Instant:
        monotonic_ms = round((self._loop.time() - self._started) * 1000)
        return Instant(monotonic_ms, None if self.unset else STARTED_MS + monotonic_ms)

    def status(self) -> ClockStatus:
        return ClockStatus("unset" if self.unset else "set", "")


class OwnerBench:
    """A line owner over a memory wire; `async with` runs it."""

    def __init__(
        self, *meters: SmallMeter, file: Meter | None = None, interval_s: float = 10.0, boundary_ms: int = 900_000, on_demand: bool = False
    ) -> None:
        loop = asyncio.get_running_loop()
        self.meters = meters
        self.wire = MemoryWire(meters)
        self.stations = [station(meter.address, file) for meter in meters]
        self.clock = LoopClock(loop)
        self.readings: list[Reading] = []
        self.events: list[Event] = []
        self.line: LineStatus  # at the end
        self.status: list[MeterStatus]
        start = inf if on_demand else loop.time()
        schedule = Schedule(self.stations, interval_s, lambda now_ms: now_ms // boundary_ms * boundary_ms + boundary_ms, start)
        master = Master(partial(make_client, LINE), self._stray, self.wire.connect)
        line_log = LineLog(self.clock, self.events.append, 7)
        self.owner = LineOwner(LINE, self.stations, master, RtuFraming, schedule, self.clock, self.readings.append, line_log, 7)

    def _stray(self, frame: Stray) -> None:
        self.owner.stray(frame)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.owner.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def of(self, quantity: str) -> list[Reading]:
        """The readings that hold it or say why not."""
        return [reading for reading in self.readings if quantity in reading.values or quantity in reading.missing]

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]
