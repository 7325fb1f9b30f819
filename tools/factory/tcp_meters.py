"""Simulated meters behind one Modbus TCP address, told apart by unit id; connections stay open.

A real socket and an asyncio server, nothing else: what a unit answers is its station's matter. A reply held
back by a fault does not hold up the others, as with a gateway that serves several meters.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from protocols.errors import LineNoise
from protocols.frame import TcpFrame, TcpReader, tcp_frame
from protocols.pdu import REFUSED
from tools.factory.faults import AdapterUnplugged, DeadMeter, Fault
from tools.factory.pace import Pace
from tools.factory.station import Serve

_READ_BYTES = 4096
_NO_SUCH_UNIT = 0x0B  # exception "gateway target device failed to respond"
# A master that asks faster than it is answered is made to wait; the standard suggests up to 16 open transactions.
OPEN_TRANSACTIONS_MAX = 16
_log = logging.getLogger(__name__)


class Unit(NamedTuple):
    name: str
    serve: Serve
    faults: tuple[Fault, ...] = ()


class TcpMeters:
    """`port` 0 takes a free one; `address` says which after `start`."""

    def __init__(
        self,
        units: Mapping[int, Unit],
        *,
        random: Random,
        faults: Sequence[Fault] = (),
        pace: Pace | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._units = units
        self._random = random
        self._seed = random.getrandbits(60)
        self._faults = tuple(faults)
        self._pace = pace or Pace()
        self._wanted = (host, port)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> tuple[str, int]:
        assert self._server is not None, "the meters are not started"
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve_connection, *self._wanted)

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        replies: set[asyncio.Task[None]] = set()
        try:
            await self._converse(reader, writer, replies)
        except (LineNoise, ConnectionError) as error:
            _log.warning("a Modbus TCP master was cut off: %s", error)
        except asyncio.CancelledError:
            # The server stops; asyncio's stream code would report the cancellation as an error of its own.
            _log.debug("a connection ended with the server")
        finally:
            for reply in replies:
                reply.cancel()
            writer.close()
            self._connections.discard(task)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, replies: set[asyncio.Task[None]]) -> None:
        frames = TcpReader()
        while data := await reader.read(_READ_BYTES):
            frames.feed(data)
            while isinstance(frame := frames.take(), TcpFrame):
                if len(replies) >= OPEN_TRANSACTIONS_MAX:
                    await asyncio.wait(replies, return_when=asyncio.FIRST_COMPLETED)
                reply, wait_us = self._reply(frame)
                if wait_us == 0:
                    writer.write(reply)
                else:
                    task = asyncio.create_task(self._send_later(writer, reply, wait_us))
                    replies.add(task)
                    task.add_done_callback(replies.discard)
            await writer.drain()

    async def _send_later(self, writer: asyncio.StreamWriter, reply: bytes, wait_us: int) -> None:
        await asyncio.sleep(self._pace.real_seconds(wait_us))
        if not writer.is_closing():
            writer.write(reply)

    def _reply(self, frame: TcpFrame) -> tuple[bytes, int]:
        """Bytes and how long they are held back; no bytes for no answer."""
        now_us = self._pace.now_us()
        unit = self._units.get(frame.unit)
        if unit is None:
            return tcp_frame(frame.transaction, frame.unit, bytes((frame.pdu[0] | REFUSED, _NO_SUCH_UNIT))), 0
        faults = (*unit.faults, *self._faults)
        if any(fault.absent(now_us, self._seed ^ frame.unit) for fault in faults if isinstance(fault, DeadMeter | AdapterUnplugged)):
            return b"", 0
        pdu = unit.serve(frame.pdu, now_us) or b""
        transaction = frame.transaction
        for fault in faults:
            pdu = fault.changed(frame.pdu, pdu, self._random)
            transaction = fault.transaction(transaction, self._random)
        wait_us = sum(fault.delay_us(self._random) for fault in faults)
        return (tcp_frame(transaction, frame.unit, pdu), wait_us) if pdu else (b"", 0)
