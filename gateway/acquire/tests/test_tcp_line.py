"""Several units behind one Modbus TCP connection, over real sockets: late numbers dropped, slow units waited for alone."""

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from gateway.acquire.client import make_client
from gateway.acquire.framing import Framing, RtuFraming, Stray, TcpFraming
from gateway.acquire.line_log import LineLog
from gateway.acquire.master import Master
from gateway.acquire.owner import LineOwner
from gateway.acquire.schedule import PERSON, Schedule
from gateway.acquire.tests.fakes import LoopClock, meter_file, station
from gateway.site import LineTable
from protocols.errors import NoAnswer
from protocols.frame import TCP_HEADER, rtu_frame
from protocols.pdu import ReadRequest
from protocols.reading import Reading

REQUEST = ReadRequest(3, 10, 2)
Said = Callable[[int, int, int], list[tuple[float, int]]]  # transaction, unit, served -> (delay, transaction of the answer)


def answer(pdu: bytes, word: int) -> bytes:
    return bytes((pdu[0], 2 * pdu[4])) + word.to_bytes(2, "big") * pdu[4]


class Box(asyncio.Protocol):
    """A gateway box: answers as `said` wants; every word of an answer is the number of the request it answers."""

    def __init__(self, said: Said) -> None:
        self._said = said
        self._served = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        while data:
            end = 6 + int.from_bytes(data[4:6], "big")
            frame, data = data[:end], data[end:]
            self._served += 1
            transaction, unit, pdu = int.from_bytes(frame[:2], "big"), frame[6], frame[TCP_HEADER:]
            reply = answer(pdu, self._served)
            for delay_s, number in self._said(transaction, unit, self._served):
                packet = number.to_bytes(2, "big") + b"\0\0" + (len(reply) + 1).to_bytes(2, "big") + bytes((unit,)) + reply
                loop.call_later(delay_s, self._write, packet)

    def _write(self, packet: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(packet)


class RtuBox(Box):
    """The same speaking RTU over TCP, cut into single bytes."""

    def data_received(self, data: bytes) -> None:
        self._served += 1
        reply = rtu_frame(data[0], answer(data[1:-2], self._served))
        for delay_s, _ in self._said(0, data[0], self._served):
            asyncio.get_running_loop().call_later(delay_s, self._write, reply)


@asynccontextmanager
async def owned(box: Callable[[], Box], units: int, *, rtu: bool = False, interval_s: float = 0.2) -> Any:
    """A line owner over a real connection, polling every unit."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(box, "127.0.0.1", 0)
    target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    line = LineTable(name="net", rtu_over_tcp=target) if rtu else LineTable(name="net", tcp=target)
    stations = [station(number, meter_file(timeout_ms_max=100), line) for number in range(1, units + 1)]
    readings: list[Reading] = []
    owners: list[LineOwner] = []

    def stray(frame: Stray) -> None:
        owners[0].stray(frame)

    clock = LoopClock(loop)
    schedule = Schedule(stations, interval_s, lambda now_ms: now_ms + 10**9, loop.time())
    framing: type[Framing] = RtuFraming if rtu else TcpFraming
    log = LineLog(clock, lambda _: None, 1)
    owners.append(LineOwner(line, stations, Master(partial(make_client, line), stray), framing, schedule, clock, readings.append, log, 1))
    task = asyncio.create_task(owners[0].run())
    try:
        yield owners[0], readings
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("rtu", [False, True], ids=["Modbus TCP", "RTU over TCP"])
async def test_several_units_share_one_connection(rtu: bool) -> None:
    """All of them are polled, each by its own number."""
    made = (RtuBox if rtu else Box)(lambda transaction, _unit, _served: [(0.0, transaction)])
    async with owned(lambda: made, 3, rtu=rtu) as (_owner, readings):
        for _ in range(200):
            await asyncio.sleep(0.02)
            if {reading.meter for reading in readings if reading.values} == {"m1", "m2", "m3"}:
                break

    assert {reading.meter for reading in readings if reading.values} == {"m1", "m2", "m3"}


async def test_an_answer_with_an_older_number_is_dropped() -> None:
    """Before the answer to each request comes a stale one of the same length and unit."""
    box = Box(lambda transaction, _unit, _served: [(0.0, (transaction - 1) & 0xFFFF), (0.01, transaction)])
    async with owned(lambda: box, 1, interval_s=1_000.0) as (owner, _readings):
        await asyncio.sleep(0.5)
        answers = [await owner.exchange(1, REQUEST, PERSON) for _ in range(3)]
        strays = owner.status(0.0, 1_000).counters

    assert [each.took_us >= 9_000 for each in answers] == [True] * 3
    assert strays.late_replies + strays.wrong_answers >= 3


async def test_a_unit_that_answers_late_does_not_starve_the_others() -> None:
    """It costs the others its time-out now and then; they are polled all the time, and none of its late answers is theirs."""
    box = Box(lambda transaction, unit, _served: [(0.6 if unit == 1 else 0.0, transaction)])
    async with owned(lambda: box, 3) as (owner, readings):
        await asyncio.sleep(3.0)
        counters = [each.counters for each in owner.meters(0.0)]

    polled = {name: sum(bool(reading.values) for reading in readings if reading.meter == name) for name in ("m1", "m2", "m3")}
    assert polled["m1"] == 0
    assert min(polled["m2"], polled["m3"]) >= 5
    assert counters[0].late_replies >= 1
    assert counters[1].timeouts == counters[2].timeouts == 0


async def test_nobody_is_broadcast_to_on_tcp() -> None:
    """Unit 0 behind an address is the device itself, not everybody."""
    box = Box(lambda transaction, _unit, _served: [(0.0, transaction)])
    async with owned(lambda: box, 1) as (owner, _readings):
        await asyncio.sleep(0.5)
        with pytest.raises(Exception, match="nobody to broadcast to"):
            await owner.exchange(0, REQUEST)


async def test_silence_behind_a_connection_is_no_lost_line() -> None:
    """The box is there, the unit is not."""
    box = Box(lambda _transaction, _unit, _served: [])
    async with owned(lambda: box, 1, interval_s=1_000.0) as (owner, _readings):
        await asyncio.sleep(0.5)
        with pytest.raises(NoAnswer):
            await owner.exchange(9, REQUEST, timeout_s=0.05)
        assert owner.status(0.0, 1_000).state == "open"
