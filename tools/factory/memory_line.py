"""A virtual line as an asyncio transport in the same process: the twin of a serial port for an event loop.

It moves bytes and time between loop and wire model, nothing else; with `SimulatedLoop` without waiting.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from serial import SerialException  # type: ignore[import-untyped]

from tools.factory.serial_settings import LineSettings
from tools.factory.wire import Line

_MICROSECONDS = 1_000_000
ProtocolType = TypeVar("ProtocolType", bound=asyncio.Protocol)


class MemoryLine(asyncio.Transport):
    """One opened port on `line`; line time is the loop's time, which begins at 0 on a `SimulatedLoop`."""

    def __init__(self, line: Line, protocol: asyncio.Protocol, settings: LineSettings, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__({"line": line})
        self._line = line
        self._protocol = protocol
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False
        self._reading = True
        self._unread: list[bytes] = []
        line.announce(settings)
        loop.call_soon(protocol.connection_made, self)
        loop.call_soon(self._set_timer)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._closing:
            self._line.master_sends(self._now_us(), bytes(data))
            self._set_timer()

    def close(self) -> None:
        self._end(None)

    def abort(self) -> None:
        self._end(None)

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        unread, self._unread = self._unread, []
        for data in unread:
            self._protocol.data_received(data)

    def get_write_buffer_size(self) -> int:
        return 0

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def get_protocol(self) -> asyncio.Protocol:
        return self._protocol

    def _now_us(self) -> int:
        return round(self._loop.time() * _MICROSECONDS)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_us = self._line.next_event_us()
        if due_us is not None and not self._closing:
            self._timer = self._loop.call_at(due_us / _MICROSECONDS, self._wake)

    def _wake(self) -> None:
        now_us = self._now_us()
        for _, data in self._line.advance(now_us):
            if self._closing:
                return
            if self._reading:
                self._protocol.data_received(data)
            else:
                self._unread.append(data)
        if not self._line.plugged_in(now_us):
            self._end(SerialException("the adapter was unplugged"))
            return
        self._set_timer()

    def _end(self, error: Exception | None) -> None:
        if self._closing:
            return
        self._closing = True
        self._set_timer()
        self._loop.call_soon(self._protocol.connection_lost, error)


async def open_memory_line(
    line: Line, protocol_factory: Callable[[], ProtocolType], settings: LineSettings | None = None
) -> tuple[MemoryLine, ProtocolType]:
    """Like `loop.create_connection`; SerialException while the adapter is unplugged. A line has one master: close before opening again."""
    loop = asyncio.get_running_loop()
    if not line.plugged_in(round(loop.time() * _MICROSECONDS)):
        raise SerialException("there is no such port: the adapter is unplugged")
    protocol = protocol_factory()
    transport = MemoryLine(line, protocol, settings or line.settings, loop)
    await asyncio.sleep(0)
    return transport, protocol
