"""Ten meters on a line in simulated time: nobody times out without a fault, and a dead one costs the others nothing."""

import asyncio
from typing import Any

from gateway.acquire.framing import RtuFraming
from tools.bench import late_line, late_replies
from tools.bench.late_line import Bench
from tools.factory.faults import DeadMeter
from tools.factory.memory_line import open_memory_line
from tools.factory.simulated_loop import SimulatedLoop

POLLS = 3_000
# The first rounds find out who is there and how fast; the proof is of the steady state.
STEADY_US = 60_000_000
# A round of ten is half a second of wire: within it a meter's turn may move by what the others need.
WIRE_S = 0.1


def polled(found: Bench) -> None:
    loop = SimulatedLoop()

    async def connect(factory: Any) -> Any:
        return await open_memory_line(found.line, factory)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(late_replies._run(found, POLLS, connect, lambda: loop.now_us, RtuFraming))


def longest_wait_s(found: Bench) -> float:
    """The largest distance between two readings of one meter in the steady state."""
    last: dict[str, int] = {}
    waits = []
    for at_us, reading in found.stored:
        if reading.values:
            if at_us > STEADY_US and reading.meter in last:
                waits.append((at_us - last[reading.meter]) / 1e6)
            last[reading.meter] = at_us
    return max(waits)


def test_nobody_times_out_on_a_sound_line() -> None:
    """The silence between frames is the standard's, also with characters of ten bits."""
    found = late_line.bench(1, late_share=0.0)
    polled(found)

    assert sum(station.condition.counters.timeouts for station in found.stations) == 0


def test_one_dead_meter_of_ten_costs_the_others_nothing() -> None:
    """Their readings stay within the interval."""
    found = late_line.bench(1, late_share=0.0)
    found.line.stations[4].faults = (DeadMeter(1.0),)
    polled(found)

    assert {reading.meter for _, reading in found.stored if reading.values} == {f"m{number}" for number in range(1, 11)} - {"m5"}
    assert longest_wait_s(found) <= late_replies.INTERVAL_S + WIRE_S
