"""One question at a time on a wire, and everything that is heard after it: whole frames of anybody, noise, echo.

A channel knows how a language frames its bytes and keeps the silences; whom to ask what, and what answers
mean, is not known here. Unlike the line owner it takes an answer of any address for what it is: news of a meter.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from gateway.acquire.wire import Settings, Wire
from protocols import dlt645
from protocols.errors import LineNoise, NoAnswer, WrongAnswer
from protocols.frame import ECHO, GHOSTS_MAX, NEED_DATA, RtuFrame, RtuReplyReader, Signal, TcpFrame, TcpReader, rtu_frame, t35_us, tcp_frame
from protocols.pdu import (
    GATEWAY_REFUSALS,
    REFUSED,
    ReadRequest,
    Request,
    WriteRegister,
    WriteRegisters,
    encode_request,
    function_of,
    reply_words,
)

# USB adapters hand bytes over every 16 ms: a pause shorter than this is no end of what is being said.
PIECE_GAP_S = 0.02
# The standard's characters have 11 bits, and meters keep its silences even where they send 10.
_TRANSACTIONS = 0x10000


class Heard(NamedTuple):
    """`frames` are (address, PDU) in their order; `noise` are bytes of no frame; `took_s` until the first byte."""

    frames: tuple[tuple[int, bytes], ...] = ()
    noise: int = 0
    echo: bool = False
    took_s: float = 0.0

    @property
    def anything(self) -> bool:
        return bool(self.frames or self.noise)

    @property
    def damaged(self) -> bool:
        """More bytes of no frame than a change of direction makes beside an answer."""
        return self.noise > (GHOSTS_MAX if self.frames else 0)

    def of(self, address: int) -> tuple[bytes, ...]:
        return tuple(pdu for each, pdu in self.frames if each == address)


class Channel(Protocol):
    async def ask(self, address: int, request: Request, wait_s: float, *, linger_s: float = 0.0) -> Heard:
        """Until the answer, and `linger_s` more, or until `wait_s` of silence after the request."""
        ...

    async def hear(self, wait_s: float) -> Heard:
        """What is said without being asked."""
        ...


async def read(channel: Channel, address: int, request: Request, wait_s: float, tries: int = 2) -> tuple[int, ...]:
    """The words of a read, () of a write; MeterRefused, NoAnswer or LineNoise. A write is sent once."""
    heard = Heard()
    for number in range(1 if isinstance(request, WriteRegister | WriteRegisters) else tries):
        if number:
            await channel.hear(wait_s)  # what is late must not pass for the answer to the next request
        heard = await channel.ask(address, request, wait_s)
        for pdu in heard.of(address):
            try:
                return reply_words(request, pdu)
            except WrongAnswer:
                continue
    if heard.noise:
        raise LineNoise("bytes that are no answer")
    raise NoAnswer("silence until the time-out")


class _Listener:
    """What every channel does: collect pieces until the answer is whole or silence says there is none."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.heard_at = 0.0

    async def listen(self, feed: Callable[[bytes], bool], sent_at: float, wait_s: float, linger_s: float) -> float:
        """`feed` says whether the answer is whole; returns when the first byte came, after `sent_at`."""
        now = asyncio.get_running_loop().time
        until = sent_at + wait_s
        first_at = 0.0
        while (left_s := until - now()) > 0:
            data = await self._wire.receive(left_s)
            if not data:
                continue
            self.heard_at = now()
            first_at = first_at or self.heard_at
            whole = feed(data)
            until = self.heard_at + linger_s if whole else max(until, self.heard_at + PIECE_GAP_S)
        return max(0.0, first_at - sent_at)

    async def keep_silence(self, silence_s: float) -> None:
        left_s = self.heard_at + silence_s - asyncio.get_running_loop().time()
        if left_s > 0:
            await asyncio.sleep(left_s)


