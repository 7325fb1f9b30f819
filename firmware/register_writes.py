"""What a write asks for: the span's words become named values, or the refusal the standard wants.

All of a span is looked at before anything is said to be good: address, then value, then lock. Who asks, and what
happens with the values, is not known here. Runs on MicroPython.
"""

import struct
from collections import namedtuple

from firmware.register_image import NUMBERS, TEXT
from firmware.register_map import CHOICES, WRITABLE
from protocols.errors import MeterRefused
from protocols.pdu import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, pack_words

TYPE_CHECKING = False  # the board has no typing module
if TYPE_CHECKING:
    Changes = list[tuple[str, int | bytes]]

# The standard's code for a server in the wrong state is the one for a function it does not have.
LOCKED = ILLEGAL_FUNCTION


class Writable(namedtuple("Writable", ("name", "words", "format", "least", "most", "to_all", "behind_key"))):
    name: str
    words: int
    format: str
    least: int
    most: int
    to_all: bool
    behind_key: bool


def changes_of(address: int, words: tuple[int, ...], to_all: bool, unlocked: bool) -> "Changes":  # noqa: FBT001
    """Names and raw values of the whole span; MeterRefused with the code of the first check that one of them fails."""
    fields = _fields(address, len(words))
    octets = pack_words(words)
    changes: Changes = []
    at = 0
    for field in fields:
        end = at + 2 * field.words
        changes.append((field.name, _value(field, octets[at:end])))
        at = end
    for field in fields:
        if (to_all and not field.to_all) or (field.behind_key and not unlocked):
            raise MeterRefused(LOCKED)
    return changes


def _fields(address: int, count: int) -> list[Writable]:
    """The values that the span covers, each of them whole."""
    fields = []
    end = address + count
    while address < end and address in WRITABLE:
        fields.append(Writable(*WRITABLE[address]))
        address += fields[-1].words
    if address != end:
        raise MeterRefused(ILLEGAL_ADDRESS)
    return fields


def _value(field: Writable, octets: bytes) -> "int | bytes":
    if field.format not in NUMBERS:
        if field.format == TEXT and not _printable(octets):
            raise MeterRefused(ILLEGAL_VALUE)
        return octets
    value: int = struct.unpack(NUMBERS[field.format][0], octets)[0]
    if not field.least <= value <= field.most or value not in CHOICES.get(field.name, (value,)):
        raise MeterRefused(ILLEGAL_VALUE)
    return value


def _printable(octets: bytes) -> bool:
    """ASCII, padded with NUL."""
    return all(32 <= octet < 127 for octet in octets.rstrip(b"\0"))
