"""C8 and C9: what a counter that jumps or goes backwards means."""

import pytest

from gateway.carbon import CounterReading
from gateway.carbon.epoch import history_of
from gateway.carbon.series import series_of
from gateway.carbon.tests.builders import HOUR, KWH, MINUTE, counter
from gateway.carbon.tests.decided import SLOW, START, decided, kwh, verdict


def test_c8_ii_a_plausible_wrap_of_a_declared_modulus_is_a_rollover() -> None:
    """999 -> 2 with modulus 1000 is an advance of 3."""
    history = decided(counter(modulus_thousandths=1000 * KWH), *kwh(998, 999, 2, 4))

    assert verdict(history) == ([998, 999, 2, 4], 1 + 3 + 2, [("rollover", -1000)])


def test_c8_ii_an_implausible_wrap_is_no_rollover() -> None:
    """From 500 down to 2 the wrapped advance is more than the rating allows: a reset."""
    history = decided(counter(modulus_thousandths=1000 * KWH), *kwh(499, 500, 2, 3, 4))

    assert verdict(history) == ([499, 500, 2, 3, 4], 1 + 2, [("reset", 2 - 500)])


@pytest.mark.parametrize(("before", "kind"), [(990, "rollover"), (400, "reset")])
def test_c8_ii_without_a_rating_the_shorter_way_round_decides(before: int, kind: str) -> None:
    """Limits never come from a constant: only from what the meter says of itself."""
    history = decided(counter(modulus_thousandths=1000 * KWH, rating_thousandths_per_hour=None), *kwh(before, 1, 2, 3))

    assert [event.kind for event in history.events] == [kind]


def test_c8_ii_without_a_rating_a_fall_that_is_undone_is_no_rollover() -> None:
    """A zero glitch above half the modulus must not book a whole turn."""
    spec = counter(modulus_thousandths=1000 * KWH, rating_thousandths_per_hour=None)

    assert verdict(decided(spec, *kwh(600, 0, 601))) == ([600, 601], 1, [("transient", 0)])
    assert verdict(decided(spec, *kwh(600, 300, 0, 0, 0, 601))) == ([600, 601], 1, [("transient", 0)])


def test_c8_ii_an_implausible_fall_does_not_become_a_rollover_by_waiting() -> None:
    """A counter that goes on from where it fell to has not wrapped since, however long the pause."""
    spec = counter(modulus_thousandths=1000 * KWH)
    fallen = [(START, 500 * KWH), (START + HOUR, KWH)]
    later = [(START + (48 + n) * HOUR, (2 + n) * KWH) for n in range(2)]

    undecided = history_of(spec, series_of(CounterReading(*each) for each in [*fallen, later[0]]))
    history = history_of(spec, series_of(CounterReading(*each) for each in [*fallen, *later]))

    assert undecided.is_pending
    assert verdict(history) == ([500, 1, 2, 3], 2, [("reset", 1 - 500)])


def test_c8_iii_a_dip_that_comes_back_by_an_impossible_step_is_rejected() -> None:
    """Three low readings would be a reset; coming back within the day takes that back."""
    low = decided(SLOW, *kwh(1000, 1001, 0, 0, 0))
    back = decided(SLOW, *kwh(1000, 1001, 0, 0, 0, 1002))

    assert verdict(low) == ([1000, 1001, 0, 0, 0], 1, [("reset", -1001)])
    assert verdict(back) == ([1000, 1001, 1002], 2, [("transient", 0)])


def test_c8_iii_a_spike_after_a_reset_is_no_return() -> None:
    """Only a value that the old epoch could have reached takes the reset back."""
    history = decided(SLOW, *kwh(1000, 0, 0, 0, 10**6, 1))

    assert verdict(history) == ([1000, 0, 0, 0, 1], 1, [("reset", -1000), ("transient", 0)])


def test_c8_iii_growing_past_the_old_value_by_possible_steps_is_a_reset() -> None:
    """A small counter that started again at 0 may reach its old value the same day."""
    history = decided(SLOW, *kwh(2, 0, 1, 1, 2, 3, 4))

    assert verdict(history) == ([2, 0, 1, 1, 2, 3, 4], 4, [("reset", -2)])


def test_c8_iii_after_24_h_the_reset_stands() -> None:
    """A return after more than a day is a jump of its own and is held."""
    values = kwh(1000, *[0] * 98, 1100)

    history = decided(SLOW, *values)

    assert history.events[0].kind == "reset"
    assert [event.kind for event in history.events] == ["reset", "quarantine"]


def test_c8_iii_without_a_rating_one_step_over_the_whole_fall_is_impossible() -> None:
    """The counter is back where it was: the readings in between were garbled."""
    history = decided(counter(rating_thousandths_per_hour=None), *kwh(1000, 0, 0, 0, 1001))

    assert verdict(history) == ([1000, 1001], 1, [("transient", 0)])


def test_c8_iii_without_a_rating_a_smaller_step_than_the_fall_is_growth() -> None:
    """The counter started again and grew past its old value in several steps: a reset."""
    history = decided(counter(rating_thousandths_per_hour=None), *kwh(10, 0, 4, 8, 12))

    assert verdict(history) == ([10, 0, 4, 8, 12], 12, [("reset", -10)])


def test_c8_iv_low_readings_must_follow_one_another() -> None:
    """A garbled high one between them starts the count anew; the verdict comes with the third after it."""
    undecided, final = (decided(counter(), *kwh(1000, 0, 0, 10**6, 1, *rest)) for rest in ((1,), (1, 2)))

    assert undecided.is_pending
    assert verdict(final)[0] == [1000, 1, 1, 2]


