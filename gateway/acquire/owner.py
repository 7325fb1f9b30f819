"""The one task that owns a wire: everything that is ever sent on it goes through here.

It asks the schedule what is due, has it polled, lets persons and programmes ask in between, and opens the
port again when it was lost.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from functools import partial

from gateway.acquire.answer import Answer
from gateway.acquire.conversation import Conversation
from gateway.acquire.errands import Errand, Errands
from gateway.acquire.framing import Framing, Stray
from gateway.acquire.latch import Latch
from gateway.acquire.line_log import LineLog
from gateway.acquire.master import Master, WireClosed
from gateway.acquire.poll import Poll, PollResult, merged
from gateway.acquire.poller import Poller
from gateway.acquire.schedule import BULK, PERSON, ROUND, Job, Schedule
from gateway.acquire.station import Station, change_us
from gateway.acquire.wants import FACTS, POWER
from gateway.clock import Clock
from gateway.site import LineTable
from gateway.status import LineStatus, MeterStatus, PollCounters
from protocols.errors import NoAnswer, OurMistake, ProtocolError
from protocols.frame import BROADCAST
from protocols.pdu import Request, encode_request
from protocols.plan import wire_us
from protocols.reading import Reading

log = logging.getLogger(__name__)

# An adapter that was pulled is back within seconds once it is plugged in again; asking more often helps nobody.
REOPEN_S_MIN, REOPEN_S_MAX = 1.0, 15.0
# Boundaries are wall time, which may be set at any moment: look at it at least this often.
LOOK_UP_S = 0.25
NOT_YET = "It has not been opened yet."
REST_S_MIN = 0.001  # a due time that lies a rounding error ahead must not make the loop spin

MakeRequest = Request | Callable[[], Request]


class LineOwner:
    def __init__(
        self,
        line: LineTable,
        stations: Sequence[Station],
        master: Master,
        framing: type[Framing],
        schedule: Schedule,
        clock: Clock,
        deliver: Callable[[Reading], None],
        line_log: LineLog,
        boot: int,
    ) -> None:
        self.line = line
        self._stations = stations
        self._master = master
        self._conversation = Conversation(line, stations, master, framing)
        self._latch = Latch(line, stations, self._conversation, clock)
        self._poller = Poller(self._conversation, self._latch, clock, deliver, line_log, boot)
        self._schedule = schedule
        self._clock = clock
        self._log = line_log
        self._sentence = NOT_YET
        self._told = self._sentence  # what the events say of the line so far
        self._reopen_s = REOPEN_S_MIN
        self._reading_now = [asyncio.Lock() for _ in stations]  # one person at a time asks one meter
        self._waiters: dict[int, asyncio.Future[PollResult]] = {}
        self._errands = Errands()
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                try:
                    await self._conversation.open()
                    self._sentence = ""
                    while True:
                        await self._step()
                except WireClosed as closed:
                    self._closed(closed)
                    await self._rest(self._reopen_s)
                    self._reopen_s = min(2 * self._reopen_s, REOPEN_S_MAX)
        finally:
            self._master.close()

    def _works(self) -> None:
        """A request went out and nothing said that the wire is gone. Opening alone proves little: some gateways accept and hang up."""
        self._reopen_s = REOPEN_S_MIN
        if self._told:
            self._told = ""
            self._log.tell("line_open", self.line.name, f"The line {self.line.name} ({self.line.target}) is open.")

    def _closed(self, closed: WireClosed) -> None:
        self._master.close()
        sentence = f"The line {self.line.name} ({self.line.target}) is not there: {closed}. It is tried again every few seconds."
        if self._told != sentence:
            log.warning(sentence)
            self._log.tell("line_closed", self.line.name, sentence)
        self._told = self._sentence = sentence
        self._errands.give_up(closed)
        for index, waiter in self._waiters.items():
            if not waiter.done():
                waiter.set_result(self._nothing(index, "line_closed"))

    def _nothing(self, index: int, reason: str) -> PollResult:
        return PollResult(self._stations[index].name, False, reason, self._clock.instant(), None, {}, {})  # noqa: FBT003 - the field `ok`

    async def _step(self) -> None:
        """The most urgent job or errand, or a short rest."""
        loop = asyncio.get_running_loop()
        if self._schedule.notice(self._clock.now_ms()):
            self._latch.spoil()
        job = self._schedule.next(loop.time())
        errand = self._errands.take(loop.time(), None if job is None else job.priority)
        if errand is not None:
            await self._run_errand(errand)
            return
        if job is not None:
            await self._perform(job)
            return
        if not self._master.is_open:
            raise WireClosed("the connection was lost")
        self._log.rested()
        wake_at = min(self._schedule.wake_at(loop.time()), self._errands.wake_at())
        await self._rest(min(max(wake_at - loop.time(), REST_S_MIN), LOOK_UP_S))

    async def _rest(self, seconds: float) -> None:
        """Shorter if a person asks or a meter speaks."""
        self._wake.clear()
        # Not wait_for: that of Python 3.11 forgets a cancellation in the moment in which what it waits for happens.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _perform(self, job: Job) -> None:
        loop = asyncio.get_running_loop()
        station = self._stations[job.station]
        started = loop.time()
        self._schedule.started(job, started)
        poll = Poll(station.name, job.pace, station.blocks(job.pace), station.refused(job.pace))
        try:
            await self._poller.poll(station, poll, keep=job.priority != PERSON)
        finally:
            self._log.worked(started, loop.time(), is_round=job.priority == ROUND)
        self._works()
        if poll.complete:
            self._schedule.done(job, loop.time())
        self._log.meter(station.name, station.spec.address, absent=station.condition.absent)
        if job.priority == PERSON:
            self._answer_person(job, poll)

    def stray(self, frame: Stray) -> None:
        """A whole frame that nobody waits for."""
        self._conversation.stray(frame)
        self._wake.set()

    def watch(self, names: set[str]) -> None:
        """Read the counters of these meters at the power pace; must be called in the owner's loop."""
        self._schedule.watch({index for index, station in enumerate(self._stations) if station.name in names})

    async def read_now(self, name: str) -> PollResult:
        """All that a meter says, ahead of everything else; must be called in the owner's loop."""
        index = next(index for index, station in enumerate(self._stations) if station.name == name)
        async with self._reading_now[index]:
            self._stations[index].condition.wake(asyncio.get_running_loop().time())
            results: list[PollResult] = []
            try:
                for _ in range(self._schedule.ask(index)):
                    self._waiters[index] = asyncio.get_running_loop().create_future()
                    self._wake.set()
                    results.append(await self._waiters[index])
                    if not results[-1].heard:
                        break
            finally:
                self._schedule.forget(index)
                self._waiters.pop(index, None)
        return merged(results) if results else self._nothing(index, "no_value")

    async def exchange(self, address: int | str, request: MakeRequest, priority: int = PERSON, timeout_s: float | None = None) -> Answer:
        """Any request to any address in its turn; must be called in the owner's loop.

        NoAnswer, LineNoise, MeterRefused or WireClosed as with a poll. Without `timeout_s` the unit gets what its
        meter file, or else the field, allows. A person's request goes ahead of every poll; BULK waits for a line at rest.
        A request that is a function is made when it is sent. Address 0 is everybody on a serial line; nobody answers that.
        """
        if self._sentence and self._sentence != NOT_YET:
            raise WireClosed(self._sentence)
        if address == BROADCAST and self.line.tcp:
            raise OurMistake("on Modbus TCP there is nobody to broadcast to")
        made = request if callable(request) else partial(_same, request)
        encode_request(made())  # OurMistake goes to who asked, not to the line
        unit = self._conversation.unit(address)
        now = asyncio.get_running_loop().time()
        if unit.condition.absent and priority == BULK:
            raise NoAnswer("it is absent")
        unit.condition.wake(now)
        errand = Errand(priority, unit, made, now, timeout_s)
        self._errands.add(errand)
        self._wake.set()
        return await errand.answer

    async def _run_errand(self, errand: Errand) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            if errand.unit.address == BROADCAST:
                await self._conversation.tell_all(errand.make())
                errand.end(Answer((), 0, b""))
            else:
                errand.end(await self._conversation.ask(errand.unit, errand.make(), errand.timeout_s))
        except ProtocolError as error:
            errand.end(error)
        except WireClosed as closed:
            errand.end(closed)
            raise
        finally:
            self._log.worked(started, loop.time(), is_round=False)
        self._works()

    def _answer_person(self, job: Job, poll: Poll) -> None:
        """One poll answers one wait; reading the ratios first is no answer unless it fails."""
        waiter = self._waiters.get(job.station)
        if waiter is not None and not waiter.done() and (job.pace != FACTS or poll.failure is not None):
            waiter.set_result(poll.result(self._clock.instant()))

    def status(self, now: float, interval_ms: int) -> LineStatus:
        """`now` is the loop's time; callable from any thread."""
        least_us = sum(wire_us(block, station.costs) for station in self._stations for block in station.blocks(POWER))
        least_us += sum(change_us(station, self._stations) for station in self._stations)
        return LineStatus(
            name=self.line.name,
            kind=self.line.kind,
            target=self.line.target,
            state="closed" if self._sentence else "open",
            sentence=self._sentence,
            cycle_ms=None if self._log.cycle_s is None else self._log.cycle_s * 1000,
            least_cycle_ms=least_us / 1000,
            interval_ms=interval_ms,
            utilisation=self._log.utilisation(now),
            counters=_total([station.condition.counters for station in self._stations]),
        )

    @property
    def stations(self) -> Sequence[Station]:
        return self._stations

    def meters(self, now: float) -> list[MeterStatus]:
        return [station.status(station.condition.ready_at - now if station.condition.absent else None) for station in self._stations]


def _same(request: Request) -> Request:
    return request


def _total(counters: list[PollCounters]) -> PollCounters:
    return PollCounters(**{each.name: sum(getattr(counter, each.name) for counter in counters) for each in fields(PollCounters)})
