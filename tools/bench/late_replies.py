"""Late replies: a third of all answers come 30 ms to 3 s after the time-out, and not one may be booked as another's.

`python -m tools.bench.late_replies [--polls 10000] [--seed 1] [--real 200]` runs the real line owner on a
virtual line in simulated time, compares every stored value with what the line knows to be true, then runs
the same line with an oracle that knows when each late answer will be over, and with bare pymodbus calls.
`--real` polls are made at line speed over a real pseudo-terminal and judged the same way.
"""

import asyncio
import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from pymodbus.exceptions import ModbusException

from gateway.acquire.client import make_client
from gateway.acquire.condition import Condition
from gateway.acquire.framing import Framing, RtuFraming, Stray
from gateway.acquire.line_log import LineLog
from gateway.acquire.master import Connector, Master
from gateway.acquire.owner import LineOwner
from gateway.acquire.schedule import Schedule
from gateway.acquire.station import Station as Asked
from gateway.clock import Instant
from gateway.status import ClockStatus
from protocols.errors import ProtocolError
from protocols.pdu import ReadRequest, Request, reply_pdu_length
from protocols.plan import Block
from protocols.reading import Event, Reading
from tools.bench.late_judge import Verdict, judge
from tools.bench.late_line import SETTINGS, Bench, LateAfter, bench, word
from tools.factory.memory_line import open_memory_line
from tools.factory.pace import Pace
from tools.factory.pty_line import PtyLine
from tools.factory.simulated_loop import SimulatedLoop

INTERVAL_S = 2.0
# A poll takes some 0.2 s of the line's time, late ones included; a line on which it takes ten times that is stuck.
POLL_S_MAX = 2.0
LOOK_S = 0.1  # how often the runs look whether they have polled enough
SHARE_MIN = 0.9  # of what the oracle brings home
# Between the line's thread and the master's loop bytes take a few milliseconds, more on a busy machine.
REAL_SLACK_US = 50_000
# Bare pymodbus needs no ten thousand polls to show what it does.
BARE_SHARE = 10

# What stands in for a station's own condition: given the station and what makes its answers late.
MakeCondition = Callable[[Asked, LateAfter], Condition]


class OracleCondition(Condition):
    """Knows at the time-out when the late answer will be over: it waits exactly that long and doubts nothing."""

    def __init__(self, asked: Asked, late: LateAfter) -> None:
        super().__init__(asked.condition.turnaround)
        self.unknown_past = False
        self._late = late
        self._asked_at = 0.0

    def reopened(self) -> None:
        """Nobody was there before."""

    def perhaps_spoken(self, now: float) -> None:
        """It was not: it knows when that will be."""

    def asked(self) -> None:
        super().asked()
        self._asked_at = asyncio.get_running_loop().time()

    def suspect(self, length: int) -> bool:  # noqa: ARG002 - it knows better
        return False

    def failed(self, request: Request, error: ProtocolError, now: float) -> None:
        super().failed(request, error, now)
        self._failures = 0
        late_s = (self._late.due_us or [0])[0] / 1e6
        self._ready_at = max(now, self._asked_at + late_s + _wire_s(request)) if late_s else now


def _wire_s(request: Request) -> float:
    """Request, t3.5, slowest turnaround and reply."""
    return SETTINGS.wire_us(8 + reply_pdu_length(request) + 3) / 1e6 + 0.015


@dataclass(frozen=True)
class LineClock:
    """The line's own time."""

    now_us: Callable[[], int]

    def instant(self) -> Instant:
        return Instant(self.now_ms(), self.now_ms())

    def now_ms(self) -> int:
        return self.now_us() // 1000

    def status(self) -> ClockStatus:
        return ClockStatus("set", "")


def _owned(found: Bench, connector: Connector | None, now_us: Callable[[], int], framing: type[Framing], interval_s: float) -> LineOwner:
    """A line owner that polls for the bench, to be run in the running loop."""
    clock = LineClock(now_us)
    owners: list[LineOwner] = []
    schedule = Schedule(found.stations, interval_s, lambda now_ms: now_ms + 10**9, asyncio.get_running_loop().time())

    def stray(frame: Stray) -> None:
        owners[0].stray(frame)

    def keep(reading: Reading) -> None:
        found.stored.append((now_us(), reading))

    def report(_event: Event) -> None:
        """Nobody reads the events of a bench."""

    line = found.stations[0].spec.line
    master = Master(partial(make_client, line), stray, connector)
    owners.append(LineOwner(line, found.stations, master, framing, schedule, clock, keep, LineLog(clock, report, 1), 1))
    return owners[0]


async def _run(found: Bench, polls: int, connector: Connector | None, now_us: Callable[[], int], framing: type[Framing]) -> float:
    """Poll until `polls` requests were sent, or the line is stuck; returns the seconds it took in the line's time."""
    began_us = now_us()
    task = asyncio.create_task(_owned(found, connector, now_us, framing, INTERVAL_S).run())
    until_us = began_us + round(polls * POLL_S_MAX * 1e6)
    while found.requests < polls and not task.done() and now_us() < until_us:  # noqa: ASYNC110 - a bench may look now and then
        await asyncio.sleep(LOOK_S)
    if found.requests < polls:
        states = ", ".join(f"{station.name} {station.condition.state}" for station in found.stations)
        print(f"stuck after {found.requests} of {polls} polls: {states}", file=sys.stderr)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return (now_us() - began_us) / 1e6


