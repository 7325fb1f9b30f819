"""One request at a time on one wire: the silences kept, the unit's condition told how it went.

Whether an answer can be an older one's is decided by `master` (does it fit?) and `condition` (what is still
unanswered?). What is asked when, and what becomes of the words, is not known here.
"""

import asyncio
from collections.abc import Sequence

from gateway.acquire.answer import Answer
from gateway.acquire.condition import LATE_S_MAX
from gateway.acquire.dlt_station import DltStation
from gateway.acquire.framing import Framing, Stray
from gateway.acquire.master import Master
from gateway.acquire.unit import Exchange, Unit
from gateway.site import LineTable
from protocols.errors import MeterRefused, ProtocolError
from protocols.frame import BROADCAST, t35_us
from protocols.pdu import GATEWAY_REFUSALS, Request

# After opening, somebody may still be talking: wait for this much silence, but not for ever (a babbling meter).
OPEN_SILENCE_S, OPEN_SILENCE_S_MAX = 0.3, 2.0
# A meter that babbles without a pause must not stop the line: after this long it is spoken over, and shows as noise.
SILENCE_S_MAX = 1.0
# After a broadcast nobody answers; the standard leaves the units 100 ms and more to obey before the next request.
BROADCAST_S = 0.1


class Conversation:
    def __init__(self, line: LineTable, units: Sequence[Unit], master: Master, framing: type[Framing]) -> None:
        self._line = line
        self._units: dict[int | str, Unit] = {unit.address: unit for unit in units}
        self._master = master
        self._framing = framing
        self._silence_s = 0.0 if line.tcp else t35_us(line.baud) / 1e6
        self._quiet_at = 0.0  # from when on the line may be spoken to
        self._spoken_to: int | str | None = None
        self._opened_at = 0.0

    async def open(self) -> None:
        """WireClosed if the port does not open; else returns when the line has fallen silent."""
        await self._master.open()
        for unit in self._units.values():
            unit.condition.reopened()
        loop = asyncio.get_running_loop()
        self._opened_at = opened = loop.time()
        while loop.time() < min(opened + OPEN_SILENCE_S_MAX, max(opened, self._master.heard_at) + OPEN_SILENCE_S):  # noqa: ASYNC110 - silence is no event
            await asyncio.sleep(OPEN_SILENCE_S / 10)

    def unit(self, address: int | str) -> Unit:
        """That of a meter of the line, or one of which nothing is known yet; what is learnt of it stays."""
        if address not in self._units:
            self._units[address] = Unit(self._line, address)
            # What others asked of it before we came has been answered, or will not be any more.
            self._units[address].condition.unknown_past = asyncio.get_running_loop().time() < self._opened_at + LATE_S_MAX
        return self._units[address]

    async def ask(self, unit: Unit, request: Request, timeout_s: float | None = None) -> Answer:
        """The answer, and never an older request's: where it could be, the unit is brought in step first.

        Its time is the unit's own share. What went wrong is noted in the unit's condition before it is raised.
        """
        if unit.in_doubt(request):
            try:
                await self._exchange(unit, unit.probe(), timeout_s)
            except MeterRefused as refusal:  # an answer as well, but for a gateway's
                if refusal.code in GATEWAY_REFUSALS:
                    raise
        return await self._exchange(unit, request, timeout_s)

    async def tell_all(self, request: Request) -> float:
        """A broadcast; the loop's time at which its last byte was on the wire."""
        await self._keep_silence(None)
        loop = asyncio.get_running_loop()
        self._master.broadcast(request, self._framing)
        everybody = self.unit(BROADCAST)
        ended = loop.time() + everybody.request_s(request)
        self._quiet_at = ended + max(BROADCAST_S, self._silence_s)
        return ended

    async def _exchange(self, unit: Unit, request: Request, timeout_s: float | None) -> Answer:
        loop = asyncio.get_running_loop()
        condition = unit.condition
        await self._keep_silence(unit)
        condition.asked()
        outcome = "line_closed"
        try:
            wait_s = unit.timeout_s(request) if timeout_s is None else timeout_s
            answer = await self._asked(unit, request, wait_s)
            outcome = ""
        except MeterRefused as refusal:
            outcome = refusal.reason
            condition.refused(request, refusal, loop.time())
            raise
        except ProtocolError as error:
            outcome = error.reason
            condition.failed(request, error, loop.time())
            raise
        finally:
            unit.exchanges.append(Exchange(loop.time(), self._master.sent, self._master.heard, outcome))
            self._quiet_at = max(loop.time(), self._master.heard_at) + self._silence_s
            if self._master.noise:
                self._look_for_late_heads(loop.time())
        turnaround_us = unit.turnaround_us(request, answer.took_us)
        condition.answered(request, turnaround_us)
        return answer._replace(took_us=turnaround_us)

    async def _asked(self, unit: Unit, request: Request, wait_s: float) -> Answer:
        if isinstance(unit, DltStation):
            question, fits = unit.question(request)
            return await self._master.ask_dlt(question, fits, wait_s)
        assert isinstance(unit.address, int), "other addresses than numbers are those of DLT 645 meters"
        return await self._master.exchange(unit.address, request, self._framing, wait_s)

    def _look_for_late_heads(self, now: float) -> None:
        """A late answer that ran into another one is not heard whole; its head may be."""
        for unit in self._units.values():
            missing, address = unit.condition.missing, unit.address
            if missing is not None and isinstance(address, int) and self._master.heard_head_of(address, missing):
                unit.condition.perhaps_spoken(now)

    async def _keep_silence(self, unit: Unit | None) -> None:
        """t3.5 after the last byte heard, and what the meter's file asks for."""
        gap_s = 0.0
        if unit is not None:
            gap_s = unit.limits.gap_ms / 1000
            if self._spoken_to not in (None, unit.address):
                gap_s = max(gap_s, unit.limits.change_gap_ms / 1000)
            self._spoken_to = unit.address
        loop = asyncio.get_running_loop()
        latest = max(loop.time(), self._quiet_at) + gap_s + SILENCE_S_MAX
        while (wait_s := min(latest, max(self._quiet_at, self._master.heard_at + self._silence_s) + gap_s) - loop.time()) > 0:  # noqa: ASYNC110 - silence is no event
            await asyncio.sleep(wait_s)

    def stray(self, frame: Stray) -> None:
        """A whole frame that nobody waits for: usually the late answer of the unit it names."""
        unit = self._units.get(frame.address)
        if unit is not None:
            unit.condition.late(frame.pdu, asyncio.get_running_loop().time())
