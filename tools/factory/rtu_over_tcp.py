"""A virtual line behind a serial device server: RTU frames, unchanged, over a real TCP socket.

Like the boxes in the field it serves one master at a time and hangs up on a second one.
"""

import asyncio
import logging

from tools.factory.pace import Pace
from tools.factory.wire import Line

_READ_BYTES = 4096
_log = logging.getLogger(__name__)


class RtuOverTcp:
    """`port` 0 takes a free one; `address` says which after `start`."""

    def __init__(self, line: Line, *, pace: Pace | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        self.line = line
        self._pace = pace or Pace()
        self._wanted = (host, port)
        self._server: asyncio.Server | None = None
        self._master: asyncio.StreamWriter | None = None
        self._conversation: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def address(self) -> tuple[str, int]:
        assert self._server is not None, "the device server is not started"
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, *self._wanted)
        self._set_timer()

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        if self._conversation is not None:
            self._conversation.cancel()
            await asyncio.gather(self._conversation, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._master is not None:
            writer.close()
            return
        self._master, self._conversation = writer, asyncio.current_task()
        try:
            while data := await reader.read(_READ_BYTES):
                self.line.master_sends(self._pace.now_us(), data)
                self._set_timer()
        except ConnectionError as error:
            _log.warning("the master of an RTU over TCP line was cut off: %s", error)
        except asyncio.CancelledError:
            # The server stops; asyncio's stream code would report the cancellation as an error of its own.
            _log.debug("a connection ended with the server")
        finally:
            writer.close()
            self._master = self._conversation = None

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_us = self.line.next_event_us()
        if due_us is not None:
            wait_s = max(0.0, self._pace.real_seconds_until(due_us))
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._wake)

    def _wake(self) -> None:
        for _, data in self.line.advance(self._pace.now_us()):
            if self._master is not None:
                self._master.write(data)
        self._set_timer()
