"""Small things in flash blocks of their own: a value that is rewritten whole, and a log that only grows.

What the bytes mean and whether they are whole is their owners' matter; so is the moment, because an erase stalls the chip.
"""

from firmware.flash_sectors import BLOCK_BYTES

SLOT_BYTES = 256  # the largest value kept so: a calibration takes 72
_ERASE = 6  # the block device's own number for it
_BLANK = 0xFF
_FULL_BYTES = BLOCK_BYTES - SLOT_BYTES  # the longest line may not fit any more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.flash_sectors import BlockDevice


class BlockSlot:
    def __init__(self, device: "BlockDevice", block: int) -> None:
        self._device = device
        self._block = block

    def read(self) -> bytes:
        data = bytearray(SLOT_BYTES)
        self._device.readblocks(self._block, data, 0)
        return bytes(data)

    def write(self, data: bytes) -> None:
        self._device.ioctl(_ERASE, self._block)
        self._device.writeblocks(self._block, data, 0)


class BlockLog:
    """Lines in two blocks: as soon as one is full the other, older one is erased, so never more than one is full."""

    def __init__(self, device: "BlockDevice", blocks: "tuple[int, int]") -> None:
        self._device = device
        self._blocks = blocks
        self._current = 1 if self._end(blocks[0]) > _FULL_BYTES else 0
        self._at = self._end(blocks[self._current])

    def append(self, line: str) -> None:
        data = line.encode()[: SLOT_BYTES - 1] + b"\n"
        self._device.writeblocks(self._blocks[self._current], data, self._at)
        self._at += len(data)
        if self._at > _FULL_BYTES:
            self._current = 1 - self._current
            self._device.ioctl(_ERASE, self._blocks[self._current])
            self._at = 0

    def lines(self) -> "list[str]":
        """The older block's before the newer one's."""
        text = b"".join([self._bytes(self._blocks[number]) for number in (1 - self._current, self._current)])
        return text.decode().split("\n")[:-1]

    def _bytes(self, block: int) -> bytes:
        data = bytearray(self._end(block))
        self._device.readblocks(block, data, 0)
        return bytes(data)

    def _end(self, block: int) -> int:
        part = bytearray(SLOT_BYTES)
        for first in range(0, BLOCK_BYTES, SLOT_BYTES):
            self._device.readblocks(block, part, first)
            if part[-1] == _BLANK:
                return first + len(bytes(part).rstrip(b"\xff"))
        return BLOCK_BYTES
