"""Counters that survive: what is written when, and what is found again."""

from random import Random

import pytest

from firmware.counter_journal import CounterJournal
from firmware.tests.flash_bench import BLOCKS, PLAN, allowed, blank_store, forbidden, new_flash, start
from protocols.errors import OurMistake
from tools.bench.journal_trial import RtcMemory
from tools.board.flash import SimulatedFlash

ZEROS = [0] * 16
SOME = [1_000 * index for index in range(16)]
LARGE = [2**63 + 5, 2**40 - 1, 2**40, 7] * 4


def fill(journal: CounterJournal, flash: SimulatedFlash, until_erases: int, may_erase: object = allowed) -> list[int]:
    """Save ever more energy until so many blocks have been erased; the totals at the end."""
    totals = list(journal.saved)
    now_ms = 0
    while sum(flash.erases) < until_erases:
        now_ms += PLAN.save_every_ms
        totals = [total + 10 for total in totals]
        journal.service(now_ms, totals, may_erase)  # type: ignore[arg-type]  # one of the two below
    journal.save(now_ms + 1, totals)
    return totals


def test_a_first_start_counts_from_zero_in_a_drawn_epoch() -> None:
    """Blank flash holds nothing to go on with, and says so."""
    journal = start(new_flash(), drawn=4710)

    assert (journal.saved, journal.epoch, journal.continued) == (ZEROS, 4711, False)


def test_blank_flash_is_read_in_no_time() -> None:
    """One look at each sector: a first start with a large ring must not wait for the watchdog."""
    flash = CountingFlash(blank_store(64), 64, Random(1))

    start(flash, plan=PLAN._replace(blocks=64))

    assert flash.reads < 64 + 2 * 128


class CountingFlash(SimulatedFlash):
    reads = 0

    def readblocks(self, block: int, buffer: bytearray | memoryview, offset: int = 0) -> None:
        self.reads += 1
        super().readblocks(block, buffer, offset)


@pytest.mark.parametrize("totals", [SOME, LARGE])
def test_saved_totals_are_found_again_in_the_same_epoch(totals: list[int]) -> None:
    """All 64 bits of every counter, also when they jumped by more than the short record holds."""
    flash = new_flash()
    journal = start(flash)
    journal.save(0, totals)

    again = start(flash, drawn=5)

    assert (again.saved, again.epoch, again.continued, again.damaged) == (totals, journal.epoch, True, 0)


def test_totals_are_found_again_after_many_times_round_the_ring() -> None:
    """Whatever sector the newest record lies in."""
    flash = new_flash()
    journal = start(flash)

    for erases in range(4, 30, 5):
        totals = fill(journal, flash, erases)

        journal = start(flash)
        assert (journal.saved, journal.continued) == (totals, True)


def test_only_groups_that_changed_are_written() -> None:
    """Wear follows the load: two programs a record, none if nothing flowed."""
    flash = new_flash()
    journal = start(flash)
    before = flash.programs

    journal.save(0, ZEROS)
    journal.save(1, [5, *ZEROS[1:]])
    journal.save(2, [6, *ZEROS[1:15], 1])

    assert flash.programs - before == 2 * (0 + 1 + 2)


