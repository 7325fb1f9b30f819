"""What one meter is fit for after all that can happen."""

import pytest

from gateway.acquire.condition import (
    ABSENT_AFTER,
    BACKOFF_S_MAX,
    BACKOFF_S_MIN,
    BUSY_S,
    FLAKY_FAILURES,
    FORGOTTEN_S,
    LATE_S_MAX,
    NOISE_S,
    RECENT_POLLS,
    Condition,
)
from gateway.acquire.tests.fakes import condition
from protocols.errors import LineNoise, MeterRefused, NoAnswer
from protocols.pdu import ReadRequest, reply_pdu_length

SHORT, LONG, OTHER = ReadRequest(3, 0, 2), ReadRequest(3, 0, 10), ReadRequest(4, 0, 5)
NOW = 100.0


def good(request: ReadRequest) -> bytes:
    return bytes((request.function, 2 * request.count)) + bytes(2 * request.count)


def length(request: ReadRequest) -> int:
    return reply_pdu_length(request)


@pytest.fixture
def steady() -> Condition:
    """In step, nothing asked yet."""
    found = condition()
    found.unknown_past = False
    return found


def failed(found: Condition, times: int, now: float = NOW) -> Condition:
    for _ in range(times):
        found.failed(SHORT, NoAnswer(), now)
    return found


def test_after_opening_any_answer_may_be_a_strangers() -> None:
    """Every length is suspect until something was answered, and then only that of the request that was answered."""
    fresh = condition()
    before = (fresh.suspect(length(SHORT)), fresh.suspect(length(LONG)))
    fresh.answered(SHORT, 1)
    after = (fresh.suspect(length(SHORT)), fresh.suspect(length(LONG)))
    fresh.answered(LONG, 1)

    assert before == (True, True)
    assert after == (True, False)
    assert not fresh.suspect(length(SHORT))


def test_after_reopening_it_is_the_same(steady: Condition) -> None:
    """What was asked before the adapter was pulled may be answered now."""
    steady.answered(SHORT, 1)
    steady.reopened()

    assert steady.suspect(length(SHORT))
    assert steady.suspect(length(LONG))


def test_a_time_out_drains(steady: Condition) -> None:
    """The meter is left alone for as long as answers are known to be late, and its length stays suspect beyond that."""
    steady.failed(SHORT, NoAnswer(), NOW)

    assert steady.ready_at == NOW + LATE_S_MAX
    assert steady.suspect(length(SHORT))
    assert not steady.suspect(length(LONG))
    assert (steady.reason, steady.counters.timeouts) == ("no_answer", 1)


def test_the_late_answer_ends_the_draining(steady: Condition) -> None:
    """It is what was waited for: the meter is in step again at once."""
    steady.failed(SHORT, NoAnswer(), NOW)
    steady.late(good(SHORT), NOW + 1)

    assert steady.ready_at == NOW + 1
    assert not steady.suspect(length(SHORT))
    assert (steady.counters.late_replies, steady.state) == (1, "slow")


def test_a_late_refusal_ends_the_draining_too(steady: Condition) -> None:
    """An exception reply has no length, but if only one request is open it is that one's."""
    steady.failed(SHORT, NoAnswer(), NOW)
    steady.late(bytes((0x83, 2)), NOW + 1)

    assert steady.ready_at == NOW + 1
    assert not steady.in_doubt


def test_a_late_refusal_of_one_of_two_proves_nothing(steady: Condition) -> None:
    """With two requests open it may be the older one's, and the newer one's answer is still to come."""
    steady.failed(SHORT, LineNoise(), NOW)
    steady.failed(LONG, NoAnswer(), NOW + 1)
    steady.late(bytes((0x83, 2)), NOW + 2)

    assert steady.ready_at == NOW + 1 + LATE_S_MAX
    assert steady.suspect(length(LONG))


@pytest.mark.parametrize("pdu", [good(LONG), good(OTHER), bytes((0x84, 2)), bytes((3, 0))])
def test_a_frame_that_does_not_fit_ends_nothing(steady: Condition, pdu: bytes) -> None:
    """Another length or function is not the answer that is waited for."""
    steady.failed(SHORT, NoAnswer(), NOW)
    steady.late(pdu, NOW + 1)

    assert steady.ready_at == NOW + LATE_S_MAX
    assert (steady.counters.late_replies, steady.counters.wrong_answers) == (0, 1)


def test_a_frame_out_of_the_blue_is_counted_and_changes_nothing(steady: Condition) -> None:
    """Nothing was missed: a second meter of the same address, perhaps."""
    steady.late(good(SHORT), NOW)

    assert steady.counters.wrong_answers == 1
    assert steady.state == "waiting"


def test_noise_is_a_short_wait(steady: Condition) -> None:
    """It was most likely the answer, damaged; but its length stays suspect in case it was not."""
    steady.failed(SHORT, LineNoise(), NOW)

    assert steady.ready_at == NOW + NOISE_S
    assert steady.suspect(length(SHORT))
    assert (steady.reason, steady.counters.noise) == ("line_noise", 1)


def test_the_head_of_a_damaged_answer_shortens_the_wait(steady: Condition) -> None:
    """Perhaps the late answer ran into another one; the next request, of another length, will show it."""
    steady.failed(SHORT, NoAnswer(), NOW)
    steady.perhaps_spoken(NOW + 1)

    assert steady.ready_at == NOW + 1 + NOISE_S
    assert steady.suspect(length(SHORT))


