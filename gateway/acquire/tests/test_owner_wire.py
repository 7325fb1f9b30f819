"""The wire itself: lost and reopened, silences, strangers and babble."""

import asyncio
from typing import Any

import pytest

from gateway.acquire.condition import LATE_S_MAX
from gateway.acquire.conversation import SILENCE_S_MAX
from gateway.acquire.tests.fakes import ANSWER_S, OwnerBench, meter_file, run
from gateway.acquire.tests.watching import LEVELS, POWER, meter, watched
from protocols.errors import NoAnswer
from protocols.frame import rtu_frame
from protocols.pdu import ReadRequest


def test_a_lost_connection_is_told_once_and_opened_again() -> None:
    """The sentence says what happened; nothing is blamed on the meter."""

    async def cut(bench: OwnerBench) -> None:
        await asyncio.sleep(25)
        bench.wire.refuses = "there is no such port"
        bench.wire.cut()
        await asyncio.sleep(120)
        bench.wire.refuses = ""

    bench = watched(60, meter(), also=cut)

    assert bench.kinds == ["line_open", "line_closed", "line_closed", "line_open"]
    assert "the connection was lost" in bench.events[1].detail
    assert "there is no such port. It is tried again" in bench.events[2].detail
    assert (bench.line.state, bench.line.sentence, bench.line.counters.timeouts) == ("open", "", 0)
    assert bench.of(LEVELS)[-1].values == POWER


def test_a_wire_that_hangs_up_at_once_fills_no_log() -> None:
    """A gateway with no connection free accepts and closes: it is tried ever less often and told once."""

    async def hang_up(bench: OwnerBench) -> None:
        loop = asyncio.get_running_loop()
        connect = bench.wire.connect

        async def accepted(factory: Any) -> Any:
            found = await connect(factory)
            loop.call_later(0.05, bench.wire.cut)
            return found

        bench.owner._master._connector = accepted

    bench = watched(600, meter(), also=hang_up)

    assert bench.kinds == ["line_closed"]
    assert bench.wire.opened < 60
    assert bench.line.state == "closed"


def test_after_reopening_the_first_request_is_a_probe() -> None:
    """What was asked before the cut may be answered now: a length that no block has brings the meter in step."""
    asked = meter()

    async def cut(bench: OwnerBench) -> None:
        await asyncio.sleep(25)
        asked.asked.clear()
        bench.wire.cut()

    bench = watched(20, asked, also=cut)
    used = {block.count for station in bench.stations for pace in ("power", "energy") for block in station.blocks(pace)}

    assert asked.asked[0].count not in used
    assert {request.count for request in asked.asked[1:]} <= used


def test_a_port_that_never_opens_says_so_and_is_tried_again() -> None:
    """Before anything else happened, too."""

    async def refuse(bench: OwnerBench) -> None:
        bench.wire.refuses = "permission denied"

    bench = watched(60, meter(), also=refuse)

    assert bench.kinds == ["line_closed"]
    assert "bus (/dev/none) is not there: permission denied" in bench.line.sentence
    assert bench.readings == []


def test_silences_are_kept() -> None:
    """Between an answer and the next request lie at least t3.5 and what the meter file asks for after another meter."""
    file = meter_file(gap_ms=20, change_gap_ms=100)
    bench = watched(8, meter(1), meter(2), file=file)
    pauses = [
        (later - earlier - ANSWER_S, this[0] != following[0])
        for (earlier, this), (later, following) in zip(
            zip(bench.wire.written_at, bench.wire.written, strict=True),
            zip(bench.wire.written_at[1:], bench.wire.written[1:], strict=True),
            strict=False,
        )
    ]

    assert min(pause for pause, changed in pauses if not changed) >= 0.020 + 0.0018
    assert min(pause for pause, changed in pauses if changed) >= 0.100 + 0.0018


def test_a_babbling_meter_does_not_stop_the_line() -> None:
    """Somebody who never falls silent is spoken over after a moment; the polls show noise, not a standstill."""

    async def babble(bench: OwnerBench) -> None:
        async def speak() -> None:
            while True:
                await asyncio.sleep(0.001)
                bench.wire.say(b"\x55")

        speaking = asyncio.create_task(speak())
        await asyncio.sleep(20)
        speaking.cancel()

    bench = watched(0, meter(), also=babble)

    assert 5 <= len(bench.wire.written) <= 20 / SILENCE_S_MAX
    assert bench.wire.opened == 1


def test_the_line_tells_how_busy_it_is() -> None:
    """The duration of a round, the busy share of a minute, the least possible."""
    bench = watched(90, meter(1), meter(2))

    assert bench.line.cycle_ms is not None
    assert 4 * 1_000 * ANSWER_S <= bench.line.cycle_ms <= 8 * 1_000 * ANSWER_S
    assert 0.003 < bench.line.utilisation < 0.02
    assert 0 < bench.line.least_cycle_ms < bench.line.cycle_ms * 3
    assert (bench.line.kind, bench.line.target) == ("rs485", "/dev/none")


def test_a_stranger_who_is_still_talking_is_let_finish() -> None:
    """After opening, the first request waits for silence."""

    async def talk(bench: OwnerBench) -> None:
        await asyncio.sleep(0)
        for _ in range(5):
            await asyncio.sleep(0.2)
            bench.wire.say(rtu_frame(9, bytes((3, 2, 0, 0))))
            assert bench.wire.written == []

    bench = watched(1, meter(), also=talk)

    assert bench.wire.written


@pytest.mark.parametrize(("heard", "shortened"), [(bytes((1, 3, 12, 0)), True), (bytes((1, 3, 10, 0)), False), (b"\x55\x55", False)])
def test_the_damaged_head_of_a_late_answer_ends_the_waiting_for_it(heard: bytes, shortened: bool) -> None:
    """Heard in the middle of another meter's poll; any other noise ends nothing."""

    async def work() -> float:
        loop = asyncio.get_running_loop()
        bench = OwnerBench(meter(1), meter(2), on_demand=True)
        async with bench:
            await asyncio.sleep(0.5)
            condition = bench.stations[0].condition
            condition.failed(ReadRequest(3, 0, 6), NoAnswer(), loop.time())
            began = loop.time()
            loop.call_later(ANSWER_S / 2, bench.wire.say, heard)
            await bench.owner.read_now("m2")
            return condition.ready_at - began

    assert (run(work()) < LATE_S_MAX / 2) == shortened
