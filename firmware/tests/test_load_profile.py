"""The load profile: every quarter of an hour, or an honest gap."""

from itertools import pairwise
from random import Random

import pytest

from firmware.counter_records import GROUP
from firmware.load_profile import BLOCKS, BLOCKS_MIN, NOT_RECORDED, PROFILE_TOTALS, UNREADABLE, LoadProfile, ProfileRecord
from firmware.tests.flash_bench import allowed, forbidden, new_flash
from protocols.errors import OurMistake
from tools.board.flash import PowerCut, SimulatedFlash

FIRST = 127 * 15_700 + 50  # a quarter in autumn 2026, in the middle of its sector
DAYS_60 = 60 * 96


def record(quarter: int, epoch: int = 7, start: int = 2**40 - 500_000) -> ProfileRecord:
    grown = quarter - FIRST
    return ProfileRecord(quarter, epoch, 100 - grown % 3, [start + 900 * grown, 0, 2**62 + grown, grown])


def store(profile: LoadProfile, *records: ProfileRecord) -> None:
    for each in records:
        profile.put(each)
        profile.service(allowed)  # writes
        profile.service(allowed)  # erases ahead


def test_a_profile_holds_as_many_totals_as_a_record_has_room_for() -> None:
    """One record of 32 bytes is one quarter."""
    assert PROFILE_TOTALS == GROUP


def test_sixty_days_are_kept_with_all_bits_of_every_total() -> None:
    """Also when a total passes what the low part of a record holds, and after a restart."""
    flash = new_flash(BLOCKS_MIN)
    profile = LoadProfile(flash, 0, BLOCKS_MIN)
    quarters = range(FIRST, FIRST + 70 * 96)
    store(profile, *(record(quarter) for quarter in quarters))

    again = LoadProfile(flash, 0, BLOCKS_MIN)
    last = quarters[-1]

    assert again.oldest(last) <= last - DAYS_60
    assert list(again.records(last - DAYS_60, last + 2)) == [
        *((quarter, record(quarter)) for quarter in range(last - DAYS_60, last + 1)),
        (last + 1, NOT_RECORDED),
    ]
    assert again.read(FIRST) == NOT_RECORDED  # overwritten


def test_the_usual_ring_reaches_back_eighty_days() -> None:
    """`oldest` is computed from the ring."""
    assert FIRST - LoadProfile(new_flash(BLOCKS), 0).oldest(FIRST) >= 80 * 96


def test_a_quarter_that_was_not_measured_is_a_gap() -> None:
    """Nothing is filled in; the counters after it are those that stood there."""
    flash = new_flash(BLOCKS_MIN)
    profile = LoadProfile(flash, 0, BLOCKS_MIN)
    store(profile, record(FIRST), record(FIRST + 3))

    found = [each for _, each in profile.records(FIRST - 1, FIRST + 5)]

    assert found == [NOT_RECORDED, record(FIRST), NOT_RECORDED, NOT_RECORDED, record(FIRST + 3), NOT_RECORDED]


def test_an_outage_of_weeks_leaves_what_is_on_both_sides() -> None:
    """The sectors between may still hold older quarters, which are not taken for newer ones."""
    profile = LoadProfile(new_flash(BLOCKS_MIN), 0, BLOCKS_MIN)
    store(profile, *(record(quarter) for quarter in range(FIRST, FIRST + 50 * 96)))
    later = FIRST + 80 * 96
    store(profile, record(later))

    found = [each for _, each in profile.records(later - 40 * 96, later + 1)]

    assert [each for each in found if each != NOT_RECORDED] == [
        *(record(quarter) for quarter in range(later - 40 * 96, FIRST + 50 * 96)),
        record(later),
    ]


def test_the_first_record_of_a_quarter_stands() -> None:
    """A clock that is set back does not overwrite what was recorded; the second one is counted as missed."""
    profile = LoadProfile(new_flash(BLOCKS_MIN), 0, BLOCKS_MIN)
    store(profile, record(FIRST), record(FIRST, start=5))

    assert (profile.read(FIRST), profile.missed) == (record(FIRST), 1)


def test_nothing_is_erased_before_it_is_allowed() -> None:
    """The record waits for a quiet moment, for a whole quarter if need be; then the erase is forced and counted."""
    flash = new_flash(BLOCKS_MIN)
    profile = LoadProfile(flash, 0, BLOCKS_MIN)
    profile.put(record(FIRST))
    profile.service(forbidden)
    waiting = (profile.read(FIRST), sum(flash.erases))

    profile.put(record(FIRST + 1))
    profile.service(forbidden)

    assert waiting == (NOT_RECORDED, 0)
    assert (profile.read(FIRST), profile.read(FIRST + 1), profile.erases_forced) == (record(FIRST), record(FIRST + 1), 1)


def test_after_a_break_totals_that_cannot_be_completed_are_a_gap() -> None:
    """Rather no record than one with the upper bits of another epoch."""
    profile = LoadProfile(new_flash(BLOCKS_MIN), 0, BLOCKS_MIN)
    small = ProfileRecord(FIRST + 1, 8, 100, [5, 0, 9, 0])
    store(profile, record(FIRST), small, record(FIRST + 2, epoch=8))

    assert [profile.read(FIRST + place) for place in range(3)] == [record(FIRST), small, NOT_RECORDED]
    assert profile.missed == 1


def test_wrong_records_are_refused() -> None:
    """They would not fit into the form."""
    profile = LoadProfile(new_flash(BLOCKS_MIN), 0, BLOCKS_MIN)

    with pytest.raises(OurMistake, match="coverage of 0 to 100 %"):
        profile.put(ProfileRecord(FIRST, 7, 101, [0] * 4))


def test_a_ring_that_does_not_reach_back_sixty_days_is_refused() -> None:
    """The promise is checked where the ring is made."""
    with pytest.raises(OurMistake, match="48 blocks or more"):
        LoadProfile(new_flash(4), 0, 4)


@pytest.mark.parametrize("seed", range(3))
def test_a_cut_at_any_step_costs_at_most_the_record_being_written(seed: int) -> None:
    """Every step of three days of records, over sectors that held older ones: nothing else changes, nothing is made up."""
    flash = new_flash(BLOCKS_MIN, seed)
    profile = LoadProfile(flash, 0, BLOCKS_MIN)
    begin = FIRST + BLOCKS_MIN * 127  # the same sectors, one round later
    store(profile, *(record(quarter) for quarter in range(FIRST, FIRST + 4 * 96)))
    random = Random(seed)
    kept = 0

    for quarter in range(begin, begin + 3 * 96):
        flash.cut_at = flash.steps + 1 + random.randrange(6)
        try:
            store(profile, record(quarter))
        except PowerCut:
            flash.power_on()
            profile = LoadProfile(flash, 0, BLOCKS_MIN)
        kept += _sound(flash, quarter, profile.read(quarter))

    assert kept > 96
    found = [(quarter, each) for quarter, each in profile.records(begin, begin + 3 * 96) if isinstance(each, ProfileRecord)]
    assert all(each == record(quarter) for quarter, each in found)
    assert all(before < after for (before, _), (after, _) in pairwise(found))
    assert len(found) >= kept - 127  # a sector whose own opening was cut off is erased again


def _sound(_flash: SimulatedFlash, quarter: int, found: object) -> bool:
    assert found in (record(quarter), NOT_RECORDED, UNREADABLE)
    return found == record(quarter)