def test_the_head_of_a_damaged_answer_never_lengthens_a_wait(steady: Condition) -> None:
    """Nor does it matter for a meter that misses nothing or is given up."""
    steady.failed(SHORT, LineNoise(), NOW)
    steady.perhaps_spoken(NOW + 10)
    given_up = failed(condition(), ABSENT_AFTER)
    given_up.perhaps_spoken(NOW)

    assert steady.ready_at == NOW + NOISE_S
    assert given_up.ready_at == NOW + BACKOFF_S_MIN


def test_a_good_answer_of_another_length_clears_the_doubt(steady: Condition) -> None:
    """A meter answers in order: nothing older can follow."""
    steady.failed(SHORT, NoAnswer(), NOW)
    steady.answered(LONG, 1)

    assert not steady.in_doubt
    assert (steady.missing, steady.reason) == (None, "")


def test_a_refusal_in_step_is_an_answer(steady: Condition) -> None:
    """The meter is there; nothing is in doubt; the reason is kept."""
    steady.refused(SHORT, MeterRefused(2), NOW)

    assert not steady.in_doubt
    assert (steady.reason, steady.state, steady.counters.exceptions) == ("exception_2", "ok", 1)
    assert steady.ready_at <= NOW


def test_a_refusal_in_doubt_may_be_an_older_requests(steady: Condition) -> None:
    """Then the answer to the newer request is still to come: its length is suspect next."""
    steady.failed(SHORT, LineNoise(), NOW)
    steady.refused(LONG, MeterRefused(2), NOW + 1)

    assert steady.suspect(length(LONG))
    assert not steady.suspect(length(SHORT))


@pytest.mark.parametrize("code", [10, 11])
def test_a_gateway_that_does_not_reach_the_meter_makes_it_absent(steady: Condition, code: int) -> None:
    """Its exception is no answer of the meter: it is asked ever less often, and at once when a person wants it."""
    for _ in range(ABSENT_AFTER + 3):
        steady.refused(SHORT, MeterRefused(code), NOW)

    assert (steady.state, steady.reason) == ("absent", f"exception_{code}")
    assert steady.ready_at == NOW + 8 * BACKOFF_S_MIN
    steady.wake(NOW + 1)
    assert steady.ready_at == NOW + 1


@pytest.mark.parametrize("code", [5, 6])
def test_a_busy_meter_is_left_alone_for_a_moment(steady: Condition, code: int) -> None:
    """Acknowledge and busy both mean: ask again later."""
    steady.refused(SHORT, MeterRefused(code), NOW)

    assert steady.ready_at == NOW + BUSY_S


def test_lengths_of_long_ago_are_forgotten(steady: Condition) -> None:
    """Else the probes of a meter that was off overnight would run out of lengths."""
    steady.failed(SHORT, NoAnswer(), NOW)
    steady.failed(LONG, NoAnswer(), NOW + FORGOTTEN_S + 1)

    assert not steady.suspect(length(SHORT))
    assert steady.suspect(length(LONG))


def test_an_absent_meter_is_asked_ever_less_often(steady: Condition) -> None:
    """From the failure that makes it absent on the wait doubles up to five minutes."""
    waits = []
    for _ in range(ABSENT_AFTER + 8):
        steady.failed(SHORT, NoAnswer(), NOW)
        waits.append(steady.ready_at - NOW)

    assert waits[: ABSENT_AFTER - 1] == pytest.approx([LATE_S_MAX] * (ABSENT_AFTER - 1))
    assert waits[ABSENT_AFTER - 1 : ABSENT_AFTER + 2] == [BACKOFF_S_MIN, 2 * BACKOFF_S_MIN, 4 * BACKOFF_S_MIN]
    assert waits[-1] == BACKOFF_S_MAX
    assert steady.state == "absent"


def test_noise_alone_makes_a_meter_absent_too(steady: Condition) -> None:
    """A meter with other settings would else take a full time-out of everyone's time twenty times a second."""
    for _ in range(ABSENT_AFTER):
        steady.failed(SHORT, LineNoise(), NOW)

    assert steady.ready_at == NOW + BACKOFF_S_MIN


def test_an_answer_ends_the_absence(steady: Condition) -> None:
    """One good answer and it is polled like any other."""
    failed(steady, ABSENT_AFTER)
    steady.answered(LONG, 1)

    assert not steady.absent
    assert steady.state == "flaky"


def test_waking_ends_the_backoff_but_not_the_draining(steady: Condition) -> None:
    """A person waits no longer than a late answer needs; a meter that is only draining is not hurried."""
    failed(steady, ABSENT_AFTER + 4)
    steady.wake(NOW + 1)
    draining = failed(condition(), 1)
    draining.wake(NOW)

    assert steady.ready_at == NOW + 1 + LATE_S_MAX
    assert draining.ready_at == NOW + LATE_S_MAX


def test_the_state_names_what_happened_lately(steady: Condition) -> None:
    """Waiting, ok, flaky after two failures of twenty polls, ok again when they are past."""
    states = [steady.state]
    steady.answered(SHORT, 1)
    states.append(steady.state)
    for _ in range(FLAKY_FAILURES):
        steady.failed(SHORT, NoAnswer(), NOW)
        steady.answered(LONG, 1)
    states.append(steady.state)
    for _ in range(RECENT_POLLS):
        steady.answered(SHORT, 1)
    states.append(steady.state)

    assert states == ["waiting", "ok", "flaky", "ok"]


def test_a_meter_that_takes_half_a_second_is_slow(steady: Condition) -> None:
    """It answers, but it holds up the line."""
    for _ in range(30):
        steady.answered(SHORT, 700_000)

    assert steady.state == "slow"
    assert steady.counters.answers == 30
