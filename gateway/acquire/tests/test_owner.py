"""What becomes of the answers: readings, and what is said of the meters that give none."""

import asyncio

from gateway.acquire.condition import ABSENT_AFTER
from gateway.acquire.schedule import FACTS_EVERY_S
from gateway.acquire.tests.fakes import ANSWER_S, CT, RATIO_ROWS, STARTED_MS, OwnerBench, SmallMeter, meter_file
from gateway.acquire.tests.watching import LEVELS, POWER, WORDS, meter, watched


def test_a_round_of_power_is_one_reading_with_the_values_of_all_its_blocks() -> None:
    """Stamped with the instant of its first answer."""
    bench = watched(5, meter())
    (reading,) = bench.of(LEVELS)

    assert (reading.meter, reading.boot, reading.values, reading.missing) == ("m1", 7, POWER, {})
    assert reading.time_ms == STARTED_MS + reading.monotonic_ms
    assert reading.turnaround_ms is not None


def test_each_block_of_counters_is_a_reading_of_its_own() -> None:
    """With the instant of its own answer: a counter is booked at the moment at which it was read."""
    bench = watched(5, meter())
    (imported,), (exported,) = bench.of("active_energy_import"), bench.of("active_energy_export")

    assert (imported.values, exported.values) == ({"active_energy_import": 65_536}, {"active_energy_export": 9})
    assert exported.monotonic_ms - imported.monotonic_ms >= 1_000 * ANSWER_S


def test_power_comes_every_interval_and_counters_at_boundaries() -> None:
    """In 100 s: ten or eleven rounds, counters at the start and at each half minute."""
    bench = watched(100, meter(), boundary_ms=30_000)

    assert len(bench.of(LEVELS)) == 10
    assert len(bench.of("active_energy_import")) == 1 + 3


def test_without_the_time_readings_carry_no_date() -> None:
    """They get one later; the monotonic time is there."""

    async def forget(bench: OwnerBench) -> None:
        bench.clock.unset = True

    bench = watched(5, meter(), also=forget)

    assert {reading.time_ms for reading in bench.readings} == {None}


def test_a_silent_meter_gives_no_reading_with_its_reason() -> None:
    """Missing is missing, never nought."""
    bench = watched(5, meter(silent=True))

    assert {why for reading in bench.readings for why in reading.missing.values()} == {"no_answer"}
    assert all(not reading.values for reading in bench.readings)


def test_a_refused_value_says_so_and_the_others_are_read() -> None:
    """The block is read row by row until it is known which one is refused."""
    bench = watched(60, meter(holes=frozenset({2})))
    last = bench.of(LEVELS)[-1]

    assert last.missing == {"current_l1": "exception_2"}
    assert last.values == {name: value for name, value in POWER.items() if name != "current_l1"}


def test_a_busy_meter_is_read_a_moment_later() -> None:
    """Its refusal is a reason, and the counters are asked for again within seconds."""
    bench = watched(6, meter(refusals=[6, 6, 6]))
    counters = bench.of("active_energy_import")

    assert counters[0].missing == {"active_energy_import": "exception_6"}
    assert counters[-1].values == {"active_energy_import": 65_536}


def test_a_late_answer_is_nobodys_value() -> None:
    """Of two meters that hold different values, one always late, none of the late ones is stored, and the line goes on."""
    late = meter(1, words={1: 111}, delays_s=[1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 1.5] * 20)
    bench = watched(200, late, meter(2, words={1: 222}))
    values = {(reading.meter, reading.values[LEVELS]) for reading in bench.of(LEVELS) if LEVELS in reading.values}

    assert values == {("m1", 111), ("m2", 222)}
    assert bench.line.counters.late_replies > 5


def test_a_late_answer_that_is_longer_in_coming_than_the_wait_is_not_taken_either() -> None:
    """After the wait the next request has another length: ten seconds later the old answer fits nothing."""
    values = dict(WORDS)
    bench = watched(60, SmallMeter(1, values, delays_s=[0.0, 0.0, 0.0, 0.0, 10.0]))

    assert {reading.values[LEVELS] for reading in bench.of(LEVELS) if LEVELS in reading.values} == {230}


def test_the_meters_of_a_dead_one_are_polled_all_the_same() -> None:
    """After it is known to be absent it costs one probe an interval at most, and says when it is asked again."""
    dead, alive = meter(1, silent=True), meter(2)
    bench = watched(300, dead, alive)
    late_probes = [at for at in dead.asked_at if at > dead.asked_at[0] + 100]

    assert len([reading for reading in bench.of(LEVELS) if reading.values]) == 30
    assert len(late_probes) <= 20
    assert bench.kinds == ["line_open", "meter_absent"]
    assert [status.state for status in bench.status] == ["absent", "ok"]
    assert bench.status[0].next_poll_ms is not None


def test_a_meter_that_comes_back_is_told_and_polled() -> None:
    """Within its backoff."""
    lost = meter(silent=True)

    async def mend(_bench: OwnerBench) -> None:
        await asyncio.sleep(120)
        lost.silent = False

    bench = watched(200, lost, also=mend)

    assert bench.kinds == ["line_open", "meter_absent", "meter_back"]
    assert bench.of(LEVELS)[-1].values == POWER


def test_a_ratio_that_was_changed_raises_an_event() -> None:
    """A day later it is another one; values use the new one from then on."""
    file = meter_file(*RATIO_ROWS, helpers=[CT])
    changed = meter(words={700: 40})

    async def change(bench: OwnerBench) -> None:
        await asyncio.sleep(20)
        changed.words[700] = 60
        bench.owner._schedule._facts_due[0] -= FACTS_EVERY_S  # a day later

    bench = watched(20, changed, file=file, also=change)

    assert [event.subject for event in bench.events if event.kind == "ratio_changed"] == ["m1"]
    assert [reading.values["current_l1"] for reading in (bench.of(LEVELS)[0], bench.of(LEVELS)[-1])] == [200, 300]


def test_absence_is_told_after_as_many_failures_as_it_takes() -> None:
    """Not for one lost frame."""
    bench = watched(8, meter(silent=True))

    assert len(bench.wire.written) < ABSENT_AFTER
    assert bench.kinds == ["line_open"]


def test_a_dead_meter_whose_ratios_are_not_known_leaves_no_reading_with_its_reason() -> None:
    """Its counters are asked for as much as any other's; without the ratios they have no value."""
    file = meter_file(*RATIO_ROWS, helpers=[CT])
    bench = watched(20, meter(silent=True, words={700: 40}), file=file)
    lost = bench.of("active_energy_import")

    assert lost
    assert {(tuple(reading.values), reading.missing["active_energy_import"]) for reading in lost} == {((), "no_answer")}


def test_a_meter_that_its_gateway_does_not_reach_is_soon_hardly_asked() -> None:
    """Each such answer costs the line the gateway's own time-out: one request a try, and none for blocks that cannot come either."""
    gone = meter(2, refusals=[11] * 1_000)

    bench = watched(300, meter(1), gone)

    assert (bench.status[1].state, bench.status[1].reason) == ("absent", "exception_11")
    assert bench.status[0].state == "ok"
    assert len(gone.asked) == 10
    missing = [reading.missing for reading in bench.readings if reading.meter == "m2"]
    assert {reason for each in missing for reason in each.values()} == {"exception_11"}