def test_saves_come_when_they_are_due() -> None:
    """Between two saves `saved` stands still and grows old."""
    journal = start(new_flash())
    seen = []

    for now_ms in range(0, 20_000, 2_000):
        journal.service(now_ms, [now_ms, *ZEROS[1:]], allowed)
        seen.append((journal.saved[0], journal.age_ms(now_ms)))

    assert seen == [(now // 8_000 * 8_000, now % 8_000) for now in range(0, 20_000, 2_000)]


def test_the_next_sector_is_erased_only_while_that_is_allowed() -> None:
    """A frame on the wire is not disturbed as long as there is room."""
    flash = new_flash()
    journal = start(flash)
    before = sum(flash.erases)

    journal.service(0, SOME, forbidden)
    refused = sum(flash.erases) - before
    journal.service(1, SOME, allowed)
    journal.service(2, SOME, allowed)

    assert (refused, sum(flash.erases) - before, journal.erases_forced) == (0, 1, 0)


def test_an_erase_is_forced_and_counted_before_a_save_is_lost() -> None:
    """The loss bound comes before one frame."""
    flash = new_flash()
    journal = start(flash)

    totals = fill(journal, flash, 3, forbidden)

    assert (start(flash).saved, journal.erases_forced, journal.failures) == (totals, 2, 0)


def test_a_falling_counter_is_refused() -> None:
    """A mistake elsewhere does not reach the flash."""
    journal = start(new_flash())
    journal.save(0, SOME)

    with pytest.raises(OurMistake, match="counter 3 fell from 3000 to 2999; nothing was saved"):
        journal.save(1, [*SOME[:3], 2_999, *SOME[4:]])


def test_the_mirror_brings_back_what_was_not_saved_yet() -> None:
    """After a watchdog reset at most a second is missing."""
    flash, memory = new_flash(), RtcMemory()
    journal = start(flash, memory)
    journal.service(0, ZEROS, allowed)
    journal.service(1_000, SOME, allowed)

    assert (journal.saved, start(flash, memory).saved) == (ZEROS, SOME)


def test_the_mirror_alone_keeps_continuity() -> None:
    """Flash that cannot be read is no break as long as RTC memory holds."""
    flash, memory = new_flash(), RtcMemory()
    journal = start(flash, memory)
    journal.service(0, SOME, allowed)

    again = start(new_flash(), memory, drawn=5)

    assert (again.saved, again.epoch, again.continued) == (SOME, journal.epoch, True)


@pytest.mark.parametrize("length", [0, 1, 70, 135])
def test_a_torn_mirror_is_not_believed(length: int) -> None:
    """A reset in the middle of writing it leaves the journal's word."""
    flash, memory = new_flash(), RtcMemory()
    journal = start(flash, memory)
    journal.service(0, SOME, allowed)
    old = memory.data
    journal.service(1_000, [total + 1_000_000 for total in SOME], allowed)
    memory.data = memory.data[:length] + old[length:] if length > 1 else memory.data[:length]

    assert start(flash, memory).saved == SOME


def test_the_mirror_of_another_epoch_is_not_believed() -> None:
    """What was counted before a break does not come back as energy."""
    flash, memory = new_flash(), RtcMemory()
    start(new_flash(), memory, drawn=7).service(0, SOME, allowed)
    start(flash, drawn=8)

    assert start(flash, memory).saved == ZEROS


def test_unreadable_records_begin_a_new_epoch() -> None:
    """A fall is never silent: the epoch is another than any that can still be read."""
    flash = new_flash()
    journal = start(flash, drawn=99)
    journal.save(0, SOME)
    newest = 128 + 1 + 8 + 3  # title, head, and the last of four groups
    for bit in (3, 77, 140):
        flash.flip(newest // 128, newest % 128 * 32 * 8 + bit)

    again = start(flash, drawn=99)

    assert (again.epoch, again.continued, again.damaged) == (101, False, 1)
    assert again.saved == [*SOME[:12], *ZEROS[12:]]
    assert start(flash).continued


def test_an_old_damaged_record_is_counted_and_changes_nothing() -> None:
    """As long as a later record says the same counters, nothing is lost."""
    flash = new_flash()
    journal = start(flash)
    journal.save(0, SOME)
    journal.save(1, [total + 1 for total in SOME])
    for bit in (3, 77, 140):
        flash.flip(1, (1 + 8 + 3) * 32 * 8 + bit)

    again = start(flash)

    assert (again.saved, again.epoch, again.damaged) == ([total + 1 for total in SOME], journal.epoch, 1)


def test_a_slot_that_does_not_take_its_record_is_left_behind() -> None:
    """Worn cells cost slots, not energy."""
    flash = new_flash()
    journal = start(flash)
    flash.worn_one_in = 20

    totals = fill(journal, flash, 8)

    flash.worn_one_in = 0
    assert journal.rejected > 5
    assert start(flash).saved == totals


class DeadFlash(SimulatedFlash):
    dead = False

    def writeblocks(self, block: int, buffer: bytes | bytearray | memoryview, offset: int | None = None) -> None:
        if self.dead:
            raise OSError(5)
        super().writeblocks(block, buffer, offset)


def test_flash_that_takes_nothing_leaves_the_published_totals() -> None:
    """Metering goes on, the failure is counted, and the age of the last record shows it."""
    flash = DeadFlash(blank_store(), BLOCKS, Random(1))
    journal = start(flash)
    journal.save(0, SOME)
    flash.dead = True

    done = journal.save(10_000, [total + 1_000 for total in SOME])

    assert (done, journal.failures, journal.age_ms(12_000)) == (False, 1, 12_000)
    assert journal.saved == SOME
    assert journal.erases <= 4  # the first sector's, and those of three that were tried


def test_an_update_may_bring_counters() -> None:
    """The old ones go on, the new ones begin at zero, and the epoch stays."""
    flash = new_flash()
    journal = start(flash)
    journal.save(0, SOME)

    again = start(flash, counters=20)

    assert (again.saved, again.epoch, again.continued) == ([*SOME, 0, 0, 0, 0], journal.epoch, True)


def test_an_update_may_take_counters_away() -> None:
    """The others go on."""
    flash = new_flash()
    start(flash).save(0, SOME)

    again = start(flash, counters=12)

    assert (again.saved, again.continued) == (SOME[:12], True)


@pytest.mark.parametrize(("before", "after"), [(4, 6), (6, 4)])
def test_a_ring_of_another_size_is_found(before: int, after: int) -> None:
    """It grows by an update; one that was larger is not cut, because the newest record may lie there."""
    flash = new_flash(6)
    journal = start(flash, plan=PLAN._replace(blocks=before))
    totals = fill(journal, flash, 5)

    again = start(flash, plan=PLAN._replace(blocks=after))

    assert (again.saved, again.continued) == (totals, True)


def test_a_ring_too_small_is_refused() -> None:
    """Its newest sectors could be those that an interrupted erase has spoiled."""
    with pytest.raises(OurMistake, match="takes 4 blocks or more"):
        start(new_flash(), plan=PLAN._replace(blocks=3))
