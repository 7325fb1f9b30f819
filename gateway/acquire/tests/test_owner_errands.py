"""Requests that are no poll: what a person or a programme gets, and what that takes from the polls."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.acquire.errands import BULK_WAIT_S_MAX, ERRANDS_MAX
from gateway.acquire.master import WireClosed
from gateway.acquire.schedule import BULK
from gateway.acquire.tests.fakes import OwnerBench, SmallMeter, run
from gateway.acquire.tests.watching import LEVELS, meter, watched
from protocols.errors import MeterRefused, NoAnswer, OurMistake
from protocols.pdu import ReadRequest

REQUEST = ReadRequest(3, 10, 2)
WORDS = (10_000, 11_000)


def on_a_line(*meters: SmallMeter, work: Callable[[OwnerBench], Awaitable[Any]]) -> Any:
    async def all_of_it() -> Any:
        bench = OwnerBench(*meters, on_demand=True)
        async with bench:
            return await work(bench)

    return run(all_of_it())


@pytest.mark.parametrize("address", [1, 77], ids=["a meter of the line", "an address nobody has declared"])
def test_anybody_on_the_wire_may_be_asked(address: int) -> None:
    """The answer has its words, its PDU and the unit's own share of the time."""

    async def ask(bench: OwnerBench) -> Any:
        return await bench.owner.exchange(address, REQUEST)

    answer = on_a_line(SmallMeter(1), SmallMeter(77), work=ask)

    assert (answer.words, answer.pdu[:2]) == (WORDS, bytes((3, 4)))
    assert answer.took_us < 10_000


def test_what_goes_wrong_goes_to_who_asked() -> None:
    """Silence, refusals and a request that the standard does not know; the line goes on."""

    async def ask(bench: OwnerBench) -> None:
        await asyncio.sleep(5)
        with pytest.raises(NoAnswer):
            await bench.owner.exchange(5, REQUEST)
        with pytest.raises(MeterRefused):
            await bench.owner.exchange(1, REQUEST)
        with pytest.raises(OurMistake):
            await bench.owner.exchange(1, ReadRequest(3, 0, 200))
        assert (await bench.owner.exchange(2, REQUEST)).words == WORDS

    on_a_line(SmallMeter(1, holes=frozenset(range(100))), SmallMeter(2), work=ask)


def test_a_wait_of_ones_own_is_kept() -> None:
    """A scan gives a silent address less than a poll would."""

    async def ask(bench: OwnerBench) -> float:
        await asyncio.sleep(5)
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(NoAnswer):
            await bench.owner.exchange(9, REQUEST, timeout_s=0.032)
        return loop.time() - began

    assert on_a_line(work=ask) == pytest.approx(0.032, abs=0.005)


def test_a_late_answer_is_not_the_answer_to_the_next_request() -> None:
    """The same words are asked twice, the first answer comes after its time-out and says something else."""
    slow = SmallMeter(7, delays_s=[1.5])

    async def ask(bench: OwnerBench) -> Any:
        await asyncio.sleep(5)
        with pytest.raises(NoAnswer):
            await bench.owner.exchange(7, REQUEST, timeout_s=0.2)
        slow.words = {10: 7, 11: 7}
        return await bench.owner.exchange(7, REQUEST, timeout_s=0.2)

    assert on_a_line(slow, work=ask).words == (7, 7)


def test_without_the_wire_nobody_waits() -> None:
    """Neither who asked before it was lost nor who asks while it is away."""

    async def ask(bench: OwnerBench) -> None:
        await asyncio.sleep(5)
        waiting = asyncio.create_task(bench.owner.exchange(1, REQUEST))
        await asyncio.sleep(0)
        bench.wire.refuses = "pulled"
        bench.wire.cut()
        with pytest.raises(WireClosed):
            await waiting
        await asyncio.sleep(3)
        with pytest.raises(WireClosed, match="pulled"):
            await bench.owner.exchange(1, REQUEST)

    on_a_line(SmallMeter(1, silent=True), work=ask)


def test_who_asks_too_much_at_once_is_told() -> None:
    """Nothing on this line may grow without end."""

    async def ask(bench: OwnerBench) -> None:
        asked = [asyncio.create_task(bench.owner.exchange(1, REQUEST)) for _ in range(ERRANDS_MAX + 1)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(each) for each in answers if isinstance(each, Exception)] == [OurMistake]

    on_a_line(SmallMeter(1), work=ask)


def test_bulk_waits_for_a_line_at_rest() -> None:
    """A person's request goes out at once, in the middle of a round; what can wait does."""
    order: list[str] = []

    async def ask(bench: OwnerBench) -> None:
        await asyncio.sleep(5)
        bench.owner._schedule._power_due = [asyncio.get_running_loop().time()] * 3

        async def one(name: str, priority: int) -> None:
            await bench.owner.exchange(1, REQUEST, priority)
            order.append(f"{name} after {sum(len(each.asked) for each in bench.meters) - before}")

        before = sum(len(each.asked) for each in bench.meters)
        await asyncio.gather(one("bulk", BULK), one("person", 0))

    watched(20, meter(1), meter(2), meter(3), also=ask)

    assert order == ["person after 1", "bulk after 8"]  # three meters of two blocks between them


def test_bulk_does_not_wait_for_ever() -> None:
    """On a line that is never at rest it gets its turn all the same."""
    took: list[float] = []

    async def ask(bench: OwnerBench) -> None:
        await asyncio.sleep(5)
        loop = asyncio.get_running_loop()
        for _ in range(3):
            began = loop.time()
            await bench.owner.exchange(1, REQUEST, BULK)
            took.append(loop.time() - began)

    bench = watched(20, *(meter(number) for number in range(1, 9)), interval_s=0.05, also=ask)

    assert all(each <= BULK_WAIT_S_MAX + 1 for each in took)
    assert min(took) > BULK_WAIT_S_MAX / 2
    assert bench.of(LEVELS)


def test_an_absent_unit_keeps_no_bulk_waiting() -> None:
    """It is asked again in minutes; a person's question ends that wait, a programme's does not."""

    async def ask(bench: OwnerBench) -> None:
        await asyncio.sleep(60)
        with pytest.raises(NoAnswer):
            await bench.owner.exchange(1, REQUEST, BULK)

    watched(1, meter(1, silent=True), meter(2), also=ask)
