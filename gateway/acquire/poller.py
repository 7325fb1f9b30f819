"""Polls one meter: reads the blocks of a pace through the conversation and turns the answers into readings.

When which meter is polled is the owner's matter.
"""

import asyncio
import logging
from collections.abc import Callable

from gateway.acquire.conversation import Conversation
from gateway.acquire.latch import Latch, copies_age_ms
from gateway.acquire.line_log import LineLog
from gateway.acquire.own import JOURNAL_AGE, LATCH
from gateway.acquire.poll import Poll
from gateway.acquire.station import Station
from gateway.acquire.wants import ENERGY, FACTS, POWER
from gateway.clock import Clock, Instant
from protocols.errors import MeterRefused, ProtocolError
from protocols.pdu import GATEWAY_REFUSALS, ILLEGAL_ADDRESS, ReadRequest
from protocols.plan import Block
from protocols.reading import Reading

log = logging.getLogger(__name__)


class Poller:
    def __init__(
        self, conversation: Conversation, latch: Latch, clock: Clock, deliver: Callable[[Reading], None], line_log: LineLog, boot: int
    ) -> None:
        self._conversation = conversation
        self._latch = latch
        self._clock = clock
        self._deliver = deliver
        self._log = line_log
        self._boot = boot

    async def poll(self, station: Station, poll: Poll, *, keep: bool) -> None:
        """All blocks of one pace; `keep` hands the readings on."""
        if keep and poll.pace != FACTS and self._latch.serves(station) and await self._poll_copies(station, poll):
            return
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
            self._hand_over(_earlier(reading, poll.age_ms))
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
            answer = await self._conversation.ask(station, ReadRequest(block.function, block.address, block.count))
        except MeterRefused as refusal:
            if refusal.code in GATEWAY_REFUSALS:
                poll.fail(refusal)
                return None
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
        if station.own is not None:
            poll.age_ms = max(poll.age_ms, station.own.number_in(JOURNAL_AGE, block, answer.words) or 0)
        values, missing = station.decoded(block, answer.words)
        poll.took(instant, values, missing, answer.took_us)
        return self._reading(station, instant, values, missing, poll.turnaround_ms) if poll.pace == ENERGY else None

    async def _poll_copies(self, station: Station, poll: Poll) -> bool:
        """What a latch froze, at the instant at which it was measured; False if the meter missed the latch."""
        frozen = await self._latch.frozen(station, poll.pace)
        values: dict[str, int] = {}
        missing: dict[str, str] = {}
        age_ms: int | None = None
        for block in station.copies(poll.pace):
            try:
                answer = await self._conversation.ask(station, ReadRequest(block.function, block.address, block.count))
            except MeterRefused:
                return False
            except ProtocolError as error:
                poll.fail(error)
                self._hand_over(self._reading(station, self._clock.instant(), {}, poll.missing, None))
                return True
            assert station.own is not None, "the latch serves no others"
            if block.address == station.own.fields[LATCH].address:
                age_ms = copies_age_ms(station.own, block, answer.words, frozen, asyncio.get_running_loop().time())
            found = station.decoded(block, answer.words)
            values |= found[0]
            missing |= found[1]
            poll.took(frozen.instant, *found, answer.took_us)
        if age_ms is None:
            log.info("%s missed the latch %d", station.name, frozen.number)
            poll.forget()
            return False
        reading = _earlier(self._reading(station, frozen.instant, values, missing, poll.turnaround_ms), age_ms)
        station.note(values, reading.time_ms)
        self._hand_over(reading)
        return True

    def _reading(
        self, station: Station, instant: Instant, values: dict[str, int], missing: dict[str, str], turnaround_ms: int | None
    ) -> Reading:
        return Reading(station.name, self._boot, instant.monotonic_ms, instant.time_ms, values, missing, turnaround_ms)

    def _hand_over(self, reading: Reading) -> None:
        if reading.values or reading.missing:
            self._deliver(reading)


def _earlier(reading: Reading, age_ms: int) -> Reading:
    """At the instant at which the meter measured it, not that at which it said so."""
    time_ms = None if reading.time_ms is None else reading.time_ms - age_ms
    return reading._replace(monotonic_ms=reading.monotonic_ms - age_ms, time_ms=time_ms)
