"""What a line owner did over a wire in memory while it was watched."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.acquire.tests.fakes import OwnerBench, SmallMeter, run

WORDS = {0: 0, 1: 230, 2: 0, 3: 5, 4: 0, 5: 700, 300: 0, 301: 50, 100: 1, 101: 0, 500: 0, 501: 9}
POWER = {"voltage_l1_n": 230, "current_l1": 5, "active_power": 700, "frequency": 50}
LEVELS = "voltage_l1_n"


def meter(address: int = 1, **behaviour: Any) -> SmallMeter:
    return SmallMeter(address, {**WORDS, **behaviour.pop("words", {})}, **behaviour)


def watched(
    seconds: float, *meters: SmallMeter, also: Callable[[OwnerBench], Awaitable[None]] | None = None, **settings: Any
) -> OwnerBench:
    """What a line did in `seconds`."""

    async def work() -> OwnerBench:
        bench = OwnerBench(*meters, **settings)
        async with bench:
            if also is not None:
                await also(bench)
            await asyncio.sleep(seconds)
            bench.line = bench.owner.status(asyncio.get_running_loop().time(), 10_000)
            bench.status = bench.owner.meters(asyncio.get_running_loop().time())
        return bench

    found: OwnerBench = run(work())
    return found
