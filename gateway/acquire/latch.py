"""Simultaneous readings of our own submeters: one broadcast freezes them all, then the copies are read one by one.

One latch serves every one of them once for each pace; the next round begins with a new one. What the copies
say, and what is done when a meter missed the broadcast, is the poller's matter.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from gateway.acquire.conversation import Conversation
from gateway.acquire.own import LATCH, LATCH_AGE, LATCH_VALUES_AGE, Own
from gateway.acquire.station import Station
from gateway.clock import Clock, Instant
from gateway.site import LineTable
from protocols.pdu import READ_HOLDING, WriteRegister
from protocols.plan import Block
from protocols.register import span

# With fewer there is nothing to be simultaneous with.
METERS_MIN = 2
# A round takes some seconds. Copies that are older are right, but their reading comes late: then rather a new latch.
LATCH_S_MAX = 5.0
_NUMBERS = 65_535  # 0 to 65534; the rest is "no value"
# How far the meter's own count of the time since the latch may be off: an erase of its flash, and rounding.
AGE_SLACK_MS = 1_000


class Frozen(NamedTuple):
    number: int
    instant: Instant
    at: float  # the loop's time


class Latch:
    def __init__(self, line: LineTable, stations: Sequence[Station], conversation: Conversation, clock: Clock) -> None:
        found = [station for station in stations if station.own is not None]
        self._address = found[0].own.fields[LATCH].address if found and found[0].own else 0
        possible = not line.tcp and len(found) >= METERS_MIN and all(harmless(station, self._address) for station in stations)
        self._served = {station.address for station in found} if possible else set()
        self._conversation = conversation
        self._clock = clock
        # So that copies of an earlier run of this program are not taken for those of now.
        self._number = clock.now_ms() // 1000 % _NUMBERS
        self._frozen: Frozen | None = None
        self._used: set[tuple[int | str, str]] = set()

    def serves(self, station: Station) -> bool:
        return station.address in self._served and not station.condition.absent

    def spoil(self) -> None:
        """What is read from now on shall be newer than what is frozen."""
        self._frozen = None

    async def frozen(self, station: Station, pace: str) -> Frozen:
        """The newest latch that has not served this meter at this pace yet; made now if there is none."""
        loop = asyncio.get_running_loop()
        key = (station.address, pace)
        if self._frozen is None or key in self._used or loop.time() - self._frozen.at > LATCH_S_MAX:
            self._number = (self._number + 1) % _NUMBERS
            ended = await self._conversation.tell_all(WriteRegister(self._address, self._number))
            self._frozen = Frozen(self._number, _later(self._clock.instant(), ended - loop.time()), ended)
            self._used.clear()
        self._used.add(key)
        return self._frozen


def copies_age_ms(own: Own, block: Block, words: Sequence[int], frozen: Frozen, now: float) -> int | None:
    """How old the values were at the latch; None if the copies are not those of `frozen`: the meter missed the broadcast."""
    number, values_ms, latch_ms = (own.number_in(name, block, words) for name in (LATCH, LATCH_VALUES_AGE, LATCH_AGE))
    if number != frozen.number or values_ms is None or latch_ms is None:
        return None
    return values_ms if abs(latch_ms - (now - frozen.at) * 1000) <= AGE_SLACK_MS else None


def harmless(station: Station, address: int) -> bool:
    """Whether a broadcast to that register can do nothing to the meter: ours obey, others must have nothing there that is known."""
    if station.own is not None:
        return True
    meter = station.spec.meter
    known = {place for row in (*meter.rows, *meter.ratios) if row.function == READ_HOLDING for place in range(*span(row))}
    if meter.settings is not None:
        known |= {place for each in meter.settings.registers for place in range(*span(each.row))}
        known |= {write.address + index for write in (*meter.settings.unlock, *meter.settings.save) for index in range(len(write.words))}
    return address not in known


def _later(instant: Instant, seconds: float) -> Instant:
    shift_ms = round(seconds * 1000)
    return Instant(instant.monotonic_ms + shift_ms, None if instant.time_ms is None else instant.time_ms + shift_ms)