class RtuChannel:
    def __init__(self, wire: Wire, settings: Settings) -> None:
        self._wire = wire
        self._settings = settings
        self._listener = _Listener(wire)
        self._silence_s = t35_us(settings.baud) / 1e6

    async def ask(self, address: int, request: Request, wait_s: float, *, linger_s: float = 0.0) -> Heard:
        await self._listener.keep_silence(self._silence_s)
        data = rtu_frame(address, encode_request(request))
        self._wire.send(data)
        sent_at = asyncio.get_running_loop().time() + self._settings.wire_s(len(data))
        return await self._collect(RtuReplyReader(address, request), (address, function_of(request)), sent_at, wait_s, linger_s)

    async def hear(self, wait_s: float) -> Heard:
        anybody = RtuReplyReader(0, ReadRequest(3, 0, 1))
        return await self._collect(anybody, (0, 0), asyncio.get_running_loop().time(), wait_s, wait_s)

    async def _collect(self, reader: RtuReplyReader, awaited: tuple[int, int], sent_at: float, wait_s: float, linger_s: float) -> Heard:
        frames: list[tuple[int, bytes]] = []
        echo = False

        def feed(data: bytes) -> bool:
            nonlocal echo
            reader.feed(data)
            for taken in _taken(reader.take):
                if isinstance(taken, RtuFrame):
                    frames.append((taken.address, taken.pdu))
                else:
                    echo |= taken is ECHO
            return any((address, pdu[0] & 0x7F) == awaited for address, pdu in frames)

        took_s = await self._listener.listen(feed, sent_at, wait_s, linger_s)
        return Heard(tuple(frames), reader.noise + reader.rest, echo, took_s)


def _taken(take: Callable[[], RtuFrame | Signal]) -> Iterator[RtuFrame | Signal]:
    while (found := take()) is not NEED_DATA:
        yield found


class TcpChannel:
    """Modbus TCP: nothing collides, and what carries an old transaction is a late answer of its unit."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._listener = _Listener(wire)
        self._reader = TcpReader()
        self._transaction = 0

    async def ask(self, address: int, request: Request, wait_s: float, *, linger_s: float = 0.0) -> Heard:
        self._transaction = (self._transaction + 1) % _TRANSACTIONS
        self._wire.send(tcp_frame(self._transaction, address, encode_request(request)))
        return await self._collect(wait_s, linger_s, self._transaction)

    async def hear(self, wait_s: float) -> Heard:
        return await self._collect(wait_s, wait_s, -1)

    async def _collect(self, wait_s: float, linger_s: float, transaction: int) -> Heard:
        frames: list[TcpFrame] = []
        noise = 0

        def feed(data: bytes) -> bool:
            nonlocal noise
            self._reader.feed(data)
            try:
                while isinstance(taken := self._reader.take(), TcpFrame):
                    frames.append(taken)
            except LineNoise:
                noise += len(data)
                self._reader = TcpReader()
            return any(frame.transaction == transaction for frame in frames)

        took_s = await self._listener.listen(feed, asyncio.get_running_loop().time(), wait_s, linger_s)
        spoken = tuple((frame.unit, frame.pdu) for frame in frames if not _is_nobody(frame.pdu))
        return Heard(spoken, noise, took_s=took_s)


def _is_nobody(pdu: bytes) -> bool:
    """A gateway's word that there is no such meter, or that it does not answer."""
    return len(pdu) == 2 and bool(pdu[0] & REFUSED) and pdu[1] in GATEWAY_REFUSALS


class DltHeard(NamedTuple):
    frames: tuple[dlt645.Frame, ...]
    noise: int
    took_s: float


class DltChannel:
    """DL/T 645 on a serial wire."""

    def __init__(self, wire: Wire, settings: Settings) -> None:
        self._wire = wire
        self._settings = settings
        self._listener = _Listener(wire)
        self._silence_s = t35_us(settings.baud) / 1e6

    async def ask(self, frame: dlt645.Frame, wait_s: float, *, linger_s: float = 0.0) -> DltHeard:
        await self._listener.keep_silence(self._silence_s)
        data = dlt645.encoded(frame)
        self._wire.send(data)
        sent_at = asyncio.get_running_loop().time() + self._settings.wire_s(len(data))
        reader = dlt645.FrameReader()
        frames: list[dlt645.Frame] = []

        def feed(heard: bytes) -> bool:
            reader.feed(heard)
            while isinstance(taken := reader.take(), dlt645.Frame):
                if taken.control & dlt645.ANSWER:  # else it is our own question, echoed
                    frames.append(taken)
            return bool(frames)

        took_s = await self._listener.listen(feed, sent_at, wait_s, linger_s)
        return DltHeard(tuple(frames), reader.noise + reader.rest, took_s)
