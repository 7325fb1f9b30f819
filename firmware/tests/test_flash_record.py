"""Records of 32 bytes: what is believed, healed and refused."""

from random import Random

import pytest

from firmware.flash_record import BLANK, BLANK_BYTES, CHECKED_BYTES, DAMAGED, RECORD_BYTES, UNFINISHED, Flaw, Record, judge, write_into

OWNER = 0x4A01
RECORD = Record(128 * 5 + 7, 4711, 64, 191, bytes(range(20)))


def raw_record() -> bytearray:
    raw = bytearray(RECORD_BYTES)
    write_into(raw, RECORD, OWNER)
    return raw


def flipped(raw: bytearray, *bits: int) -> bytearray:
    changed = bytearray(raw)
    for bit in bits:
        changed[bit >> 3] ^= 1 << (bit & 7)
    return changed


def test_a_record_reads_back_as_written() -> None:
    """What was written in full is the record; erased flash is blank."""
    assert (judge(raw_record(), OWNER), judge(BLANK_BYTES, OWNER)) == (RECORD, BLANK)


@pytest.mark.parametrize("bit", range(RECORD_BYTES * 8))
def test_any_single_flipped_bit_heals(bit: int) -> None:
    """One flipped bit anywhere in a record, check word included, leaves the record as it was."""
    assert judge(flipped(raw_record(), bit), OWNER) == RECORD


def test_a_single_flipped_bit_in_blank_flash_is_no_record() -> None:
    """A slot that was never written cannot become a record, nor count as one that was lost."""
    assert {judge(flipped(bytearray(BLANK_BYTES), bit), OWNER) for bit in range(RECORD_BYTES * 8)} == {UNFINISHED}


def test_two_to_four_flipped_bits_are_never_taken_for_a_record() -> None:
    """The check word keeps any such record six bits away from every other one."""
    random = Random(1)
    raw = raw_record()

    found = [judge(flipped(raw, *random.sample(range(RECORD_BYTES * 8), random.randint(2, 4))), OWNER) for _ in range(20_000)]

    assert all(isinstance(each, Flaw) for each in found)
    assert found.count(DAMAGED) > 0.99 * len(found)


@pytest.mark.parametrize("written", range(1, RECORD_BYTES))
def test_a_record_cut_off_after_any_byte_is_unfinished(written: int) -> None:
    """Nobody has been told what it says, so it is not counted as lost."""
    torn = raw_record()[:written] + BLANK_BYTES[written:]

    found = judge(torn, OWNER)

    # The last byte may lack one bit only: then the record is whole but for that bit.
    assert found == UNFINISHED or (written >= CHECKED_BYTES and found == RECORD)


def test_records_of_another_owner_do_not_hold() -> None:
    """When the flash is laid out anew, what others left there is not believed."""
    assert judge(raw_record(), OWNER + 1) == DAMAGED
