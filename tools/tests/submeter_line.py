"""Our own submeters' firmware as stations of a virtual line in simulated time, and a line owner that looks after them.

The firmware runs on this interpreter, with a load that never changes: then every counter is known at every instant.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import pairwise
from random import Random
from typing import Any, Self

from firmware.application import Application
from firmware.block_slot import BlockLog, BlockSlot
from firmware.carried import BYTES, Carried
from firmware.clock import MeterClock
from firmware.counter_journal import TEN_SECONDS, CounterJournal
from firmware.front_ends.test_signal import SyntheticSignal, Waveform, calibration
from firmware.key_lock import KeyLock
from firmware.load_profile import LoadProfile
from firmware.metrology import int32_model
from firmware.metrology.calibration_store import CalibrationStore
from firmware.metrology.energy import KINDS, Counters
from firmware.metrology.window import Window
from firmware.modbus_server import ModbusServer
from firmware.parts import Parts
from firmware.profile_window import ProfileWindow
from firmware.quality import Quality
from firmware.register_image import RegisterImage
from firmware.settings import Settings, SettingsStore
from firmware.tests.flash_bench import allowed, new_flash
from firmware.update import Update
from gateway import catalogue
from gateway.acquire.care import Care
from gateway.acquire.client import make_client
from gateway.acquire.framing import RtuFraming, Stray
from gateway.acquire.line_log import LineLog
from gateway.acquire.master import Master
from gateway.acquire.owner import LineOwner
from gateway.acquire.schedule import Schedule
from gateway.acquire.station import Station as Asked
from gateway.acquire.station import StationSpec
from gateway.clock import Instant
from gateway.site import LineTable, MeterTable
from gateway.status import ClockStatus
from protocols.frame import RtuFrame
from protocols.reading import Event, Reading
from tools.bench.journal_trial import RtcMemory
from tools.factory.memory_line import open_memory_line
from tools.factory.serial_settings import LineSettings
from tools.factory.simulated_loop import SimulatedLoop
from tools.factory.station import Station
from tools.factory.wire import Line

STARTED_MS = 1_800_000_750_000  # two minutes and a half before a quarter ends
WINDOW_US = 1_000_000
QUARTER_S = 900
COUNTED = ("active_energy_import", "active_energy_export")


def _window() -> Window:
    """A second of 230 V and 10 A."""
    signal = SyntheticSignal((Waveform(230_000, 10_000, 0, 0),), 50_000, int32_model)
    found = None
    for _ in range(100):
        found = signal.poll(20_000) or found
    assert found is not None
    return found._replace(window_us=WINDOW_US, missing_ms=0)


class FirmwareMeter:
    """Its energy after `t` seconds is that of a constant power; `deaf` hears nothing, as behind a broken wire."""

    def __init__(self, address: int, window: Window) -> None:
        flash = new_flash(100)
        self.image = RegisterImage()
        self.deaf = False
        self.served: list[bytes] = []
        self._window = window
        self._now_us = 0
        self._elapsed_us = 0
        self.clock = MeterClock(lambda: self._elapsed_us)
        self.signal = SyntheticSignal((Waveform(230_000, 10_000, 0, 0),), 50_000, int32_model)
        self.journal = CounterJournal(flash, 0, TEN_SECONDS, RtcMemory(), lambda: 77)
        profile = LoadProfile(flash, 16)
        slots = [BlockSlot(flash, block) for block in (92, 93, 94, 95)]
        store = CalibrationStore((slots[2], slots[3]), BlockLog(flash, (90, 91)).append, calibration(1))
        settings = SettingsStore((slots[0], slots[1]), Settings(b"", 1, 9600, 1, 1))
        self.counters = Counters(1, self.journal.saved[: 2 * KINDS])
        window_of = ProfileWindow(profile, self.image)
        carried = Carried(bytearray(BYTES), self.counters, None)
        update = Update(self.image, "bench", "0.1.0", b"", 9_000)
        parts = Parts(
            self.image,
            self.clock,
            self.signal,
            store,
            self.counters,
            self.journal,
            profile,
            window_of,
            Quality(),
            settings,
            carried,
            update,
        )
        self.image.put("counter_epoch", self.journal.epoch)
        self.image.put("boots", 1)
        self.application = Application(parts)
        self.server = ModbusServer(self.image, self.application, (b"Shiftwatt", b"x", b"1"), address, KeyLock(1, self), self)

    def ticks_ms(self) -> int:
        return self._now_us // 1000

    def ticks_diff(self, end: int, start: int) -> int:
        return end - start

    def serve(self, pdu: bytes, now_us: int) -> bytes | None:
        self.live(now_us)
        if self.deaf:
            return None
        self.served.append(pdu)
        return self.server.serve_rtu(RtuFrame(self.server.unit, pdu))[1:-2] or None

    def live(self, now_us: int) -> None:
        while (ends_us := (self._now_us // WINDOW_US + 1) * WINDOW_US) <= now_us:
            self._pass(ends_us - self._now_us)
            self.application.take(self._window)
            while self.application.proceed(allowed):
                pass
        self._pass(now_us - self._now_us)

    def _pass(self, microseconds: int) -> None:
        self._elapsed_us = microseconds
        self._now_us += microseconds
        self.clock.advance()


class SimulatedClock:
    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        self.known = True

    def now_ms(self) -> int:
        return STARTED_MS + self._loop.now_us // 1000

    def instant(self) -> Instant:
        return Instant(self._loop.now_us // 1000, self.now_ms() if self.known else None)

    def status(self) -> ClockStatus:
        return ClockStatus("set" if self.known else "unset", "")


class SubmeterLine:
    """`async with` runs owner and care on a line with `submeters` of ours and, if wished, one of somebody else's."""

    def __init__(self, loop: SimulatedLoop, submeters: int, *, foreign: bool = False) -> None:
        window = _window()
        self.clock = SimulatedClock(loop)
        self.readings: list[Reading] = []
        self.events: list[Event] = []
        self.meters = [FirmwareMeter(number, window) for number in range(1, submeters + 1)]
        table = LineTable(name="bus", port="/dev/none", baud=19_200)
        models = catalogue.meters()
        named = [(f"m{number}", number, models["shiftwatt-submeter"]) for number in range(1, submeters + 1)]
        wired = [Station(name, number, self.meters[number - 1].serve) for name, number, _ in named]
        self.foreign_heard: list[bytes] = []
        if foreign:
            named.append(("theirs", 100, models["eastron-sdm630"]))
            wired.append(Station("theirs", 100, self._foreign))
        self.line = Line(wired, LineSettings(19_200, "N", 1), random=Random(1))
        self.stations = [
            Asked(StationSpec(MeterTable(name=name, line="bus", address=number, model=model.name, role="load"), table, model, COUNTED))
            for name, number, model in named
        ]
        owners: list[LineOwner] = []

        def stray(frame: Stray) -> None:
            owners[0].stray(frame)

        async def connect(factory: Callable[[], Any]) -> Any:
            return await open_memory_line(self.line, factory)

        schedule = Schedule(self.stations, 10.0, lambda now_ms: now_ms // 900_000 * 900_000 + 900_000, loop.time())
        log = LineLog(self.clock, self.events.append, 7)
        master = Master(partial(make_client, table), stray, connect)
        self.owner = LineOwner(table, self.stations, master, RtuFraming, schedule, self.clock, self.readings.append, log, 7)
        owners.append(self.owner)
        self.care = Care(self.owner, self.stations, self.clock, self.readings.append, log, self._gaps)

    def _foreign(self, pdu: bytes, _now_us: int) -> bytes:
        self.foreign_heard.append(pdu)
        count = int.from_bytes(pdu[3:5], "big")
        return bytes((pdu[0], 2 * count)) + bytes(2 * count) if pdu[0] in (3, 4) else pdu[:5]

    def _gaps(self, name: str, now_ms: int) -> list[tuple[int, int]]:
        times = sorted(reading.time_ms for reading in self.of(name, "active_energy_import") if reading.time_ms is not None)
        ends = [*times, now_ms] if times else []
        return [(first, end) for first, end in pairwise(ends) if end - first > 1_350_000]

    def owner_now_us(self) -> int:
        return (self.clock.now_ms() - STARTED_MS) * 1000

    def of(self, name: str, quantity: str) -> list[Reading]:
        return [reading for reading in self.readings if reading.meter == name and quantity in reading.values]

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self.owner.run()), asyncio.create_task(self.care.run())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def lived(submeters: int, story: Callable[[SubmeterLine], Awaitable[None]], *, foreign: bool = False) -> SubmeterLine:
    """The line after the story; a task that died tells why."""
    loop = SimulatedLoop()

    async def work() -> SubmeterLine:
        bench = SubmeterLine(loop, submeters, foreign=foreign)
        async with bench:
            await story(bench)
            for task in bench._tasks:
                assert not task.done(), task.exception()
        return bench

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(work())
