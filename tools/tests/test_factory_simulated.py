"""The event loop with simulated time, and the virtual line as a transport on it."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from serial import SerialException  # type: ignore[import-untyped]

from tools.factory.faults import AdapterUnplugged, BitFlips, ExceptionSix, LateReply, LostReply
from tools.factory.memory_line import open_memory_line
from tools.factory.serial_settings import LineSettings
from tools.factory.simulated_loop import SimulatedLoop, SimulationStuckError
from tools.factory.wire import Line
from tools.tests.factory_bench import line, reply, request, station

DAY_S = 86_400


def simulate(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(main)


class Listener(asyncio.Protocol):
    """Keeps what it hears, with the loop's time."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, bytes]] = []
        self.lost: list[Exception | None] = []
        self.ended = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.heard.append((asyncio.get_running_loop().time(), data))

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.append(exc)
        self.ended.set()

    def take(self) -> bytes:
        data = b"".join(each for _, each in self.heard)
        self.heard.clear()
        return data


def test_sleeping_a_day_takes_no_time() -> None:
    """The clock jumps to the timer, exactly."""

    async def main() -> float:
        began_s = asyncio.get_running_loop().time()
        await asyncio.sleep(DAY_S)
        return asyncio.get_running_loop().time() - began_s

    assert simulate(main()) == DAY_S


def test_timers_fire_in_the_order_of_their_times() -> None:
    """Tasks interleave by simulated time alone, the same way in every run."""

    async def ticker(name: str, period_s: float, log: list[tuple[float, str]]) -> None:
        for _ in range(5):
            await asyncio.sleep(period_s)
            log.append((round(asyncio.get_running_loop().time(), 6), name))

    async def main() -> list[tuple[float, str]]:
        log: list[tuple[float, str]] = []
        await asyncio.gather(ticker("a", 0.3, log), ticker("b", 0.25, log), ticker("c", 0.000_001, log))
        return log

    log = simulate(main())

    assert log == simulate(main())
    assert log[5:] == [
        (0.25, "b"),
        (0.3, "a"),
        (0.5, "b"),
        (0.6, "a"),
        (0.75, "b"),
        (0.9, "a"),
        (1.0, "b"),
        (1.2, "a"),
        (1.25, "b"),
        (1.5, "a"),
    ]


def test_a_time_out_is_simulated_too() -> None:
    """`asyncio.timeout` ends after its simulated seconds."""

    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(300):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert simulate(main()) == 300


def test_a_thread_is_still_served_when_the_loop_is_idle() -> None:
    """Work in an executor comes back although simulated time stands still."""

    async def main() -> int:
        return await asyncio.to_thread(sum, (1, 2, 3))

    assert simulate(main()) == 6


def test_a_loop_that_waits_for_nothing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadlock ends with a sentence instead of hanging the test run."""
    monkeypatch.setattr("tools.factory.simulated_loop._WORLD_SECONDS_MAX", 0.01)

    async def main() -> None:
        await asyncio.Event().wait()

    loop = SimulatedLoop()
    task = loop.create_task(main())
    with pytest.raises(SimulationStuckError, match="for ever"):
        loop.run_until_complete(task)
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()


def test_a_poll_over_the_memory_line_takes_wire_time() -> None:
    """The last byte arrives when the model says, to the microsecond."""

    async def main() -> tuple[bytes, float, int | None]:
        wire = line([station(5)])
        transport, listener = await open_memory_line(wire, Listener)
        transport.write(request(5))
        await asyncio.sleep(1)
        last_s = listener.heard[-1][0]
        transport.close()
        return listener.take(), last_s, wire.truth[0].ended_us

    data, last_s, ended_us = simulate(main())

    assert data == reply(5)
    assert round(last_s * 1_000_000) == ended_us


def test_bytes_wait_while_reading_is_paused() -> None:
    """A paused protocol gets everything when it goes on."""

    async def main() -> tuple[bytes, bytes]:
        transport, listener = await open_memory_line(line([station(5)]), Listener)
        transport.pause_reading()
        transport.write(request(5))
        await asyncio.sleep(1)
        while_paused = listener.take()
        transport.resume_reading()
        transport.close()
        return while_paused, listener.take()

    assert simulate(main()) == (b"", reply(5))


def test_opening_announces_the_settings() -> None:
    """A port opened with a wrong parity stays silent."""

    async def main() -> list[bytes]:
        wire = line([station(5)])
        heard = []
        for settings in (LineSettings(9600, "E", 1), None):
            transport, listener = await open_memory_line(wire, Listener, settings)
            transport.write(request(5))
            await asyncio.sleep(1)
            heard.append(listener.take())
            transport.close()
        return heard

    assert simulate(main()) == [b"", reply(5)]


def test_unplugging_ends_the_connection_with_an_error() -> None:
    """The protocol learns it through `connection_lost`, and the port cannot be opened until the adapter is back."""

    async def main() -> tuple[list[Exception | None], int, int]:
        wire = line([station(5)], faults=[AdapterUnplugged(0.5, window_us=1_000_000)])
        lost: list[Exception | None] = []
        refused = opened = 0
        for _ in range(30):
            try:
                _, listener = await open_memory_line(wire, Listener)
            except SerialException:
                refused += 1
                await asyncio.sleep(1)
                continue
            opened += 1
            await listener.ended.wait()
            lost += listener.lost
        return lost, refused, opened

    lost, refused, opened = simulate(main())

    assert all(isinstance(each, SerialException) for each in lost)
    assert len(lost) == opened
    assert refused
    assert opened


async def _poll_patiently(wire: Line, polls: int) -> list[bytes]:
    transport, listener = await open_memory_line(wire, Listener)
    answers = []
    for number in range(polls):
        transport.write(request(1 + number % 5, number % 100, 4))
        await asyncio.sleep(5)
        answers.append(listener.take())
    transport.close()
    return answers


def test_ten_thousand_polls_with_faults_are_the_same_every_time() -> None:
    """Fourteen hours of polling with late, lost, broken and refused answers: two runs agree byte for byte, and with the truth."""
    runs = []
    for _ in range(2):
        faults = (LateReply(0.05), LostReply(0.02), BitFlips(0.02), ExceptionSix(0.02))
        wire = line([station(address, *faults) for address in range(1, 6)], seed=5)
        runs.append((simulate(_poll_patiently(wire, 10_000)), list(wire.truth)))
    answers, truth = runs[0]

    assert runs[0] == runs[1]
    assert len(truth) == 10_000
    assert all(
        (answers[each.request - 1] == reply(1 + (each.request - 1) % 5, (each.request - 1) % 100, 4)) == each.delivered for each in truth
    )
    assert 300 < sum(each.late for each in truth) < 700
