"""pymodbus made safe: what the master gives for what is said on the wire."""

import asyncio
import termios
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from gateway.acquire.answer import Answer
from gateway.acquire.client import Trace, make_client
from gateway.acquire.framing import RtuFraming, Stray
from gateway.acquire.master import Master, WireClosed
from gateway.acquire.tests.fakes import LINE, MemoryWire, SmallMeter, run
from gateway.site import LineTable
from protocols.errors import LineNoise, MeterRefused, NoAnswer
from protocols.frame import rtu_frame
from protocols.pdu import ReadRequest, encode_request

REQUEST = ReadRequest(3, 10, 2)
TIMEOUT_S = 0.2


class Desk:
    """A master on a memory wire, and the strays it reported."""

    def __init__(self, *meters: SmallMeter, line: LineTable = LINE) -> None:
        self.wire = MemoryWire(meters)
        self.strays: list[Stray] = []
        self.master = Master(partial(make_client, line), self.strays.append, self.wire.connect)

    async def ask(self, request: ReadRequest = REQUEST, address: int = 1) -> Answer:
        if not self.master.is_open:
            await self.master.open()
        return await self.master.exchange(address, request, RtuFraming, TIMEOUT_S)


def test_the_words_of_the_answer() -> None:
    """With the time from handing the request to the port until the whole answer was heard."""

    async def work() -> Answer:
        return await Desk(SmallMeter()).ask()

    answer = run(work())
    assert answer.words == (10_000, 11_000)
    assert answer.took_us == pytest.approx(10_000, abs=2)


def test_input_registers_are_asked_with_their_own_function() -> None:
    """Function 4 goes out as function 4."""

    async def work() -> list[ReadRequest]:
        meter = SmallMeter()
        await Desk(meter).ask(ReadRequest(4, 10, 2))
        return meter.asked

    assert run(work()) == [ReadRequest(4, 10, 2)]


def test_the_answer_may_come_byte_by_byte_behind_junk_and_echo() -> None:
    """However the port hands it over."""

    async def work() -> Answer:
        desk = Desk()
        await desk.master.open()
        loop = asyncio.get_running_loop()
        data = b"\x00\xff" + rtu_frame(1, encode_request(REQUEST)) + rtu_frame(1, bytes((3, 4, 0, 7, 0, 8)))
        for index in range(len(data)):
            loop.call_later(0.01 + index / 1_000, desk.wire.say, data[index : index + 1])
        return await desk.ask()

    assert run(work()).words == (7, 8)


def test_a_late_answer_and_the_awaited_one_in_one_piece_are_heard() -> None:
    """Together they are longer than any frame, which is as much as pymodbus keeps."""

    async def work() -> Answer:
        desk = Desk()
        await desk.master.open()
        request = ReadRequest(3, 0, 125)
        data = rtu_frame(2, bytes((3, 250)) + bytes(250)) + rtu_frame(1, bytes((3, 250)) + bytes(250))
        asyncio.get_running_loop().call_later(0.01, desk.wire.say, data)
        return await desk.ask(request)

    assert run(work()).words == (0,) * 125


@pytest.mark.parametrize("code", [1, 2, 6])
def test_a_refusal_carries_its_code(code: int) -> None:
    """An exception reply is told from silence."""

    async def work() -> None:
        await Desk(SmallMeter(refusals=[code])).ask()

    with pytest.raises(MeterRefused) as raised:
        run(work())
    assert raised.value.code == code


def test_silence_is_no_answer() -> None:
    """After the time-out, not before."""

    async def work() -> float:
        desk = Desk(SmallMeter(silent=True))
        await desk.master.open()
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(NoAnswer):
            await desk.ask()
        return loop.time() - began

    assert run(work()) == pytest.approx(TIMEOUT_S, abs=0.01)


def test_a_damaged_answer_is_noise() -> None:
    """Something was said that is no frame."""

    async def work() -> None:
        await Desk(SmallMeter(damaged=1)).ask()

    with pytest.raises(LineNoise):
        run(work())


def test_an_answer_after_the_time_out_is_a_stray() -> None:
    """Nobody waits for it: it is reported with the unit it names."""

    async def work() -> list[Stray]:
        desk = Desk(SmallMeter(delays_s=[0.5]))
        with pytest.raises(NoAnswer):
            await desk.ask()
        await asyncio.sleep(1)
        return desk.strays

    assert run(work()) == [Stray(1, bytes((3, 4)) + (10_000).to_bytes(2, "big") + (11_000).to_bytes(2, "big"))]


def test_an_older_answer_of_another_length_is_not_taken() -> None:
    """The request's own answer behind it is."""

    async def work() -> tuple[Answer, int]:
        desk = Desk(SmallMeter(delays_s=[0.25, 0.1]))
        with pytest.raises(NoAnswer):
            await desk.ask(ReadRequest(3, 0, 5))
        answer = await desk.ask()
        return answer, len(desk.strays)

    answer, strays = run(work())
    assert (answer.words, strays) == ((10_000, 11_000), 1)


