"""What survives a reset: areas kept twice, the counters' companions, and the two halves of a tally."""

import pytest

from firmware.carried import BYTES, Carried
from firmware.counter_journal import CounterJournal
from firmware.front_ends.tally import AREA_BYTES, ENTRIES_MAX, Tally
from firmware.metrology.energy import Counters
from firmware.rtc_areas import RtcAreas
from firmware.rtc_plan import AREAS, COUNTERS
from firmware.tests.flash_bench import PLAN, new_flash
from tools.bench.journal_trial import RtcMemory
from tools.board.flash import SimulatedFlash

RTC_BYTES_MAX = 2048  # of the port


class Torn(Exception):
    pass


class TearingMemory(RtcMemory):
    """Stops in the middle of a write, at the byte it is told."""

    torn_at: int | None = None

    def write(self, data: bytes | bytearray) -> None:
        if self.torn_at is not None:
            self.data = bytes(data[: self.torn_at]) + self.data[self.torn_at :]
            raise Torn
        super().write(data)


@pytest.mark.parametrize("torn_at", range(0, 2 * (5 + 7) + 2 * (5 + 3) + 1, 3))
def test_a_write_that_is_torn_leaves_the_one_before_or_is_whole(torn_at: int) -> None:
    """Wherever the reset strikes; the other area is what it was."""
    memory = TearingMemory()
    first, second = RtcAreas(memory, (7, 3)).areas
    for text in (b"eleven!", b"twelve!"):
        first.write(text)
        second.write(b"two")
    memory.torn_at = torn_at
    with pytest.raises(Torn):
        first.write(b"another")
    again = RtcAreas(memory, (7, 3)).areas

    assert again[0].read() in (b"twelve!", b"another")
    assert again[1].read() == b"two"


def test_the_newest_copy_wins_for_ever() -> None:
    """Also when the sequence comes round; another layout and a power cut leave nothing."""
    memory = RtcMemory()
    area = RtcAreas(memory, (2,)).areas[0]
    found = []
    for number in range(600):
        area.write(number.to_bytes(2, "big"))
        found.append(int.from_bytes(RtcAreas(memory, (2,)).areas[0].read(), "big"))

    assert found == list(range(600))
    assert RtcAreas(memory, (3,)).areas[0].read() == b""
    assert RtcAreas(RtcMemory(), (2,)).areas[0].read() == b""


def test_the_board_has_room_for_the_plan() -> None:
    """Both copies of every area."""
    assert sum(2 * (5 + length) for length in AREAS) <= RTC_BYTES_MAX


def test_the_journal_gives_back_what_went_with_its_totals() -> None:
    """Rests and what was taken come with the mirror; after a power cut neither is believed."""
    memory, flash = RtcMemory(), new_flash()
    aside = bytearray(b"together")
    journal = started(flash, memory, aside)
    journal.service(0, [5] * 16, lambda: True)
    again = bytearray(8)
    kept = started(flash, memory, again).aside_kept
    lost = bytearray(8)
    cut = started(flash, RtcMemory(), lost).aside_kept

    assert (kept, bytes(again)) == (True, b"together")
    assert (cut, bytes(lost)) == (False, bytes(8))


def started(flash: SimulatedFlash, memory: RtcMemory, aside: bytearray) -> CounterJournal:
    return CounterJournal(flash, 0, PLAN, memory, lambda: 99, COUNTERS, aside)


@pytest.mark.parametrize(("mirror_lost", "counts_lost"), [(False, False), (True, False), (False, True)])
def test_half_of_a_pair_counts_nothing_twice(mirror_lost: bool, counts_lost: bool) -> None:
    """With both halves the difference is counted; with one of them nothing is, and nothing is invented."""
    memory, octets = RtcMemory(), bytearray(BYTES)
    tally = Tally(RtcAreas(memory, (AREA_BYTES,)).areas[0], 2)
    tally.add(0, 2**32 - 3)
    tally.take()
    Carried(octets, Counters(1), tally).pack()
    tally.add(0, 10)
    tally.keep()
    again = Tally(RtcAreas(RtcMemory() if counts_lost else memory, (AREA_BYTES,)).areas[0], 2)
    Carried(octets, Counters(1), again).restore(not mirror_lost)

    assert again.take() == [0 if mirror_lost or counts_lost else 10, 0]
    assert len(again.counts) <= ENTRIES_MAX