def simulated(polls: int, seed: int, condition: MakeCondition | None = None, framing: type[Framing] = RtuFraming) -> Verdict:
    found = bench(seed)
    if condition is not None:
        for station, late in zip(found.stations, found.lates, strict=True):
            station.condition = condition(station, late)
    return judge(found, run_simulated(found, polls, framing))


def run_simulated(found: Bench, polls: int, framing: type[Framing] = RtuFraming) -> float:
    """The seconds that it took in the line's time."""
    loop = SimulatedLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(_run(found, polls, partial(_connect, found), lambda: loop.now_us, framing))


def run_for(found: Bench, seconds: float, interval_s: float) -> None:
    """Poll every interval for so many seconds of the line's time."""
    loop = SimulatedLoop()

    async def work() -> None:
        task = asyncio.create_task(_owned(found, partial(_connect, found), lambda: loop.now_us, RtuFraming, interval_s).run())
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(work())


async def _connect(found: Bench, factory: Callable[[], Any]) -> Any:
    return await open_memory_line(found.line, factory)


def real(polls: int, seed: int) -> Verdict:
    """At line speed, through the kernel: what pymodbus opens is a path like that of any adapter."""
    with TemporaryDirectory() as folder:
        link = Path(folder) / "bus"
        found = bench(seed, str(link))
        pace = Pace()
        with PtyLine(found.line, link, pace):
            seconds = asyncio.run(_run(found, polls, None, pace.now_us, RtuFraming))
        return judge(found, seconds, REAL_SLACK_US)


# pymodbus closes the port after this many silent requests; silence of one meter is no reason to.
NO_RESPONSES_MAX = 2**31


def bare_pymodbus(polls: int, seed: int) -> int:
    """Wrong values that plain pymodbus calls bring home from the same line."""
    found = bench(seed)
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(_ask_barely(found, polls))


async def _ask_barely(found: Bench, polls: int) -> int:
    client = make_client(found.stations[0].spec.line, lambda _sending, data: data)

    async def create() -> Any:
        factory: Callable[[], Any] = client.ctx.handle_new_connection
        return await open_memory_line(found.line, factory)

    client.ctx.call_create = create
    await client.connect()
    client.set_max_no_responses(NO_RESPONSES_MAX)
    client.ctx.count_until_disconnect = NO_RESPONSES_MAX
    wrong = 0
    for _, (station, block) in zip(range(polls), _round_robin(found), strict=False):
        number = station.spec.address
        assert isinstance(number, int), "the bench speaks Modbus"
        client.ctx.comm_params.timeout_connect = station.timeout_s(ReadRequest(block.function, block.address, block.count))
        try:
            reply = await client.read_holding_registers(block.address, count=block.count, device_id=number)
        except ModbusException:
            continue  # no answer in time: the poll brought nothing
        words = [word(number, block.address + index, found.devices[number - 1].served) for index in range(block.count)]
        wrong += _wrong_values(reply.registers, words)
        await asyncio.sleep(SETTINGS.silence_us / 1e6)
    client.close()
    return wrong


def _wrong_values(heard: Sequence[int], said: Sequence[int]) -> int:
    """Values of two words each that are not what was said; pymodbus also gives answers of another length."""
    return sum(list(heard[first : first + 2]) != list(said[first : first + 2]) for first in range(0, len(said), 2))


def _round_robin(found: Bench) -> Iterator[tuple[Asked, Block]]:
    while True:
        for station in found.stations:
            for block in station.blocks("power"):
                yield station, block


def main() -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--polls", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--real", type=int, default=200, help="polls at line speed over a pseudo-terminal; 0 for none")
    chosen = parser.parse_args()
    began = perf_counter()
    ours = simulated(chosen.polls, chosen.seed)
    speed = ours.seconds / (perf_counter() - began)
    oracle = simulated(chosen.polls, chosen.seed, OracleCondition)
    result: dict[str, Any] = {
        "polls": ours.polls,
        "late": ours.late,
        "times_line_speed": round(speed, 1),
        **_judged(ours),
        "good_answers_per_s": round(ours.good_per_s, 3),
        "oracle_good_answers_per_s": round(oracle.good_per_s, 3),
        "share_of_oracle": round(ours.good_per_s / oracle.good_per_s, 4),
        "bare_pymodbus_wrong_values": bare_pymodbus(chosen.polls // BARE_SHARE, chosen.seed),
    }
    verdicts = [ours, oracle]
    if chosen.real:
        verdicts.append(real(chosen.real, chosen.seed))
        result["real"] = {"polls": verdicts[-1].polls, "late": verdicts[-1].late, **_judged(verdicts[-1])}
    print(json.dumps(result))
    wanted = [chosen.polls, chosen.polls, chosen.real]
    kept = all(verdict.polls >= polls for verdict, polls in zip(verdicts, wanted, strict=False)) and all(
        verdict.wrong_values == 0 and verdict.in_time == verdict.in_time_stored for verdict in verdicts
    )
    return 0 if kept and ours.good_per_s >= SHARE_MIN * oracle.good_per_s else 1


def _judged(verdict: Verdict) -> dict[str, int]:
    return {
        "stored_values": verdict.stored_values,
        "wrong_values": verdict.wrong_values,
        "in_time_answers": verdict.in_time,
        "in_time_answers_stored": verdict.in_time_stored,
    }


if __name__ == "__main__":
    raise SystemExit(main())