def test_another_units_answer_is_not_taken() -> None:
    """Its frame is reported and the own answer is waited for."""

    async def work() -> tuple[Answer, list[int]]:
        desk = Desk(SmallMeter(1), SmallMeter(2, delays_s=[0.2]))
        with pytest.raises(NoAnswer):
            await desk.ask(address=2)
        answer = await desk.ask(address=1)
        await asyncio.sleep(1)
        return answer, [stray.address for stray in desk.strays]

    answer, strays = run(work())
    assert (answer.words, strays) == ((10_000, 11_000), [2])


def test_a_second_answer_is_a_stray() -> None:
    """The first that fits is the answer; a twin's is reported."""

    async def work() -> tuple[Answer, int]:
        desk = Desk()
        await desk.master.open()
        frame = rtu_frame(1, bytes((3, 4, 0, 7, 0, 8)))
        asyncio.get_running_loop().call_later(0.01, desk.wire.say, frame + rtu_frame(1, bytes((3, 4, 0, 9, 0, 9))))
        answer = await desk.ask()
        return answer, len(desk.strays)

    answer, strays = run(work())
    assert (answer.words, strays) == ((7, 8), 1)


@pytest.mark.parametrize("line", [LINE, LineTable(name="far", rtu_over_tcp="127.0.0.1:1")], ids=["serial", "tcp"])
def test_many_silences_do_not_close_the_port(line: LineTable) -> None:
    """One dead meter is no reason to take the line from all others."""

    async def work() -> tuple[int, Answer]:
        desk = Desk(SmallMeter(1, silent=True), SmallMeter(2), line=line)
        for _ in range(20):
            with pytest.raises(NoAnswer):
                await desk.ask()
        return desk.wire.opened, await desk.ask(address=2)

    opened, answer = run(work())
    assert (opened, answer.words) == (1, (10_000, 11_000))


def test_a_port_that_cannot_be_set_so_says_why() -> None:
    """A pseudo-terminal has no parity bit; the C library refuses to pretend."""

    async def refuse(_factory: Callable[[], asyncio.BaseProtocol]) -> Any:
        raise termios.error(22, "Invalid argument")

    async def work() -> None:
        await Master(partial(make_client, LINE), lambda _stray: None, refuse).open()

    with pytest.raises(WireClosed, match=r"cannot be set to these baud rate, parity and stop bits \(Invalid argument\)"):
        run(work())


def test_a_port_that_does_not_open_says_why() -> None:
    """The system's own words go on to the person."""

    async def work() -> None:
        desk = Desk()
        desk.wire.refuses = "the port is locked by another program"
        await desk.ask()

    with pytest.raises(WireClosed, match="locked by another program"):
        run(work())


def test_a_port_that_does_not_open_in_time_says_so() -> None:
    """A host that swallows everything would else hold up the start for ever."""

    async def never(_factory: object) -> tuple[object, object]:
        await asyncio.sleep(1_000)
        raise AssertionError

    async def work() -> None:
        await Master(partial(make_client, LINE), lambda _stray: None, never).open()

    with pytest.raises(WireClosed, match="did not open within 5 s"):
        run(work())


def test_without_a_wire_there_is_no_exchange() -> None:
    """Closed, not yet opened and lost are the same to who asks."""

    async def work() -> None:
        await Master(partial(make_client, LINE), lambda _stray: None).exchange(1, REQUEST, RtuFraming, TIMEOUT_S)

    with pytest.raises(WireClosed, match="not open"):
        run(work())


def test_losing_the_wire_in_an_exchange_is_no_silence_of_the_meter() -> None:
    """The meter is not to blame."""

    async def work() -> bool:
        desk = Desk(SmallMeter(silent=True))
        await desk.master.open()
        asyncio.get_running_loop().call_later(0.05, desk.wire.cut)
        with pytest.raises(WireClosed, match="connection was lost"):
            await desk.ask()
        return desk.master.is_open

    assert run(work()) is False


def test_it_opens_again() -> None:
    """And works as before."""

    async def work() -> tuple[Answer, int]:
        desk = Desk(SmallMeter())
        await desk.ask()
        desk.wire.cut()
        answer = await desk.ask()
        return answer, desk.wire.opened

    answer, opened = run(work())
    assert (answer.words, opened) == ((10_000, 11_000), 2)


def test_each_kind_of_line_gets_its_client() -> None:
    """Serial with its settings, TCP, and RTU frames over TCP."""
    trace: Trace = lambda _sending, data: data  # noqa: E731 - a value of that type

    async def work() -> list[tuple[str, object, object]]:
        lines = [
            LineTable(name="a", port="/dev/none", baud=2400, parity="E", stop_bits=2),
            LineTable(name="b", tcp="10.0.0.5:502"),
            LineTable(name="c", rtu_over_tcp="[fe80::1]:4001"),
        ]
        clients = [make_client(line, trace) for line in lines]
        return [(type(each.ctx.framer).__name__, each.comm_params.host, each.comm_params.port) for each in clients]

    assert [(kind, port) for kind, _, port in run(work())] == [("FramerRTU", 0), ("FramerSocket", 502), ("FramerRTU", 4001)]
