"""The one task that owns a wire: everything that is ever sent on it goes through here.

It asks the schedule what is due, has it read through the conversation, turns answers into readings, and
opens the port again when it was lost.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import fields

from gateway.acquire.conversation import Conversation
from gateway.acquire.framing import Framing, Stray
from gateway.acquire.line_log import LineLog
from gateway.acquire.master import Master, WireClosed
from gateway.acquire.poll import Poll, PollResult, merged
from gateway.acquire.schedule import PERSON, ROUND, Job, Schedule
from gateway.acquire.station import Station
from gateway.acquire.wants import ENERGY, FACTS, POWER
from gateway.clock import Clock, Instant
from gateway.site import LineTable
from gateway.status import LineStatus, MeterStatus, PollCounters
from protocols.errors import MeterRefused, ProtocolError
from protocols.pdu import ILLEGAL_ADDRESS
from protocols.plan import Block, wire_us
from protocols.reading import Reading

log = logging.getLogger(__name__)

# An adapter that was pulled is back within seconds once it is plugged in again; asking more often helps nobody.
REOPEN_S_MIN, REOPEN_S_MAX = 1.0, 15.0
# Boundaries are wall time, which may be set at any moment: look at it at least this often.
LOOK_UP_S = 0.25
REST_S_MIN = 0.001  # a due time that lies a rounding error ahead must not make the loop spin


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
        self._schedule = schedule
        self._clock = clock
        self._deliver = deliver
        self._log = line_log
        self._boot = boot
        self._sentence = "It has not been opened yet."
        self._told = self._sentence  # what the events say of the line so far
        self._reopen_s = REOPEN_S_MIN
        self._reading_now = [asyncio.Lock() for _ in stations]  # one person at a time asks one meter
        self._waiters: dict[int, asyncio.Future[PollResult]] = {}
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
        for index, waiter in self._waiters.items():
            if not waiter.done():
                waiter.set_result(self._nothing(index, "line_closed"))

    def _nothing(self, index: int, reason: str) -> PollResult:
        return PollResult(self._stations[index].name, False, reason, self._clock.instant(), None, {}, {})  # noqa: FBT003 - the field `ok`

    async def _step(self) -> None:
        """The most urgent job, or a short rest."""
        loop = asyncio.get_running_loop()
        self._schedule.notice(self._clock.now_ms())
        job = self._schedule.next(loop.time())
        if job is not None:
            await self._perform(job)
            return
        if not self._master.is_open:
            raise WireClosed("the connection was lost")
        self._log.rested()
        await self._rest(min(max(self._schedule.wake_at(loop.time()) - loop.time(), REST_S_MIN), LOOK_UP_S))

    async def _rest(self, seconds: float) -> None:
        """Shorter if a person asks or a meter speaks."""
        self._wake.clear()
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

    async def _perform(self, job: Job) -> None:
        loop = asyncio.get_running_loop()
        station = self._stations[job.station]
        started = loop.time()
        self._schedule.started(job, started)
        poll = Poll(station.name, job.pace, station.blocks(job.pace), station.refused(job.pace))
        try:
            await self._poll(station, poll, keep=job.priority != PERSON)
        finally:
            self._log.worked(started, loop.time(), is_round=job.priority == ROUND)
        self._works()
        if poll.complete:
            self._schedule.done(job, loop.time())
        self._log.meter(station.name, station.spec.address, absent=station.condition.absent)
        if job.priority == PERSON:
            self._answer_person(job, poll)

    async def _poll(self, station: Station, poll: Poll, *, keep: bool) -> None:
        """All blocks of one pace; `keep` hands the readings on."""
        counters: list[Reading] = []
        for block in station.ordered(poll.pace):
            reading = await self._read(station, block, poll)
            if reading is not None:
                counters.append(reading)
            if poll.failure is not None:
                break
        instant = poll.instant or self._clock.instant()
        if poll.values:
            station.note(poll.values, instant.time_ms)
        if not keep:
            return
        if poll.pace == FACTS:
            self._hand_over(self._reading(station, instant, {}, self._lost_for_want_of_facts(station, poll), None))
            return
        if poll.pace == POWER:
            self._hand_over(self._reading(station, instant, poll.values, poll.missing, poll.turnaround_ms))
            return
        for reading in counters:
            self._hand_over(reading)
        told = {quantity for reading in counters for quantity in (*reading.values, *reading.missing)}
        self._hand_over(self._reading(station, instant, {}, {name: why for name, why in poll.missing.items() if name not in told}, None))

    def _lost_for_want_of_facts(self, station: Station, poll: Poll) -> dict[str, str]:
        """Without its ratios no counter of the meter has a value: that is no reading, with the reason why they were not had."""
        if poll.failure is None or not station.needs_facts:
            return {}
        return {row.quantity: poll.failure.reason for block in station.blocks(ENERGY) for row in block.rows}

    async def _read(self, station: Station, block: Block, poll: Poll) -> Reading | None:
        """One block into the poll; a block of counters is a reading of its own, with the instant of its own answer."""
        try:
            answer = await self._conversation.read(station, block)
        except MeterRefused as refusal:
            poll.was_refused(block, refusal)
            if refusal.code == ILLEGAL_ADDRESS:
                station.learn_refusal(block, refusal.reason, sure=not station.condition.in_doubt)
            return None
        except ProtocolError as error:
            poll.fail(error)
            return None
        instant = self._clock.instant()
        if poll.pace == FACTS:
            if station.learn_facts(block, answer.words):
                self._log.tell("ratio_changed", station.name, f"The CT or VT ratio set in {station.name} is another one than before.")
            return None
        values, missing = station.decoded(block, answer.words)
        poll.took(instant, values, missing, answer.took_us)
        return self._reading(station, instant, values, missing, poll.turnaround_ms) if poll.pace == ENERGY else None

    def stray(self, frame: Stray) -> None:
        """A whole frame that nobody waits for."""
        self._conversation.stray(frame)
        self._wake.set()

    def _reading(
        self, station: Station, instant: Instant, values: dict[str, int], missing: dict[str, str], turnaround_ms: int | None
    ) -> Reading:
        return Reading(station.name, self._boot, instant.monotonic_ms, instant.time_ms, values, missing, turnaround_ms)

    def _hand_over(self, reading: Reading) -> None:
        if reading.values or reading.missing:
            self._deliver(reading)

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
                    if not results[-1].ok:
                        break
            finally:
                self._schedule.forget(index)
                self._waiters.pop(index, None)
        return merged(results) if results else self._nothing(index, "no_value")

    def _answer_person(self, job: Job, poll: Poll) -> None:
        """One poll answers one wait; reading the ratios first is no answer unless it fails."""
        waiter = self._waiters.get(job.station)
        if waiter is not None and not waiter.done() and (job.pace != FACTS or poll.failure is not None):
            waiter.set_result(poll.result(self._clock.instant()))

    def status(self, now: float, interval_ms: int) -> LineStatus:
        """`now` is the loop's time; callable from any thread."""
        least_us = sum(wire_us(block, station.costs) for station in self._stations for block in station.blocks(POWER))
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

    def meters(self, now: float) -> list[MeterStatus]:
        return [station.status(station.condition.ready_at - now if station.condition.absent else None) for station in self._stations]


def _total(counters: list[PollCounters]) -> PollCounters:
    return PollCounters(**{each.name: sum(getattr(counter, each.name) for counter in counters) for each in fields(PollCounters)})
