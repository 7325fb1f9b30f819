"""C6 and C8 (i): swaps, resets and new ratios that a person declared."""

from gateway.carbon import Ratio, Reset, Swap
from gateway.carbon.bridge import bridged
from gateway.carbon.tests.builders import IMPORT, KWH, MINUTE, counter
from gateway.carbon.tests.decided import START, decided, kwh, verdict


def test_c8_i_a_declared_swap_bridges_old_and_new() -> None:
    """(old final - last read) + (new read - new start); the adjustment is what the raw counter jumped besides."""
    swap = Swap("main", IMPORT, START + 20 * MINUTE, 1003 * KWH, 50 * KWH)

    history = decided(counter(), *kwh(1000, 1001, 52, 55), declared=[swap])

    assert verdict(history) == ([1000, 1001, 52, 55], 1 + (1003 - 1001) + (52 - 50) + 3, [("swap", 50 - 1003)])
    assert history.unknown == []


def test_c8_i_a_swap_to_a_meter_that_stands_higher_is_bridged_too() -> None:
    """What looks like a plausible advance is not one when a person declared the swap."""
    swap = Swap("main", IMPORT, START + 20 * MINUTE, 1001 * KWH, 1090 * KWH)

    history = decided(counter(), *kwh(1000, 1001, 1092), declared=[swap])

    assert verdict(history) == ([1000, 1001, 1092], 1 + 0 + 2, [("swap", 1090 - 1001)])


def test_c8_i_two_swaps_between_two_readings_are_one_chain() -> None:
    """Each bridge is told with its own adjustment."""
    swaps = [Swap("main", IMPORT, START + at * MINUTE, old * KWH, new * KWH) for at, old, new in ((5, 1002, 0), (10, 3, 500))]

    history = decided(counter(), *kwh(1000, 504), declared=swaps)

    assert verdict(history) == ([1000, 504], 2 + 3 + 4, [("swap", -1002), ("swap", 497)])


def test_c8_i_a_swap_that_does_not_fit_the_readings_leaves_the_energy_unknown() -> None:
    """The old meter cannot have ended below what was read from it."""
    swap = Swap("main", IMPORT, START + 20 * MINUTE, 900 * KWH, 0)

    history = decided(counter(), *kwh(1000, 1001, 2, 3), declared=[swap])

    assert verdict(history) == ([1000, 1001, 2, 3], 1 + 1, [("swap", 2 - 1001)])
    assert history.unknown == [1]


def test_c8_i_a_late_reading_of_the_old_meter_is_not_taken_for_the_new_one() -> None:
    """The declared time was a little early: 1001 cannot be what the new meter counted since 0."""
    swap = Swap("main", IMPORT, START + 10 * MINUTE, 1003 * KWH, 0)

    history = decided(counter(), *kwh(1000, 1001, 1, 3), declared=[swap])

    assert verdict(history) == ([1000, 1, 3], 3 + 1 + 2, [("swap", -1003), ("quarantine", 0)])


def test_c8_i_a_reading_below_the_start_of_the_new_meter_is_set_aside() -> None:
    """It was garbled: the bridge waits for one that fits."""
    swap = Swap("main", IMPORT, START + 10 * MINUTE, 1003 * KWH, 50 * KWH)

    history = decided(counter(), *kwh(1000, 20, 52), declared=[swap])

    assert verdict(history) == ([1000, 52], 3 + 2, [("swap", 50 - 1003), ("quarantine", 0)])
    assert bridged(1000, 20, [swap], lambda level, value: value - level if value >= level else None) is None


def test_c8_i_a_swap_between_explains_a_fall_that_looks_like_a_spike() -> None:
    """a <= c < b across a declared swap rejects nothing."""
    swap = Swap("main", IMPORT, START + 20 * MINUTE, 1003 * KWH, 1000 * KWH)

    history = decided(counter(), *kwh(1000, 1002, 1001), declared=[swap])

    assert verdict(history) == ([1000, 1002, 1001], 2 + 1 + 1, [("swap", -3)])


def test_c8_i_until_a_reading_of_the_new_meter_comes_the_swap_is_pending() -> None:
    """After 24 h of readings that cannot be the new meter's, the energy across is unknown."""
    swap = Swap("main", IMPORT, START + 10 * MINUTE, 1003 * KWH, 0)

    waiting, given_up = (decided(counter(), *kwh(1000, *[1001 + 200 * n for n in range(count)]), declared=[swap]) for count in (96, 97))

    assert (len(waiting.times), waiting.is_pending) == (1, True)
    assert [event.adjustment for event in waiting.events] == [0, (1 + 200 * 95) * KWH]
    assert (given_up.unknown[0], given_up.is_pending) == (0, True)


def test_c8_i_a_swap_stands_before_a_rollover() -> None:
    """The declared order holds although the fall would wrap plausibly."""
    swap = Swap("main", IMPORT, START + 20 * MINUTE, 999 * KWH, 0)

    history = decided(counter(modulus_thousandths=1000 * KWH), *kwh(998, 999, 1), declared=[swap])

    assert verdict(history) == ([998, 999, 1], 1 + 1, [("swap", -999)])


def test_c8_i_a_reading_at_the_instant_of_the_swap_is_of_the_new_meter() -> None:
    """Half-open like every interval; a swap at the instant of a reading does not concern the pair after it."""
    swap = Swap("main", IMPORT, START + 15 * MINUTE, 1001 * KWH, 1000 * KWH)

    history = decided(counter(), *kwh(1000, 1002, 1003), declared=[swap])

    assert verdict(history) == ([1000, 1002, 1003], 1 + 2 + 1, [("swap", -1)])


def test_c8_a_declared_reset_needs_no_further_reading() -> None:
    """A person knows; the energy across it is unknown all the same."""
    history = decided(counter(), *kwh(1000, 3), declared=[Reset("main", IMPORT, START + MINUTE)])

    assert verdict(history) == ([1000, 3], 0, [("reset", -997)])
    assert history.unknown == [0]


def test_c6_a_declared_ratio_starts_a_new_segment_of_every_counter() -> None:
    """Across a change of the transformers the advance has no one scale."""
    history = decided(counter(), *kwh(1000, 1001, 1003), declared=[Ratio("main", START + 20 * MINUTE, "200/5")])

    assert verdict(history) == ([1000, 1001, 1003], 1, [("ratio", 2)])
    assert "200/5" in history.events[0].detail


def test_c6_declarations_of_other_counters_do_not_count() -> None:
    """A swap of the export register leaves the import register alone."""
    history = decided(
        counter(), *kwh(1000, 1001), declared=[Swap("main", "active_energy_export", START + 1, 0, 0), Reset("b", IMPORT, START)]
    )

    assert verdict(history) == ([1000, 1001], 1, [])


def test_c8_i_a_rollover_before_the_old_meter_was_taken_out_is_bridged() -> None:
    """Last read 990 of 1000 kWh, taken out at 5 kWh: fifteen kilowatt-hours, not an unknown amount."""
    swap = Swap("main", IMPORT, START + 20 * MINUTE, 5 * KWH, 300 * KWH)

    history = decided(counter(modulus_thousandths=1000 * KWH), *kwh(985, 990, 304, 306), declared=[swap])

    assert verdict(history) == ([985, 990, 304, 306], 5 + 15 + 4 + 2, [("swap", 304 - 990 - 19)])
    assert history.unknown == []
