"""One request at a time on one wire: the silences kept, the meter's condition told how it went.

Whether an answer can be an older one's is decided by `master` (does it fit?) and `condition` (what is still
unanswered?). What is asked when, and what becomes of the words, is not known here.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from gateway.acquire.answer import Answer
from gateway.acquire.framing import Framing, Stray
from gateway.acquire.master import Master
from gateway.acquire.station import Station
from gateway.site import LineTable
from protocols.dlt645 import read_request, reply_words
from protocols.errors import MeterRefused, ProtocolError
from protocols.meter import DLT645
from protocols.pdu import ReadRequest
from protocols.plan import Block, t35_us

# After opening, somebody may still be talking: wait for this much silence, but not for ever (a babbling meter).
OPEN_SILENCE_S, OPEN_SILENCE_S_MAX = 0.3, 2.0
# A meter that babbles without a pause must not stop the line: after this long it is spoken over, and shows as noise.
SILENCE_S_MAX = 1.0


# The standard's silences count characters of 11 bits, and meters keep them so even where they send 10:
# a request after less runs into the answer before it, and the next meter hears neither.
CHARACTER_BITS = 11


class Conversation:
    def __init__(self, line: LineTable, stations: Sequence[Station], master: Master, framing: type[Framing]) -> None:
        self._stations = stations
        # DL/T 645 answers name what they answer: only Modbus has late answers to look for.
        self._modbus = tuple(station for station in stations if station.spec.meter.language != DLT645)
        self._by_address = {station.spec.address: station for station in self._modbus}
        self._master = master
        self._framing = framing
        self._silence_s = 0.0 if line.tcp else t35_us(line.baud, CHARACTER_BITS) / 1e6
        self._quiet_at = 0.0  # from when on the line may be spoken to
        self._spoken_to: int | str | None = None

    async def open(self) -> None:
        """WireClosed if the port does not open; else returns when the line has fallen silent."""
        await self._master.open()
        for station in self._stations:
            station.condition.reopened()
        loop = asyncio.get_running_loop()
        opened = loop.time()
        while loop.time() < min(opened + OPEN_SILENCE_S_MAX, max(opened, self._master.heard_at) + OPEN_SILENCE_S):  # noqa: ASYNC110 - silence is no event
            await asyncio.sleep(OPEN_SILENCE_S / 10)

    async def read(self, station: Station, block: Block) -> Answer:
        """A block's answer, and never an older request's: where it could be, the meter is brought in step first."""
        if station.in_doubt(block):
            with suppress(MeterRefused):  # an answer as well
                await self._exchange(station, station.probe())
        return await self._exchange(station, ReadRequest(block.function, block.address, block.count))

    async def _exchange(self, station: Station, request: ReadRequest) -> Answer:
        """The answer, its time being the meter's own share; what went wrong is noted in the meter's condition first."""
        loop = asyncio.get_running_loop()
        condition = station.condition
        await self._keep_silence(station)
        condition.asked()
        try:
            answer = await self._ask(station, request)
        except MeterRefused as refusal:
            condition.refused(request, refusal, loop.time())
            raise
        except ProtocolError as error:
            condition.failed(request, error, loop.time())
            raise
        finally:
            self._quiet_at = max(loop.time(), self._master.heard_at) + self._silence_s
            if self._master.noise:
                self._look_for_late_heads(loop.time())
        turnaround_us = station.turnaround_us(request, answer.took_us)
        condition.answered(request, turnaround_us)
        return answer._replace(took_us=turnaround_us)

    async def _ask(self, station: Station, request: ReadRequest) -> Answer:
        address, timeout_s = station.spec.address, station.timeout_s(request)
        if isinstance(address, int):
            return await self._master.exchange(address, request, self._framing, timeout_s)
        row = next(row for row in station.spec.meter.rows if row.address == request.address)
        return await self._master.ask_dlt(
            read_request(address, row.address), lambda frame: Answer(reply_words(address, row, frame), 0), timeout_s
        )

    def _look_for_late_heads(self, now: float) -> None:
        """A late answer that ran into another one is not heard whole; its head may be."""
        for station in self._modbus:
            missing = station.condition.missing
            address = station.spec.address
            if missing is not None and isinstance(address, int) and self._master.heard_head_of(address, missing):
                station.condition.perhaps_spoken(now)

    async def _keep_silence(self, station: Station) -> None:
        """t3.5 after the last byte heard, and what the meter's file asks for."""
        limits = station.spec.meter.limits
        gap_s = limits.gap_ms / 1000
        if self._spoken_to not in (None, station.spec.address):
            gap_s = max(gap_s, limits.change_gap_ms / 1000)
        self._spoken_to = station.spec.address
        loop = asyncio.get_running_loop()
        latest = max(loop.time(), self._quiet_at) + gap_s + SILENCE_S_MAX
        while (wait_s := min(latest, max(self._quiet_at, self._master.heard_at + self._silence_s) + gap_s) - loop.time()) > 0:  # noqa: ASYNC110 - silence is no event
            await asyncio.sleep(wait_s)

    def stray(self, frame: Stray) -> None:
        """A whole frame that nobody waits for: usually the late answer of the meter it names."""
        station = self._by_address.get(frame.address)
        if station is not None:
            station.condition.late(frame.pdu, asyncio.get_running_loop().time())
