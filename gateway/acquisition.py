"""All lines of a site in one thread with an event loop of its own: pages and figures never make a wire wait.

Builds masters, stations and owners from the site, and answers from other threads.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import partial
from math import inf
from typing import Any, TypeVar

from gateway.acquire.answer import Answer
from gateway.acquire.care import Care
from gateway.acquire.client import make_client
from gateway.acquire.framing import RtuFraming, Stray, TcpFraming
from gateway.acquire.line_log import LineLog
from gateway.acquire.master import Master
from gateway.acquire.owner import LineOwner
from gateway.acquire.poll import PollResult
from gateway.acquire.schedule import PERSON, Schedule
from gateway.acquire.station import StationSpec
from gateway.acquire.station_of import station_of
from gateway.acquire.wire import Wire, wire_of
from gateway.clock import Clock, ScaledLoop
from gateway.interfaces import Gaps, Memory
from gateway.site import LineTable, Site, counted_quantities
from gateway.status import Frame, LineStatus, MeterDetail, MeterStatus
from protocols.errors import NoAnswer
from protocols.meter import Meter
from protocols.pdu import Request
from protocols.reading import Event, Reading

log = logging.getLogger(__name__)
Result = TypeVar("Result")

# A person waits for "read now"; the slowest honest answer is a draining meter: 3.2 s and two time-outs.
READ_NOW_S_MAX = 15.0


# A fault of this program must not end the polling of a line until somebody restarts it.
RESTART_S = 5.0


def no_gaps(_meter: str, _now_ms: int) -> Sequence[tuple[int, int]]:
    return ()


async def _kept_running(owner: LineOwner) -> None:
    while True:
        try:
            await owner.run()
        except Exception:
            log.exception("the line %s stopped by a fault of this program; it begins anew", owner.line.name)
            await asyncio.sleep(RESTART_S)


def station_specs(site: Site, models: Mapping[str, Meter], line: LineTable) -> list[StationSpec]:
    """The meters of a line in the order of the site file."""
    specs = []
    for table in site.meter:
        if table.line == line.name:
            meter = models[table.model]
            specs.append(StationSpec(table, line, meter, counted_quantities(table, frozenset(meter.quantities))))
    return specs


class Acquisition:
    """`start` once, `stop` once; everything else may be called from any thread in between."""

    def __init__(
        self,
        site: Site,
        models: Mapping[str, Meter],
        clock: Clock,
        deliver: Callable[[Reading], None],
        report: Callable[[Event], None],
        next_boundary_ms: Callable[[], Callable[[int], int]],
        boot: int,
        speed: float = 1.0,
        *,
        on_demand: bool = False,
        gaps: Gaps = no_gaps,
        memory: Memory | None = None,
    ) -> None:
        """`next_boundary_ms` makes one function per line: each keeps its own place in time. `on_demand` polls only what `read_now` asks."""
        self._site = site
        self._models = models
        self._clock = clock
        self._deliver = deliver
        self._report = report
        self._next_boundary_ms = next_boundary_ms
        self._boot = boot
        self._loop = ScaledLoop(speed)
        self._on_demand = on_demand
        self._gaps = gaps
        self._memory = memory
        self._owners: list[LineOwner] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cares: list[Care] = []
        self._thread = threading.Thread(target=self._run, name="acquire", daemon=True)
        self._ready = threading.Event()

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._work())
        self._loop.close()

    async def _work(self) -> None:
        self._owners = [self._owner(line) for line in self._site.line]
        self._stopping = asyncio.Event()
        self._lending = {owner.line.name: asyncio.Lock() for owner in self._owners}
        self._tasks = {owner.line.name: self._kept(owner) for owner in self._owners}
        caring = [] if self._on_demand else [asyncio.create_task(care.run()) for care in self._cares]
        self._ready.set()
        await self._stopping.wait()
        tasks = [*self._tasks.values(), *caring]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @staticmethod
    def _kept(owner: LineOwner) -> asyncio.Task[None]:
        return asyncio.create_task(_kept_running(owner), name=f"line {owner.line.name}")

    def _owner(self, line: LineTable) -> LineOwner:
        stations = [station_of(spec, self._memory, self._clock.now_ms()) for spec in station_specs(self._site, self._models, line)]
        start = inf if self._on_demand else self._loop.time()
        schedule = Schedule(stations, float(self._site.poll.interval_s), self._next_boundary_ms(), start)
        line_log = LineLog(self._clock, self._report, self._boot)
        owners: list[LineOwner] = []

        def stray(frame: Stray) -> None:
            owners[0].stray(frame)

        master = Master(partial(make_client, line), stray)
        framing = TcpFraming if line.tcp else RtuFraming
        owners.append(LineOwner(line, stations, master, framing, schedule, self._clock, self._deliver, line_log, self._boot))
        self._cares.append(Care(owners[0], stations, self._clock, self._deliver, line_log, self._gaps))
        return owners[0]

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def lend(self, name: str, work: Callable[[Wire], Coroutine[Any, Any, Result]], wait_s: float) -> Result:
        """What `work` makes of the line's wire; polling of that line pauses meanwhile, and what was due then is read afterwards."""
        future = asyncio.run_coroutine_threadsafe(self._lent(name, work), self._loop)
        try:
            return future.result(wait_s)
        except FutureTimeoutError:
            future.cancel()
            raise

    async def _lent(self, name: str, work: Callable[[Wire], Coroutine[Any, Any, Result]]) -> Result:
        async with self._lending[name]:
            owner = next(owner for owner in self._owners if owner.line.name == name)
            self._tasks[name].cancel()
            await asyncio.gather(self._tasks[name], return_exceptions=True)
            wire = wire_of(owner.line)
            try:
                return await work(wire)
            finally:
                wire.close()
                if not self._stopping.is_set():
                    self._tasks[name] = self._kept(owner)

    def lent(self) -> str:
        """A line whose wire somebody has now; "" if there is none."""
        return next((name for name, lock in self._lending.items() if lock.locked()), "")

    def lines(self) -> Sequence[LineStatus]:
        interval_ms = self._site.poll.interval_s * 1000
        return [owner.status(self._loop.time(), interval_ms) for owner in self._owners]

    def meters(self) -> dict[str, MeterStatus]:
        return {status.name: status for owner in self._owners for status in owner.meters(self._loop.time())}

    def detail(self, name: str) -> MeterDetail:
        """The last exchanges of a meter on a line, dated by how long ago they were."""
        station = next(station for owner in self._owners for station in owner.stations if station.name == name)
        now_ms, now = self._clock.now_ms(), self._loop.time()
        frames = [Frame(now_ms - round((now - each.at) * 1000), each.sent, each.heard, each.outcome) for each in list(station.exchanges)]
        return MeterDetail(tuple(station.condition.turnaround.histogram()), tuple(reversed(frames)))

    def watch(self, names: set[str]) -> None:
        """Counters of these meters are in doubt: they are read at the power pace until it is decided."""
        for owner in self._owners:
            self._loop.call_soon_threadsafe(owner.watch, names)

    def read_now(self, name: str) -> PollResult:
        """All that a meter says, now; it waits behind the request that is on the wire."""
        line = self._site.meter_named(name).line
        owner = next(owner for owner in self._owners if owner.line.name == line)
        future = asyncio.run_coroutine_threadsafe(owner.read_now(name), self._loop)
        try:
            return future.result(READ_NOW_S_MAX)
        except FutureTimeoutError:
            future.cancel()
            return PollResult(name, ok=False, reason="no_answer", instant=self._clock.instant(), turnaround_ms=None, values={}, missing={})

    def exchange(
        self,
        line: str,
        address: int | str,
        request: Request,
        priority: int = PERSON,
        timeout_s: float | None = None,
        wait_s: float = READ_NOW_S_MAX,
    ) -> Answer:
        """Any request through the queue of that line; NoAnswer, LineNoise, MeterRefused or WireClosed.

        `timeout_s` is how long the unit may take, `wait_s` how long the caller waits for its turn and the answer.
        """
        owner = next(owner for owner in self._owners if owner.line.name == line)
        future = asyncio.run_coroutine_threadsafe(owner.exchange(address, request, priority, timeout_s), self._loop)
        try:
            return future.result(wait_s)
        except FutureTimeoutError:
            future.cancel()
            raise NoAnswer(f"its turn on the line {line} did not come within {wait_s:g} s") from None
