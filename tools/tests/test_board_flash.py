"""The simulated flash behaves as NOR flash does, faults included."""

import io
from random import Random

import pytest

from tools.board.flash import BLOCK_BYTES, ERASE_MS, ImpossibleWrite, PowerCut, SimulatedFlash, make_blank

ERASE = 6
DATA = bytes(range(32))


def new_flash(seed: int = 1) -> SimulatedFlash:
    store = io.BytesIO()
    make_blank(store, 2)
    return SimulatedFlash(store, 2, Random(seed))


def contents(flash: SimulatedFlash, block: int, count: int = 32, offset: int = 0) -> bytes:
    buffer = bytearray(count)
    flash.readblocks(block, buffer, offset)
    return bytes(buffer)


def test_programming_clears_bits_and_needs_no_erase() -> None:
    """Appends to an erased block lie where they were written; the rest stays blank."""
    flash = new_flash()

    flash.writeblocks(1, DATA, 64)

    assert contents(flash, 1, 128) == b"\xff" * 64 + DATA + b"\xff" * 32
    assert sum(flash.erases) == 0


def test_a_bit_cannot_be_programmed_back_to_one() -> None:
    """Writing over a record is a mistake of the caller, and found."""
    flash = new_flash()
    flash.writeblocks(1, b"\x0f", 5)

    flash.writeblocks(1, b"\x0e", 5)
    with pytest.raises(ImpossibleWrite, match="block 1, byte 5: 0e cannot become 1e"):
        flash.writeblocks(1, b"\x1e", 5)


def test_an_erase_blanks_one_block_is_counted_and_stalls() -> None:
    """Both cores stand still meanwhile, and whoever simulates time hears of it."""
    store = io.BytesIO()
    make_blank(store, 2)
    stalls: list[int] = []
    flash = SimulatedFlash(store, 2, Random(1), stalls.append)
    flash.writeblocks(0, DATA, 0)
    flash.writeblocks(1, DATA, 0)

    flash.ioctl(ERASE, 1)

    assert (contents(flash, 0), contents(flash, 1), flash.erases) == (DATA, b"\xff" * 32, [0, 1])
    assert stalls[-1] == ERASE_MS
    assert flash.stalled_ms == sum(stalls)


def test_a_write_without_offset_erases_first() -> None:
    """As the chip's partitions do for file systems."""
    flash = new_flash()
    flash.writeblocks(0, DATA, 0)

    flash.writeblocks(0, b"\xaa" * BLOCK_BYTES)

    assert (contents(flash, 0), flash.erases, flash.ioctl(4, 0), flash.ioctl(5, 0)) == (b"\xaa" * 32, [1, 0], 2, BLOCK_BYTES)


def test_a_cut_leaves_bits_between_before_and_after_and_nothing_answers() -> None:
    """Every way of tearing a write occurs: nothing, all, a prefix, single bits; never a bit that neither side has."""
    seen = set()
    for seed in range(300):
        flash = new_flash(seed)
        flash.cut_at = 2
        flash.writeblocks(0, b"\0", 100)
        with pytest.raises(PowerCut):
            flash.writeblocks(0, DATA, 0)
        with pytest.raises(PowerCut):
            contents(flash, 0)
        flash.power_on()
        seen.add(contents(flash, 0))

    assert {DATA, b"\xff" * 32} < seen
    assert all(octet | wanted == octet for each in seen for octet, wanted in zip(each, DATA, strict=True))
    assert any(each[:20] == DATA[:20] and each[22:] == b"\xff" * 10 for each in seen)
    assert len(seen) > 100


def test_a_cut_erase_leaves_the_block_half_erased() -> None:
    """Untouched, blank, or any mixture."""
    seen = set()
    for seed in range(60):
        flash = new_flash(seed)
        flash.writeblocks(0, DATA, 0)
        flash.cut_at = flash.steps + 1
        with pytest.raises(PowerCut):
            flash.ioctl(ERASE, 0)
        flash.power_on()
        seen.add(contents(flash, 0))

    assert {DATA, b"\xff" * 32} < seen
    assert len(seen) > 20


def test_a_witness_sees_the_cut_and_the_step_goes_on() -> None:
    """So every step of a run can be tried without running it again."""
    flash = new_flash()
    seen: list[bytes] = []
    flash.witness = lambda place, length: seen.append(contents(flash, 0, length, place))

    for place in range(0, 320, 32):
        flash.writeblocks(0, DATA, place)

    assert len(set(seen)) > 3
    assert contents(flash, 0, 320) == DATA * 10


def test_worn_cells_and_flipped_bits_are_seen_by_reading_back() -> None:
    """One program in n leaves bits as they were; a flipped bit may be written over without complaint."""
    flash = new_flash()
    flash.worn_one_in = 4
    for place in range(0, 3200, 32):
        flash.writeblocks(0, b"\0" * 32, place)
    flash.flip(1, 8 * 7 + 3)

    flash.worn_one_in = 0
    flash.writeblocks(1, b"\xff" * 8, 0)

    assert 10 < sum(contents(flash, 0, 32, place) != b"\0" * 32 for place in range(0, 3200, 32)) < 40
    assert contents(flash, 1, 8) == b"\xff" * 7 + b"\xf7"


def test_places_outside_are_refused_as_the_chip_refuses_them() -> None:
    """With EINVAL."""
    with pytest.raises(OSError, match="22"):
        contents(new_flash(), 2)
