"""How long a meter takes, learnt."""

from gateway.acquire.turnaround import BOUNDS_US, SAMPLES_MAX, SAMPLES_MIN, TIMEOUT_US_MIN, Turnaround

TYPICAL_US, SLOW_US, LONGEST_US = 40_000, 150_000, 1_000_000


def learnt(*samples_us: int, longest_us: int = LONGEST_US) -> Turnaround:
    turnaround = Turnaround(TYPICAL_US, SLOW_US, longest_us)
    for sample_us in samples_us:
        turnaround.add(sample_us)
    return turnaround


def test_the_meter_file_holds_until_enough_was_measured() -> None:
    """One sample fewer than needed changes nothing."""
    turnaround = learnt(*[5_000] * (SAMPLES_MIN - 1))

    assert not turnaround.learnt
    assert (turnaround.median_us, turnaround.slow_us, turnaround.timeout_us) == (TYPICAL_US, SLOW_US, LONGEST_US)


def test_what_was_measured_holds_from_then_on() -> None:
    """Median and p99.9 are bucket bounds that are no less than the samples, and at most a fifth more."""
    turnaround = learnt(*[50_000] * 60, *[90_000] * 2)

    assert turnaround.learnt
    assert 50_000 <= turnaround.median_us <= 60_000
    assert 90_000 <= turnaround.slow_us <= 108_000


def test_the_time_out_follows_the_slow_turnaround_within_its_bounds() -> None:
    """Three times the slow one; no less than what adapters need, no more than the meter file allows."""
    quick, medium, slow = learnt(*[2_000] * 30), learnt(*[100_000] * 30), learnt(*[900_000] * 30)

    assert quick.timeout_us == TIMEOUT_US_MIN
    assert medium.timeout_us == 3 * medium.slow_us < LONGEST_US
    assert slow.timeout_us == LONGEST_US


def test_a_late_answer_ends_the_short_time_out() -> None:
    """A meter that became slower than what was learnt must not stay locked out by it."""
    turnaround = learnt(*[2_000] * 30)
    turnaround.late()
    at_once = turnaround.timeout_us
    for _ in range(SAMPLES_MIN):
        turnaround.add(400_000)

    assert at_once == LONGEST_US
    assert turnaround.timeout_us >= 400_000


def test_what_it_remembers_is_bounded_and_follows_a_change() -> None:
    """After long being quick, a meter that slows down is seen as slow."""
    turnaround = learnt(*[10_000] * SAMPLES_MAX * 2, *[100_000] * SAMPLES_MAX)

    assert sum(count for _, count in turnaround.histogram()) <= SAMPLES_MAX
    assert turnaround.median_us >= 100_000


def test_beyond_the_last_bound_is_counted_too() -> None:
    """An answer after more than ten seconds has a bucket."""
    assert learnt(20_000_000).histogram() == [(2 * BOUNDS_US[-1], 1)]
