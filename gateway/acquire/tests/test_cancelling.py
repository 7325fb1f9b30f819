"""Stopping is heard at every moment: a line that is lent or stopped ends, whatever it was waiting for and however little is missing."""

import asyncio
from typing import Any

import pytest

from gateway.acquire.answer import Answer
from gateway.acquire.dlt_listener import DltListener
from gateway.acquire.tests.fakes import OwnerBench, SmallMeter, run
from protocols import dlt645

# Turns of the loop between an event and the stop: at each of them another part of the program knows of the event.
TURNS = range(6)


async def _ends(task: "asyncio.Task[Any]", turns: int) -> bool:
    """Whether one cancellation ends the task, so many turns of the loop from now."""
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    ended, _ = await asyncio.wait([task], timeout=60)
    task.cancel()
    await asyncio.wait([task])
    return bool(ended)


@pytest.mark.parametrize("turns", TURNS)
def test_a_stop_while_the_wire_opens(turns: int) -> None:
    """A connection that is made in the moment of the stop does not make the line go on."""

    async def work() -> bool:
        bench = OwnerBench(SmallMeter())
        connect, ready = bench.wire.connect, asyncio.get_running_loop().create_future()

        async def slowly(factory: Any) -> Any:
            await ready
            return await connect(factory)

        bench.owner._master._connector = slowly
        task = asyncio.create_task(bench.owner.run())
        await asyncio.sleep(1)
        ready.set_result(None)
        return await _ends(task, turns)

    assert run(work())


@pytest.mark.parametrize("turns", TURNS)
def test_a_stop_while_a_line_rests_and_is_woken(turns: int) -> None:
    """A person's question wakes the line in the moment of the stop."""

    async def work() -> bool:
        bench = OwnerBench(SmallMeter())
        task = asyncio.create_task(bench.owner.run())
        await asyncio.sleep(8)
        bench.owner._wake.set()
        return await _ends(task, turns)

    assert run(work())


@pytest.mark.parametrize("turns", TURNS)
def test_a_stop_while_a_dlt_645_meter_answers(turns: int) -> None:
    """The answer comes in the moment of the stop: whoever asked is not told it, but ended."""

    async def work() -> bool:
        listener = DltListener(lambda _: Answer((), 0, b""))

        async def ask() -> None:
            await listener.answer(1.0)
            await asyncio.sleep(1_000)

        task = asyncio.create_task(ask())
        await asyncio.sleep(0.1)
        listener.heard(dlt645.encoded(dlt645.Frame("000000000161", dlt645.READ | dlt645.ANSWER, b"")))
        return await _ends(task, turns)

    assert run(work())
