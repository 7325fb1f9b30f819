"""Erase blocks of a flash device as numbered sectors of 128 slots, each slot written once.

Slot 0 is the title: it is written after the erase has come to its end, so a sector without a title is not
used, whatever it looks like. A record's sequence number is 128 x generation + slot, which says to
which sector it belongs and whether a healed record is believable. What records mean is the users' matter.
Runs on MicroPython.
"""

from firmware.flash_record import (
    BLANK,
    CHECKED_BYTES,
    DAMAGED,
    RECORD_BYTES,
    Flaw,
    Record,
    judge,
    write_into,
)

BLOCK_BYTES = 4096
SLOTS = BLOCK_BYTES // RECORD_BYTES
TITLE = 0  # the slot and the kind of the title
_ERASE = 6  # the block device's own number for it

TYPE_CHECKING = False  # the board has no typing module
if TYPE_CHECKING:
    from typing import Protocol

    class BlockDevice(Protocol):
        """What `esp32.Partition` offers; with an offset, a write programs and does not erase."""

        def readblocks(self, block: int, buffer: bytearray | memoryview, offset: int) -> object: ...

        def writeblocks(self, block: int, buffer: bytes | bytearray | memoryview, offset: int) -> object: ...

        def ioctl(self, operation: int, argument: int) -> object: ...
else:
    BlockDevice = object


class FlashSectors:
    """`erases` and `rejected` (writes that did not read back as written) count since start."""

    def __init__(self, device: BlockDevice, first_block: int, count: int, owner: int) -> None:
        self.count = count
        self.erases = 0
        self.rejected = 0
        self._device = device
        self._first = first_block
        self._owner = owner
        # Taken once: a save allocates no buffer.
        self._written = bytearray(RECORD_BYTES)
        self._payload = memoryview(self._written)[:CHECKED_BYTES]
        self._check = memoryview(self._written)[CHECKED_BYTES:]
        self._raw = bytearray(RECORD_BYTES)
        self._payload_read = memoryview(self._raw)[:CHECKED_BYTES]
        self._check_read = memoryview(self._raw)[CHECKED_BYTES:]

    def read(self, sector: int, slot: int, generation: int | None = None) -> Record | Flaw:
        """What the slot holds; a record that bears another place's number counts as damaged."""
        self._device.readblocks(self._first + sector, self._raw, slot * RECORD_BYTES)
        found = judge(self._raw, self._owner)
        if isinstance(found, Record) and not _fits(found.sequence, slot, generation):
            return DAMAGED
        return found

    def kind_and_note(self) -> tuple[int, int]:
        """Of the slot just read, also if it is damaged: for what they are worth."""
        return self._raw[6], self._raw[7]

    def generation(self, sector: int) -> int | None:
        """By the title; if that is damaged, by the first record that holds. A blank one was never followed by any."""
        for slot in range(SLOTS):
            found = self.read(sector, slot)
            if isinstance(found, Record):
                return found.sequence // SLOTS
            if slot == TITLE and found is BLANK:
                return None
        return None

    def titled(self, sector: int, generation: int) -> Record | None:
        """The title, if the sector was erased and opened for this generation."""
        found = self.read(sector, TITLE, generation)
        return found if isinstance(found, Record) and found.kind == TITLE else None

    def open(self, sector: int, title: Record) -> bool:
        """Erase, then write the title; False if the sector does not take it."""
        self.erases += 1
        try:
            self._device.ioctl(_ERASE, self._first + sector)
        except OSError:  # the caller goes on to another sector
            self.rejected += 1
            return False
        return self.write(sector, title)

    def write(self, sector: int, record: Record) -> bool:
        """Program the payload, read it back, and only then the check word; True if all reads back as written."""
        offset = record.sequence % SLOTS * RECORD_BYTES
        write_into(self._written, record, self._owner)
        try:
            done = self._program(sector, offset, self._payload, self._payload_read) and self._program(
                sector, offset + CHECKED_BYTES, self._check, self._check_read
            )
        except OSError:  # the caller takes the next slot
            done = False
        self.rejected += not done
        return done

    def _program(self, sector: int, offset: int, data: memoryview, back: memoryview) -> bool:
        self._device.writeblocks(self._first + sector, data, offset)
        self._device.readblocks(self._first + sector, back, offset)
        return back == data


def _fits(sequence: int, slot: int, generation: int | None) -> bool:
    return sequence % SLOTS == slot and (generation is None or sequence // SLOTS == generation)