def test_c8_iii_a_dip_that_ends_before_it_counts_as_reset_is_rejected() -> None:
    """One reading slightly below, and on it goes."""
    history = decided(counter(), 1000 * KWH, 1000 * KWH - 1, 1001 * KWH)

    assert verdict(history) == ([1000, 1001], 1, [("transient", 0)])


@pytest.mark.parametrize(
    ("count", "step_ms", "is_decided"), [(2, 15 * MINUTE, False), (3, 15 * MINUTE, True), (3, 10_000, False), (13, 10_000, True)]
)
def test_c8_iv_a_reset_needs_three_readings_over_two_minutes(count: int, step_ms: int, is_decided: bool) -> None:
    """Until then it is pending: nothing after the last good reading is booked."""
    values = [1000 * KWH, *range(5, 5 + count)]

    history = decided(counter(), *values, step_ms=step_ms)

    assert [event.kind for event in history.events] == ["reset" if is_decided else "quarantine"]
    assert len(history.times) == (1 + count if is_decided else 1)
    assert history.is_pending is not is_decided


def test_c8_iv_the_absolute_value_is_never_booked() -> None:
    """After a reset only what was counted since is energy; the adjustment is the whole fall."""
    history = decided(counter(), *kwh(1000, 40, 41, 43))

    assert verdict(history) == ([1000, 40, 41, 43], 3, [("reset", -960)])
    assert history.unknown == [0]


def test_c8_a_fall_to_zero_is_decided_like_any_other() -> None:
    """Zero is a reading (C10) and may start a new epoch."""
    history = decided(counter(), *kwh(1000, 0, 0, 0, 1))

    assert verdict(history) == ([1000, 0, 0, 0, 1], 1, [("reset", -1000)])


def test_c9_an_advance_beyond_rating_time_and_a_tenth_is_held() -> None:
    """400 kW make 110 kWh in a quarter of an hour with the tolerance, not 110.000001."""
    allowed, held = decided(counter(), 0, 110 * KWH), decided(counter(), 0, 110 * KWH + 1)

    assert verdict(allowed) == ([0, 110], 110, [])
    assert (held.values, [(event.kind, event.adjustment) for event in held.events]) == ([0], [("quarantine", 110 * KWH + 1)])


def test_c9_equal_repeats_confirm_nothing_but_time_may() -> None:
    """800 kWh stay held for 7 quarters of an hour and are plausible after 8."""
    held = decided(counter(), *kwh(0, *[800] * 7))
    accepted = decided(counter(), *kwh(0, *[800] * 8))
    spike = decided(counter(), *kwh(0, 10**6, 1))

    assert verdict(held)[:2] == ([0], 0)
    assert verdict(accepted) == ([0, 800], 800, [("quarantine", 0)])
    assert verdict(spike) == ([0, 1], 1, [("transient", 0)])


def test_c9_what_became_plausible_within_the_day_stays_accepted_after_it() -> None:
    """More readings do not take the verdict back."""
    assert verdict(decided(counter(), *kwh(0, *[800] * 120)))[1:] == (800, [("quarantine", 0)])


def test_c9_still_implausible_after_24_h_is_a_new_epoch() -> None:
    """It begins with the first held reading; the energy across is unknown, the energy since is booked."""
    values = [10**9 * KWH + number * KWH for number in range(97)]

    day_short = decided(counter(), 0, *values[:96])
    day_full = decided(counter(), 0, *values)

    assert len(day_short.times) == 1
    assert verdict(day_full)[1:] == (96, [("reset", 10**9)])
    assert day_full.unknown == [0]


def test_c9_a_spike_between_two_readings_that_follow_is_rejected() -> None:
    """a -> b -> c with a <= c < b and c plausible from a; also without a rating."""
    for spec in (counter(), counter(rating_thousandths_per_hour=None)):
        history = decided(spec, *kwh(1000, 1050, 1002, 1003))

        assert verdict(history) == ([1000, 1002, 1003], 3, [("transient", 0)])


def test_c9_a_spike_stands_before_a_rollover() -> None:
    """Near the end of the modulus a garbled reading must not book a whole turn."""
    spec = counter(modulus_thousandths=1000 * KWH, rating_thousandths_per_hour=None)

    history = decided(spec, *kwh(5, 999, 6))

    assert verdict(history) == ([5, 6], 1, [("transient", 0)])


def test_c8_ii_with_a_rating_a_plausible_rollover_stands_before_a_spike() -> None:
    """After a long outage the counter may have climbed and wrapped: both steps are plausible, neither is a spike."""
    rows = [(START, 5 * KWH), (START + 30 * HOUR, 999 * KWH), (START + 30 * HOUR + 15 * MINUTE, 6 * KWH)]

    history = history_of(counter(modulus_thousandths=1000 * KWH), series_of(CounterReading(*row) for row in rows))

    assert verdict(history) == ([5, 999, 6], 994 + 7, [("rollover", -1000)])


def test_c9_without_a_rating_nothing_is_held() -> None:
    """Any advance is booked; the figure says so."""
    history = decided(counter(rating_thousandths_per_hour=None), 0, 10**6 * KWH)

    assert verdict(history) == ([0, 10**6], 10**6, [])


def test_c8_a_late_reading_changes_the_verdict_whenever_it_arrives() -> None:
    """The verdict with the late reading is the same as if it had come in time."""
    early = [CounterReading(START + n * 15 * MINUTE, value * KWH) for n, value in enumerate((1000, 0, 0, 0))]
    late = CounterReading(START + HOUR, 1001 * KWH)

    before, after = history_of(SLOW, series_of(early)), history_of(SLOW, series_of([late, *early]))

    assert [event.kind for event in before.events] == ["reset"]
    assert [event.kind for event in after.events] == ["transient"]
