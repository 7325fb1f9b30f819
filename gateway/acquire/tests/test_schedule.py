"""What is due when: real stations, no wire."""

from math import inf

import pytest

from gateway.acquire.condition import ABSENT_AFTER, BACKOFF_S_MAX, LATE_S_MAX
from gateway.acquire.schedule import COUNTERS, FACTS_EVERY_S, PERSON, PROBE, ROUND, Job, Schedule
from gateway.acquire.station import Station
from gateway.acquire.tests.fakes import CT, RATIO_ROWS, in_step, meter_file, station
from gateway.acquire.wants import ENERGY, FACTS, POWER
from protocols.errors import MeterRefused, NoAnswer
from protocols.pdu import ReadRequest

START, INTERVAL_S, QUARTER_MS = 1_000.0, 10.0, 900_000
REQUEST = ReadRequest(3, 0, 2)


def next_quarter(now_ms: int) -> int:
    return now_ms // QUARTER_MS * QUARTER_MS + QUARTER_MS


def stations(count: int) -> list[Station]:
    return [in_step(station(number)) for number in range(1, count + 1)]


def schedule(found: list[Station], start: float = START, interval_s: float = INTERVAL_S) -> Schedule:
    return Schedule(found, interval_s, next_quarter, start)


def serve(plan: Schedule, now: float, most: int = 50) -> list[tuple[int, int, str]]:
    """Do everything that is due at `now`, in no time."""
    done: list[tuple[int, int, str]] = []
    while (job := plan.next(now)) is not None and len(done) < most:
        plan.started(job, now)
        plan.done(job, now)
        done.append((job.priority, job.station, job.pace))
    return done


def lose(found: Station, now: float, times: int = ABSENT_AFTER) -> None:
    for _ in range(times):
        found.condition.failed(REQUEST, NoAnswer(), now)


def test_at_the_start_counters_come_before_power_in_the_order_of_the_site_file() -> None:
    """Energy is known from the start on; then the first round begins."""
    assert serve(schedule(stations(2)), START) == [(COUNTERS, 0, ENERGY), (COUNTERS, 1, ENERGY), (ROUND, 0, POWER), (ROUND, 1, POWER)]


def test_power_is_due_every_interval_from_the_first_one_on() -> None:
    """A round that begins late does not shift the next ones."""
    plan = schedule(stations(1))
    serve(plan, START)
    rounds = [serve(plan, START + seconds) for seconds in (9.9, 13.0, 19.9, 20.0)]

    assert rounds == [[], [(ROUND, 0, POWER)], [], [(ROUND, 0, POWER)]]
    assert plan.wake_at(START + 20) == START + 30


def test_an_overloaded_line_skips_rounds() -> None:
    """After a delay of several intervals power is read once, not once for each."""
    plan = schedule(stations(1))
    serve(plan, START)

    assert serve(plan, START + 57) == [(ROUND, 0, POWER)]
    assert plan.wake_at(START + 57) == START + 67


def test_nobody_is_starved_on_an_overloaded_line() -> None:
    """Whoever has waited longest comes next, although the first is due again by then."""
    plan = schedule(stations(3))
    serve(plan, START)
    order = []
    for step in range(6):
        job = plan.next(START + 20 + 11 * step)
        assert job is not None
        plan.started(job, START + 20 + 11 * step)
        order.append(job.station)

    assert order == [0, 1, 2, 0, 1, 2]


def test_counters_are_due_at_every_boundary_until_they_were_read() -> None:
    """A counter read that brought nothing is tried again, ahead of power."""
    plan = schedule(stations(1))
    plan.notice(QUARTER_MS - 1)
    serve(plan, START)
    plan.notice(QUARTER_MS)
    job = plan.next(START + 10)
    assert job is not None
    plan.started(job, START + 10)
    again = plan.next(START + 10)

    assert job.pace == ENERGY
    assert again == job
    plan.done(job, START + 11)
    assert serve(plan, START + 11) == [(ROUND, 0, POWER)]


def test_a_boundary_that_was_slept_through_counts_once() -> None:
    """After an hour's standstill counters are read once, at once."""
    plan = schedule(stations(1))
    plan.notice(1)
    serve(plan, START)
    plan.notice(4 * QUARTER_MS + 5)

    assert serve(plan, START) == [(COUNTERS, 0, ENERGY)]


def test_setting_the_clock_back_plans_anew() -> None:
    """The boundary from before is not waited for: the next one of the new time counts, and the step itself is none."""
    plan = schedule(stations(1))
    plan.notice(10 * QUARTER_MS + 5)
    serve(plan, START)
    plan.notice(2 * QUARTER_MS + 5)
    at_the_step = serve(plan, START)
    plan.notice(3 * QUARTER_MS)

    assert at_the_step == []
    assert serve(plan, START) == [(COUNTERS, 0, ENERGY)]


def test_a_meter_that_drains_is_passed_over() -> None:
    """The others go on, and the line wakes when it may be asked again."""
    found = stations(2)
    plan = schedule(found)
    serve(plan, START)
    found[0].condition.failed(REQUEST, NoAnswer(), START + 9)
    at_ten = serve(plan, START + 10)

    assert at_ten == [(ROUND, 1, POWER)]
    assert plan.wake_at(START + 10) == START + 9 + LATE_S_MAX
    assert serve(plan, START + 9 + LATE_S_MAX) == [(ROUND, 0, POWER)]


def test_absent_meters_share_one_probe_an_interval() -> None:
    """However many are dead, one of them is asked per interval."""
    found = stations(4)
    plan = schedule(found)
    serve(plan, START)
    for each in found[1:]:
        lose(each, START)
    probes = [serve(plan, START + seconds) for seconds in (5.0, 6.0, 10.0, 15.0, 19.0)]

    assert [len([job for job in each if job[0] == PROBE]) for each in probes] == [1, 0, 0, 1, 0]


