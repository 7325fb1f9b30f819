"""Simulated meters behind a real Modbus TCP socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
from pymodbus.client import AsyncModbusTcpClient

from protocols.frame import TcpFrame, TcpReader, tcp_frame
from protocols.pdu import ReadRequest, encode_request
from tools.factory.faults import DeadMeter, ExceptionSix, Fault, LateReply, LostReply, WrongTransaction
from tools.factory.pace import Pace
from tools.factory.tcp_meters import TcpMeters, Unit
from tools.tests.factory_bench import ladder, request

PATIENCE_S = 10.0
READ = encode_request(ReadRequest(4, 40, 3))
ANSWER = ladder(READ, 0)


@asynccontextmanager
async def serving(*faults: Fault, speed: float = 1.0) -> AsyncIterator[TcpMeters]:
    units = {1: Unit("healthy", ladder), 2: Unit("struck", ladder, faults)}
    meters = TcpMeters(units, random=Random(1), pace=Pace(speed))
    await meters.start()
    try:
        yield meters
    finally:
        await meters.stop()


class Master:
    """A bare socket: sees every frame as it comes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self._frames = TcpReader()

    def ask(self, transaction: int, unit: int) -> None:
        self.writer.write(tcp_frame(transaction, unit, READ))

    async def frame(self) -> TcpFrame:
        async with asyncio.timeout(PATIENCE_S):
            while not isinstance(frame := self._frames.take(), TcpFrame):
                data = await self._reader.read(1_000)
                assert data, "the connection was closed"
                self._frames.feed(data)
        return frame

    async def ended(self) -> bool:
        async with asyncio.timeout(PATIENCE_S):
            return await self._reader.read(1_000) == b""


@asynccontextmanager
async def connected(meters: TcpMeters) -> AsyncIterator[Master]:
    reader, writer = await asyncio.open_connection(*meters.address)
    try:
        yield Master(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_pymodbus_reads_units_over_one_connection() -> None:
    """Two units answer on the same connection, one request after the other."""
    async with serving() as meters:
        host, port = meters.address
        client = AsyncModbusTcpClient(host, port=port, timeout=PATIENCE_S)
        await client.connect()
        read = [(await client.read_input_registers(10 * unit, count=3, device_id=unit)).registers for unit in (1, 2, 1)]
        client.close()

    assert read == [[10, 11, 12], [20, 21, 22], [10, 11, 12]]


async def test_a_unit_that_is_not_there_is_refused_as_a_gateway_does() -> None:
    """Exception 0B: the gateway's target did not answer."""
    async with serving() as meters, connected(meters) as master:
        master.ask(7, 99)
        frame = await master.frame()

    assert frame == TcpFrame(7, 99, b"\x84\x0b")


async def test_pipelined_requests_are_all_answered() -> None:
    """Requests that arrive in one piece get their answers in order."""
    async with serving() as meters, connected(meters) as master:
        for number in range(40):
            master.ask(number, 1)
        frames = [await master.frame() for _ in range(40)]

    assert frames == [TcpFrame(number, 1, ANSWER) for number in range(40)]


async def test_a_late_reply_does_not_hold_up_the_others() -> None:
    """The healthy unit's answer overtakes; the late one still comes, with its own transaction id."""
    async with serving(LateReply(1.0, 10_000_000, 10_000_000), speed=20.0) as meters, connected(meters) as master:
        master.ask(1, 2)
        frames = []
        for transaction in (2, 3):
            master.ask(transaction, 1)
            frames.append(await master.frame())
        frames.append(await master.frame())

    assert frames == [TcpFrame(2, 1, ANSWER), TcpFrame(3, 1, ANSWER), TcpFrame(1, 2, ANSWER)]


@pytest.mark.parametrize("fault", [LostReply(), DeadMeter()])
async def test_a_silent_unit_stays_silent(fault: Fault) -> None:
    """Only the healthy unit's answer comes, and the connection stays."""
    async with serving(fault) as meters, connected(meters) as master:
        master.ask(1, 2)
        master.ask(2, 1)
        frame = await master.frame()

    assert frame == TcpFrame(2, 1, ANSWER)


async def test_a_wrong_transaction_id_is_sent() -> None:
    """The answer is right but for its id."""
    async with serving(WrongTransaction()) as meters, connected(meters) as master:
        master.ask(1, 2)
        frame = await master.frame()

    assert frame.transaction != 1
    assert frame.pdu == ANSWER


async def test_exception_6_comes_over_tcp_too() -> None:
    """PDU faults are the same on both kinds of line."""
    async with serving(ExceptionSix()) as meters, connected(meters) as master:
        master.ask(1, 2)
        frame = await master.frame()

    assert frame == TcpFrame(1, 2, b"\x84\x06")


async def test_a_stream_that_is_not_modbus_tcp_is_cut_off() -> None:
    """RTU frames sent to the TCP port end the connection; the next one is served."""
    async with serving() as meters:
        async with connected(meters) as master:
            master.writer.write(request(1, 40))
            cut_off = await master.ended()
        async with connected(meters) as master:
            master.ask(1, 1)
            frame = await master.frame()

    assert cut_off
    assert frame == TcpFrame(1, 1, ANSWER)


async def test_stopping_closes_open_connections() -> None:
    """A master that is still connected sees the end of the stream."""
    async with serving() as meters, connected(meters) as master:
        master.ask(1, 1)
        await master.frame()
        await meters.stop()

        assert await master.ended()
