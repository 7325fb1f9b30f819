"""Flash blocks as files: what is programmed is read again, and the journal cannot tell them from flash."""

import io
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firmware.counter_journal import ONE_MINUTE, CounterJournal
from firmware.file_blocks import FileBlocks
from firmware.load_profile import NOT_RECORDED, LoadProfile, ProfileRecord
from tools.board.flash import SimulatedFlash, make_blank

BLOCKS, BLOCK_BYTES, ERASE = 3, 4096, 6
STEPS = 400


class NoMemory:
    def read(self) -> bytes:
        return b""

    def write(self, data: bytes | bytearray) -> None:
        pass


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[], FileBlocks]]:
    """Each call is another start of the board over the same files."""
    made: list[FileBlocks] = []

    def start() -> FileBlocks:
        made.append(FileBlocks(str(tmp_path / "blocks")))
        return made[-1]

    yield start
    for each in made:
        each.close()


@pytest.fixture
def blocks(started: Callable[[], FileBlocks]) -> FileBlocks:
    return started()


def read(blocks: FileBlocks | SimulatedFlash, block: int, offset: int = 0, count: int = BLOCK_BYTES) -> bytes:
    found = bytearray(count)
    blocks.readblocks(block, found, offset)
    return bytes(found)


def test_it_does_what_flash_does(blocks: FileBlocks, started: Callable[[], FileBlocks]) -> None:
    """Over many random programs, reads and erases it is byte for byte the simulated flash, also after a restart."""
    draw = random.Random(1)
    store = io.BytesIO()
    make_blank(store, BLOCKS)
    flash = SimulatedFlash(store, BLOCKS, draw)
    for _ in range(STEPS):
        block, offset, count = draw.randrange(BLOCKS), 32 * draw.randrange(120), draw.choice((4, 28, 32, 72))
        offset += 28 if count == 4 else 0
        if draw.randrange(20) == 0:
            flash.ioctl(ERASE, block)
            blocks.ioctl(ERASE, block)
        else:
            data = bytes(octet & draw.getrandbits(8) for octet in read(flash, block, offset, count))
            flash.writeblocks(block, data, offset)
            blocks.writeblocks(block, data, offset)
        assert read(blocks, block, offset, count) == read(flash, block, offset, count)

    blocks.writeblocks(0, b"\0", 4095)
    flash.writeblocks(0, b"\0", 4095)
    again = started()
    assert [read(again, block) for block in range(BLOCKS)] == [read(flash, block) for block in range(BLOCKS)]


def test_a_record_is_written_once_it_is_whole(blocks: FileBlocks, tmp_path: Path) -> None:
    """The payload waits for its check word, and is read from memory meanwhile; one write to the file system, not two."""
    blocks.writeblocks(1, b"p" * 28, 64)

    assert (read(blocks, 1, 64, 28), (tmp_path / "blocks" / "1").exists()) == (b"p" * 28, False)
    blocks.writeblocks(1, b"c" * 4, 92)
    assert (tmp_path / "blocks" / "1").read_bytes() == b"\xff" * 64 + b"p" * 28 + b"c" * 4


def test_a_power_cut_before_the_check_word_leaves_nothing(blocks: FileBlocks, started: Callable[[], FileBlocks]) -> None:
    """What waits in memory is gone, and the block is as it was."""
    blocks.writeblocks(1, b"w" * 32, 0)
    blocks.writeblocks(1, b"p" * 28, 32)

    assert read(started(), 1, 0, 64) == b"w" * 32 + b"\xff" * 32


def test_the_journal_finds_its_counters_again(blocks: FileBlocks, started: Callable[[], FileBlocks], tmp_path: Path) -> None:
    """Over more saves than the ring holds, with a restart in between: the totals and their epoch go on."""
    totals = [0] * 16
    journal = CounterJournal(blocks, 16, ONE_MINUTE, NoMemory(), lambda: 7)
    for step in range(300):
        totals = [total + index for index, total in enumerate(totals)]
        assert journal.save(step, totals)
        if step % 97 == 0:
            journal = CounterJournal(started(), 16, ONE_MINUTE, NoMemory(), lambda: 9)
            assert (journal.saved, journal.epoch, journal.damaged) == (totals, 8, 0)

    assert all(path.stat().st_size <= BLOCK_BYTES for path in (tmp_path / "blocks").iterdir())


def test_the_load_profile_lies_there_too(blocks: FileBlocks, started: Callable[[], FileBlocks]) -> None:
    """A quarter that was recorded is read again after a restart, its neighbour is a gap."""
    profile = LoadProfile(blocks, 176)
    kept = ProfileRecord(1_990_000, 7, 100, [1, 2, 3, 4])
    profile.put(kept)
    profile.service(lambda: True)

    again = LoadProfile(started(), 176)
    assert list(again.records(1_990_000, 1_990_002)) == [(1_990_000, kept), (1_990_001, NOT_RECORDED)]
