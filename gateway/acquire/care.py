"""What our own submeters of one line need beside polls: the time, a look at their quality, their load profile after a gap.

All of it goes through the owner's queue as BULK: it takes what the polls leave. How gaps are found in the store is not known here.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.acquire.line_log import LineLog
from gateway.acquire.master import WireClosed
from gateway.acquire.own import CLOCK, QUALITY, Own, words_of
from gateway.acquire.owner import LineOwner
from gateway.acquire.profile import Profile, readings_of, select, wanted_quarters
from gateway.acquire.schedule import BULK
from gateway.acquire.station import Station
from gateway.clock import Clock
from gateway.interfaces import Gaps
from gateway.status import SubmeterStatus
from protocols.errors import ProtocolError
from protocols.frame import BROADCAST
from protocols.pdu import WriteRegisters
from protocols.reading import Reading, iso

log = logging.getLogger(__name__)

LOOK_S = 1.0
# Epoch and starts of a meter are to be known with its next quarter of an hour; one request of 30 registers is nothing.
QUALITY_S = 900.0
# Who has just come back is looked at soon, but has a poll to answer first; so is who got the time, which its status shows then.
AGAIN_S = 10.0
CLOCK_S = 86_400.0
# Twice the longest answer (an erase of its flash): what is measured as a drift is not the line's delay.
DRIFT_MS_MAX = 500


@dataclass
class _Ward:
    """One submeter and when it is looked after next, in the loop's time."""

    station: Station
    own: Own
    due: float = 0.0
    clock_due: float = 0.0
    was_there: bool = False
    epoch: int | None = None
    boots: int | None = None
    unrecorded: set[int] = field(default_factory=set)  # quarters that the meter says it has not: at most its 82 days of them


