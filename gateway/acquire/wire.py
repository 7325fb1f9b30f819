"""A wire as whoever looks for meters needs it: set it, send bytes, hear bytes until a deadline.

What the bytes mean is not known here. The line owner's `Master` is for polling and knows one setting only;
this one changes baud and parity. One at a time holds a port: it is opened for its holder alone.
"""

import asyncio
import termios
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from pymodbus.transport.serialtransport import create_serial_connection

from gateway.acquire.master import OPEN_S_MAX, WireClosed
from gateway.acquire.open_failure import why
from gateway.site import LineTable


class NotSettable(WireClosed):
    """The port is there, but has not this baud rate or parity: a pseudo-terminal knows no parity, some ports on boards neither."""


class Settings(NamedTuple):
    baud: int
    parity: str
    stop_bits: int = 1

    def __str__(self) -> str:
        return f"{self.baud} 8{self.parity}{self.stop_bits}"

    def wire_s(self, count: int) -> float:
        """How long `count` bytes take on the wire."""
        return count * (9 + (self.parity != "N") + self.stop_bits) / self.baud


# Given settings and protocol factory, opens the connection, as asyncio's create_connection does.
Connect = Callable[[Settings, Callable[[], asyncio.Protocol]], Awaitable[tuple[Any, Any]]]


class Wire(Protocol):
    async def open(self, settings: Settings) -> None:
        """From now on with these settings; NotSettable if it has not these, WireClosed with the reason if it cannot be had at all."""
        ...

    def send(self, data: bytes) -> None: ...

    async def receive(self, wait_s: float) -> bytes:
        """What was heard and not taken yet, or what comes first within `wait_s`; b"" for silence."""
        ...

    def close(self) -> None: ...


class _Ear(asyncio.Protocol):
    def __init__(self) -> None:
        self.heard = bytearray()
        self.woken = asyncio.Event()
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.heard += data
        self.woken.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.lost = True
        self.woken.set()


class OpenedWire:
    """A wire over whatever `connect` opens; must be used in one event loop."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._transport: Any = None
        self._ear = _Ear()

    async def open(self, settings: Settings) -> None:
        self.close()
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(OPEN_S_MAX):
                self._transport, self._ear = await self._connect(settings, _Ear)
        except TimeoutError:
            raise WireClosed(f"it did not open within {OPEN_S_MAX:g} s") from None
        except OSError as error:
            raise WireClosed(why(error)) from error
        except termios.error as error:
            raise NotSettable(f"it cannot be set to {settings} ({error.args[-1]})") from error

    def send(self, data: bytes) -> None:
        self._require_open()
        self._transport.write(data)

    async def receive(self, wait_s: float) -> bytes:
        if not self._ear.heard and wait_s > 0:
            self._ear.woken.clear()
            self._require_open()
            try:
                async with asyncio.timeout(wait_s):
                    await self._ear.woken.wait()
            except TimeoutError:
                return b""
        data = bytes(self._ear.heard)
        self._ear.heard.clear()
        if not data:
            self._require_open()
        return data

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def _require_open(self) -> None:
        if self._transport is None or self._ear.lost:
            raise WireClosed("the connection was lost; plug it in again, and start again")


def serial_wire(port: str) -> OpenedWire:
    """The serial port of that name, for us alone."""

    async def connect(settings: Settings, factory: Callable[[], asyncio.Protocol]) -> tuple[Any, Any]:
        return await create_serial_connection(
            asyncio.get_running_loop(),
            factory,
            port,
            baudrate=settings.baud,
            bytesize=8,
            parity=settings.parity,
            stopbits=settings.stop_bits,
            timeout=0,
        )

    return OpenedWire(connect)


def tcp_wire(target: str) -> OpenedWire:
    """`target` is HOST:PORT; settings mean nothing there."""
    host, _, port = target.rpartition(":")

    async def connect(_settings: Settings, factory: Callable[[], asyncio.Protocol]) -> tuple[Any, Any]:
        return await asyncio.get_running_loop().create_connection(factory, host, int(port))

    return OpenedWire(connect)


def wire_of(line: LineTable) -> OpenedWire:
    return serial_wire(line.port) if line.port else tcp_wire(line.target)
