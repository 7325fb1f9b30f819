""" "Read now": what a person gets, and what that takes from nobody."""

import asyncio
from typing import Any

from gateway.acquire.poll import PollResult
from gateway.acquire.tests.fakes import CT, RATIO_ROWS, OwnerBench, SmallMeter, meter_file, run
from gateway.acquire.tests.watching import LEVELS, POWER, meter, watched
from gateway.acquire.wants import FACTS


async def _ask(bench: OwnerBench, name: str = "m1") -> PollResult:
    return await bench.owner.read_now(name)


def asked(*meters: SmallMeter, **settings: Any) -> tuple[PollResult, OwnerBench]:
    """One "read now" on a line that polls only what is asked for."""

    async def work() -> tuple[PollResult, OwnerBench]:
        bench = OwnerBench(*meters, on_demand=True, **settings)
        async with bench:
            return await _ask(bench), bench

    found: tuple[PollResult, OwnerBench] = run(work())
    return found


def test_a_person_gets_everything_the_meter_says() -> None:
    """Counters and levels in one result; nothing of it is stored."""
    result, bench = asked(meter())

    assert (result.ok, result.reason) == (True, "")
    assert result.values == {**POWER, "active_energy_import": 65_536, "active_energy_export": 9}
    assert bench.readings == []


def test_a_person_is_told_why_there_is_nothing() -> None:
    """A silent meter, a refusing one, a line that does not open."""
    silent, _ = asked(meter(silent=True))
    refusing, _ = asked(meter(holes=frozenset(range(1_000))))

    async def closed() -> PollResult:
        bench = OwnerBench(meter(), on_demand=True)
        bench.wire.refuses = "no such file"
        async with bench:
            return await _ask(bench)

    assert (silent.ok, silent.reason) == (False, "no_answer")
    assert (refusing.ok, refusing.reason) == (False, "exception_2")
    assert run(closed()).reason == "line_closed"


def test_refused_counters_keep_no_level_back() -> None:
    """A meter that refuses all of its counters still says the rest; what it refused is missing with the reason."""
    result, _ = asked(meter(holes=frozenset((100, 101, 500, 501))))

    assert (result.ok, result.reason, result.values) == (True, "", POWER)
    assert result.missing == {"active_energy_import": "exception_2", "active_energy_export": "exception_2"}


def test_a_person_gets_values_that_need_ratios() -> None:
    """The ratios are read first, whoever asks."""
    result, _ = asked(meter(words={700: 40}), file=meter_file(*RATIO_ROWS, helpers=[CT]))

    assert result.values["current_l1"] == 200


def test_refused_ratios_keep_nobody_waiting() -> None:
    """What does not need them is read; the others have no value."""
    result, bench = asked(meter(holes=frozenset({700})), file=meter_file(*RATIO_ROWS, helpers=[CT]))

    assert result.values["voltage_l1_n"] == 230
    assert result.missing["current_l1"] == "no_value"
    assert bench.stations[0].blocks(FACTS) == ()


def test_persons_wait_for_one_another() -> None:
    """Three at once at one meter, and one who gave up: each of the others gets a whole result."""

    async def work() -> list[PollResult]:
        bench = OwnerBench(meter(), meter(2), on_demand=True)
        async with bench:
            given_up = asyncio.create_task(_ask(bench))
            await asyncio.sleep(0)
            given_up.cancel()
            return list(await asyncio.gather(_ask(bench), _ask(bench), _ask(bench, "m2")))

    results = run(work())
    assert [result.meter for result in results] == ["m1", "m1", "m2"]
    assert all({"active_energy_import", LEVELS} <= result.values.keys() for result in results)


def test_a_persons_question_takes_nothing_from_what_is_stored() -> None:
    """Rounds and counters come as if nobody had asked."""

    async def ask(bench: OwnerBench) -> None:
        for _ in range(20):
            await asyncio.sleep(2)
            await _ask(bench)

    bench = watched(15, meter(), boundary_ms=30_000, also=ask)

    assert len(bench.of(LEVELS)) == 6
    assert len(bench.of("active_energy_import")) == 2


def test_a_person_ends_the_backoff() -> None:
    """Who has just repaired a meter need not wait five minutes."""
    lost = meter(silent=True)

    async def ask(bench: OwnerBench) -> None:
        await asyncio.sleep(700)
        lost.silent = False
        began = asyncio.get_running_loop().time()
        result = await _ask(bench)
        assert result.ok
        assert asyncio.get_running_loop().time() - began < 5

    bench = watched(1, lost, also=ask)

    assert "meter_back" in bench.kinds