class Care:
    def __init__(
        self, owner: LineOwner, stations: Sequence[Station], clock: Clock, deliver: Callable[[Reading], None], line_log: LineLog, gaps: Gaps
    ) -> None:
        self._owner = owner
        self._wards = [_Ward(station, station.own) for station in stations if station.own is not None]
        # A broadcast reaches the meters of others too, and who knows what they hold there.
        self._alone = len(self._wards) == len(stations) and not owner.line.tcp
        self._clock = clock
        self._deliver = deliver
        self._log = line_log
        self._gaps = gaps

    async def run(self) -> None:
        """Looks after its wards one after the other; ends only where there is none."""
        loop = asyncio.get_running_loop()
        while self._wards:
            await asyncio.sleep(LOOK_S)
            for ward in self._wards:
                is_there = ward.station.condition.state not in ("waiting", "absent")
                if is_there and not ward.was_there:
                    ward.due = min(ward.due, loop.time())
                ward.was_there = is_there
                if is_there and loop.time() >= ward.due:
                    ward.due = loop.time() + AGAIN_S
                    await self._visit(ward)

    async def _visit(self, ward: _Ward) -> None:
        loop = asyncio.get_running_loop()
        try:
            await self._look(ward)
            was_set = await self._keep_time(ward)
            await self._fill_gaps(ward)
        except (ProtocolError, WireClosed) as error:
            log.debug("%s could not be looked after now: %s", ward.station.name, error)
            return
        ward.due = loop.time() + (AGAIN_S if was_set else QUALITY_S)

    async def _look(self, ward: _Ward) -> None:
        request = ward.own.read(*QUALITY)
        answer = await self._owner.exchange(ward.station.address, request, BULK)
        found = {name: ward.own.number(name, request.address, answer.words) for name in QUALITY}
        epoch, boots = found["counter_epoch"], found["boots"]
        name = ward.station.name
        if None not in (ward.epoch, epoch) and epoch != ward.epoch:
            self._log.tell("epoch_changed", name, self._lost_continuity(name, found["uptime_s"]))
        if ward.boots is not None and boots is not None and boots != ward.boots:
            self._log.tell("meter_restarted", name, f"{name} has started {boots - ward.boots} times since it was looked at last.")
        ward.epoch, ward.boots = epoch, boots
        codes = ward.own.fields["clock_state"].codes
        state = found["clock_state"]
        ward.station.submeter = SubmeterStatus(
            coverage_hundredths_pct=found["coverage"],
            missing_ms=found["missing_ms"],
            clipped=found["clipped"],
            front_end_restarts=found["front_end_restarts"],
            counter_epoch=epoch,
            journal_age_ms=found["journal_age_ms"],
            boots=boots,
            uptime_s=found["uptime_s"],
            watchdog_resets=found["watchdog_resets"],
            frames_lost=found["frames_lost"],
            crc_errors=found["crc_errors"],
            clock_state=codes[state] if state is not None and state < len(codes) else "",
            time_ms=self._clock.instant().time_ms,
        )

    def _lost_continuity(self, name: str, uptime_s: int | None) -> str:
        """Counters begin a new epoch at a start only, so that is where a reset belongs."""
        lost, now_ms = f"{name} lost the continuity of its counters:", self._clock.instant().time_ms
        if now_ms is None or uptime_s is None:
            return f"{lost} they are counted anew. Declare a reset if energy jumps."
        started = iso((now_ms // 1000 - uptime_s) * 1000)
        return f"{lost} since {started} they are counted anew. If energy jumps there, declare a reset at that time."

    async def _keep_time(self, ward: _Ward) -> bool:
        """At the start, daily, and when it has drifted; only while our own clock is known. Whether it was set."""
        if self._clock.instant().time_ms is None:
            return False
        loop = asyncio.get_running_loop()
        if loop.time() < ward.clock_due and await self._drift_ms(ward) <= DRIFT_MS_MAX:
            return False
        if self._alone:
            await self._owner.exchange(BROADCAST, lambda: self._time(ward), BULK)
            for each in self._wards:
                each.clock_due = loop.time() + CLOCK_S
                each.due = min(each.due, loop.time() + AGAIN_S)
        else:
            await self._owner.exchange(ward.station.address, lambda: self._time(ward), BULK)
            ward.clock_due = loop.time() + CLOCK_S
        return True

    async def _drift_ms(self, ward: _Ward) -> int:
        request = ward.own.read(CLOCK)
        answer = await self._owner.exchange(ward.station.address, request, BULK)
        clock_ms = ward.own.number(CLOCK, request.address, answer.words)
        return DRIFT_MS_MAX + 1 if clock_ms is None else abs(clock_ms - self._clock.now_ms())

    def _time(self, ward: _Ward) -> WriteRegisters:
        """The time at which the meter has heard it to its end."""
        place = ward.own.fields[CLOCK]
        written = WriteRegisters(place.address, words_of(self._clock.now_ms(), place))
        after_ms = round(ward.station.request_s(written) * 1000)
        return written._replace(words=words_of(self._clock.now_ms() + after_ms, place))

    async def _fill_gaps(self, ward: _Ward) -> None:
        """The meter's quarters for the stretches without a stored counter: what was not read was measured all the same."""
        now_ms = self._clock.instant().time_ms
        if now_ms is None:
            return
        name = ward.station.name
        taken: list[Reading] = []
        wanted = wanted_quarters(self._gaps(name, now_ms), ward.unrecorded)
        while wanted:
            request = select(ward.own, wanted[0])
            answer = await self._owner.exchange(ward.station.address, request, BULK)
            window = Profile(ward.own, request.address, answer.words)
            if window.first != wanted[0] or not window.count:
                break  # another master selects in turn, or the quarter is still to come: both pass
            known = set(ward.station.spec.meter.quantities)
            fresh, lost = readings_of(window, name, ward.epoch, set(wanted), known)
            ward.unrecorded |= lost
            taken += fresh
            for reading in fresh:
                self._deliver(reading)
            wanted = [quarter for quarter in wanted if quarter >= window.first + window.count]
        if taken:
            self._log.tell(
                "profile_fetched",
                name,
                f"{len(taken)} quarters of an hour that were not read were fetched from the load profile of {name}.",
            )
