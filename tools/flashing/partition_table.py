"""The flash's table of partitions, with one of ours in it: counters need flash blocks that no file system moves about.

MicroPython's image brings a table. Where it leaves the end of the flash to the file system, ours goes behind its last
partition; where it gives that end a partition (`vfs`), ours takes the end of it. Only bytes live here.
The form is the ESP-IDF's: 32 bytes each, then the MD5 sum of them all, the rest of the page blank.
"""

import hashlib
import struct
from typing import NamedTuple

from firmware.flash_plan import BLOCKS, PARTITION
from firmware.flash_sectors import BLOCK_BYTES
from tools.flashing.compiled import FlashError

OFFSET = 0x8000
TABLE_BYTES = 0xC00
OURS_BYTES = BLOCKS * BLOCK_BYTES
FILES_BYTES_MIN = 0x40000  # what is left for the files: the tree takes a fifth of it
_ENTRY = struct.Struct("<HBBII16sI")
_MAGIC, _SUM = 0x50AA, b"\xeb\xeb" + b"\xff" * 14
_DATA, _UNDEFINED = 1, 6  # type and subtype of ours
_FILES = "vfs"


class Partition(NamedTuple):
    type: int
    subtype: int
    offset: int
    size: int
    name: str
    flags: int


def partitions(table: bytes) -> list[Partition]:
    found = []
    for at in range(0, TABLE_BYTES, _ENTRY.size):
        entry = table[at : at + _ENTRY.size]
        if len(entry) < _ENTRY.size or struct.unpack_from("<H", entry)[0] != _MAGIC:
            break
        _, kind, subtype, offset, size, name, flags = _ENTRY.unpack(entry)
        found.append(Partition(kind, subtype, offset, size, name.rstrip(b"\0").decode("ascii", "replace"), flags))
    return found


def with_ours(image: bytes, image_offset: int) -> bytes:
    """The table to write over the one in MicroPython's image."""
    listed = partitions(image[OFFSET - image_offset :])
    if not listed:
        raise FlashError("the MicroPython file holds no table of partitions; take the .bin file that is meant to be written as a whole.")
    listed = [each for each in listed if each.name != PARTITION]
    last = max(listed, key=lambda each: each.offset)
    if last.name != _FILES:
        place = last.offset + last.size
    elif last.size >= OURS_BYTES + FILES_BYTES_MIN:
        listed[listed.index(last)] = last._replace(size=last.size - OURS_BYTES)
        place = last.offset + last.size - OURS_BYTES
    else:
        raise FlashError(
            f"the flash has no room: {last.size // 1024} KiB for files, of which the counters would take {OURS_BYTES // 1024}."
        )
    return _table([*listed, Partition(_DATA, _UNDEFINED, place, OURS_BYTES, PARTITION, 0)])


def _table(listed: list[Partition]) -> bytes:
    entries = b"".join(
        _ENTRY.pack(_MAGIC, each.type, each.subtype, each.offset, each.size, each.name.encode(), each.flags) for each in listed
    )
    table = entries + _SUM + hashlib.md5(entries, usedforsecurity=False).digest()
    return table.ljust(TABLE_BYTES, b"\xff")
