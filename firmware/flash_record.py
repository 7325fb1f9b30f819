"""One record of 32 bytes in flash: its form, its check, and what can be said of one that does not hold.

    sequence 4 | epoch 2 | kind 1 | note 1 | body 20 | CRC-32 of all that, begun with the owner 4      (little-endian)

Nothing here touches the flash or knows what a body means. Programming only clears bits, and the check
word is programmed last; so a check word that has lost a bit which its payload's CRC keeps was
once whole, and any other one was still being written when the power went. The owner (which ring, which form)
keeps records of others from being believed when the flash is laid out anew. Runs on MicroPython.
"""

import struct
from binascii import crc32
from collections import namedtuple

RECORD_BYTES = 32
CHECKED_BYTES = 28  # the payload, written first; the check word follows
BODY_BYTES = 20
BLANK_BYTES = b"\xff" * RECORD_BYTES
_FORM = "<IHBB20s"
_POLYNOMIAL = 0xEDB88320  # of CRC-32, reflected

TYPE_CHECKING = False  # the board has no typing module
if TYPE_CHECKING:
    Readable = bytes | bytearray | memoryview


class Record(namedtuple("Record", ("sequence", "epoch", "kind", "note", "body"))):
    sequence: int
    epoch: int
    kind: int
    note: int
    body: bytes


class Flaw(namedtuple("Flaw", ("name",))):
    """Why a slot holds no record."""

    name: str


BLANK = Flaw("blank")
UNFINISHED = Flaw("unfinished")  # the power went while it was written: nobody has ever been told what it says
DAMAGED = Flaw("damaged")  # it was whole once


def write_into(buffer: bytearray, record: Record, owner: int) -> None:
    struct.pack_into(_FORM, buffer, 0, record.sequence, record.epoch, record.kind, record.note, record.body)
    struct.pack_into("<I", buffer, CHECKED_BYTES, crc32(memoryview(buffer)[:CHECKED_BYTES], owner))


def judge(raw: "Readable", owner: int) -> Record | Flaw:
    """The record, healed if a single bit of it has flipped, or what is wrong with it."""
    if raw == BLANK_BYTES:
        return BLANK
    computed = crc32(memoryview(raw)[:CHECKED_BYTES], owner)
    stored = struct.unpack_from("<I", raw, CHECKED_BYTES)[0]
    if computed == stored:
        return Record(*struct.unpack_from(_FORM, raw, 0))
    cleared = ~stored & 0xFFFFFFFF
    if cleared & cleared - 1 == 0:
        return UNFINISHED  # a check word that was never begun, with one flipped bit at most: nothing may be believed
    flipped = _flipped_bit(computed ^ stored)
    if flipped is None:
        return DAMAGED if computed & cleared else UNFINISHED
    healed = bytearray(raw)
    healed[flipped >> 3] ^= 1 << (flipped & 7)
    return Record(*struct.unpack_from(_FORM, healed, 0))


def _flipped_bit(difference: int) -> int | None:
    """Which single bit makes the two check words differ so; None if no single one does.

    Records of this length differ in six bits at least, so there is no second answer. The difference that a bit
    makes is found by shifting the polynomial on from the last bit of the payload to the first.
    """
    if difference & difference - 1 == 0:
        return CHECKED_BYTES * 8  # in the check word itself: nothing that is used
    made = _POLYNOMIAL
    for bit in range(CHECKED_BYTES * 8 - 1, -1, -1):
        if made == difference:
            return bit
        made = made >> 1 ^ (_POLYNOMIAL if made & 1 else 0)
    return None