def test_no_probe_while_a_round_is_open() -> None:
    """A full cycle has no time for the dead; when the round is done, the probe comes."""
    found = stations(2)
    plan = schedule(found)
    serve(plan, START)
    lose(found[0], START)

    assert [priority for priority, _, _ in serve(plan, START + 10)] == [ROUND, PROBE]


def test_every_absent_meter_gets_its_turn() -> None:
    """With more dead meters than slots in the longest backoff the last one is still found when it is repaired."""
    found = stations(12)
    plan = schedule(found, interval_s=60)
    serve(plan, START)
    for each in found:
        lose(each, START, ABSENT_AFTER + 10)
    probed = []
    for minute in range(int(BACKOFF_S_MAX) // 60, 60):
        now = START + 60 * minute
        for priority, index, _ in serve(plan, now, most=1):
            assert priority == PROBE
            probed.append(index)
            found[index].condition.failed(REQUEST, NoAnswer(), now)

    assert set(probed) == set(range(12))


def test_the_line_does_not_wake_for_a_probe_before_its_slot() -> None:
    """A dead meter that may be asked must not make the loop spin until the slot comes."""
    found = stations(1)
    plan = schedule(found)
    serve(plan, START)
    lose(found[0], START)
    serve(plan, START + 5)
    lose(found[0], START + 5, 0)

    assert plan.next(START + 6) is None
    assert plan.wake_at(START + 6) == START + 15


def test_a_person_goes_first() -> None:
    """What a person asks for comes before counters; first energy, then power."""
    plan = schedule(stations(2))

    assert plan.ask(1) == 2
    assert serve(plan, START)[:3] == [(PERSON, 1, ENERGY), (PERSON, 1, POWER), (COUNTERS, 0, ENERGY)]


def test_what_a_person_reads_is_no_substitute_for_what_is_stored() -> None:
    """Counters stay due and rounds keep their times, however often somebody presses the button."""
    plan = schedule(stations(1))
    for _ in range(5):
        plan.ask(0)
        job = plan.next(START)
        while job is not None and job.priority == PERSON:
            plan.started(job, START)
            plan.done(job, START)
            job = plan.next(START)

    assert serve(plan, START) == [(COUNTERS, 0, ENERGY), (ROUND, 0, POWER)]


def test_forgetting_takes_back_what_was_asked() -> None:
    """The person has been answered: nothing else is read for them."""
    plan = schedule(stations(1), start=inf)
    plan.ask(0)
    plan.forget(0)

    assert plan.next(START) is None


def test_on_demand_nothing_is_due_but_what_is_asked() -> None:
    """A start of infinity: `read` polls once and leaves the line alone, also where the meter is away."""
    found = stations(1)
    plan = schedule(found, start=inf)
    plan.notice(0)
    plan.notice(QUARTER_MS - 1)
    quiet = serve(plan, START + 10_000)
    plan.ask(0)
    asked = serve(plan, START)
    lose(found[0], START)

    assert (quiet, asked) == ([], [(PERSON, 0, ENERGY), (PERSON, 0, POWER)])
    assert serve(plan, START + 10_000) == []
    assert plan.wake_at(START) == inf


def with_ratios() -> Station:
    return in_step(station(1, meter_file(*RATIO_ROWS, helpers=[CT])))


def test_ratios_come_before_everything_else_and_then_daily() -> None:
    """No value can be made without them."""
    found = with_ratios()
    plan = schedule([found])
    first = plan.next(START)
    assert first is not None
    plan.started(first, START)
    found.learn_facts(found.blocks(FACTS)[0], (40,))
    plan.done(first, START)
    rest = serve(plan, START)

    assert first == Job(COUNTERS, START, 0, FACTS)
    assert rest == [(COUNTERS, 0, ENERGY), (ROUND, 0, POWER)]
    assert (COUNTERS, 0, FACTS) not in serve(plan, START + FACTS_EVERY_S - 1)
    assert (COUNTERS, 0, FACTS) in serve(plan, START + FACTS_EVERY_S)


def test_a_person_gets_the_ratios_read_first() -> None:
    """And the polls that were asked for after that."""
    found = with_ratios()
    plan = schedule([found], start=inf)
    plan.ask(0)
    first = plan.next(START)
    assert first is not None
    plan.started(first, START)
    found.learn_facts(found.blocks(FACTS)[0], (40,))

    assert first.pace == FACTS
    assert serve(plan, START) == [(PERSON, 0, ENERGY), (PERSON, 0, POWER)]


def test_ratios_that_the_meter_refuses_do_not_stop_a_person() -> None:
    """There is nothing to read at that pace: the others are read all the same."""
    found = with_ratios()
    block = found.blocks(FACTS)[0]
    found.learn_refusal(block, MeterRefused(2).reason, sure=True)
    plan = schedule([found], start=inf)
    plan.ask(0)

    assert found.needs_facts
    assert serve(plan, START) == [(PERSON, 0, ENERGY), (PERSON, 0, POWER)]


@pytest.mark.parametrize("code", [5, 6])
def test_a_busy_meter_comes_later_in_the_round(code: int) -> None:
    """It is asked again when its moment is over."""
    found = stations(2)
    plan = schedule(found)
    found[0].condition.refused(REQUEST, MeterRefused(code), START)

    assert {index for _, index, _ in serve(plan, START)} == {1}
    assert {index for _, index, _ in serve(plan, START + 1)} == {0}
