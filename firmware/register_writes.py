"""What a write asks for: the span's words become named values, or the refusal the standard wants.

All of a span is looked at before anything is said to be good: address, then value, then lock. Who asks, and what
happens with the values, is not known here. Runs on MicroPython.
"""

import struct

from firmware.register_image import NUMBERS, TEXT, name_of, place_of, word_of
from firmware.register_map import BEHIND_KEY, CHOICES, LIMITS, TO_ALL, WRITABLE
from protocols.errors import MeterRefused
from protocols.pdu import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, pack_words

TYPE_CHECKING = False  # the board has no typing module
if TYPE_CHECKING:
    Changes = list[tuple[str, int | bytes]]

# The standard's code for a server in the wrong state is the one for a function it does not have.
LOCKED = ILLEGAL_FUNCTION


def changes_of(address: int, words: tuple[int, ...], to_all: bool, unlocked: bool) -> "Changes":  # noqa: FBT001
    """Names and raw values of the whole span; MeterRefused with the code of the first check that one of them fails."""
    numbers = _numbers(address, len(words))
    octets = pack_words(words)
    changes: Changes = []
    at = 0
    for number in numbers:
        name, (_, format_, length) = name_of(number), place_of(number)
        end = at + 2 * length
        value = _value(format_, octets[at:end])
        _require_allowed(name, value, LIMITS.get(number))
        changes.append((name, value))
        at = end
    for number in numbers:
        if (to_all and number not in TO_ALL) or (number in BEHIND_KEY and not unlocked):
            raise MeterRefused(LOCKED)
    return changes


def _numbers(address: int, count: int) -> list[int]:
    """The values that the span covers, each of them whole."""
    numbers = []
    end = address + count
    while address < end:
        word = word_of(address, 1)
        number = next((each for each in WRITABLE if place_of(each)[0] == word), None)
        if number is None:
            break
        numbers.append(number)
        address += place_of(number)[2]
    if address != end:
        raise MeterRefused(ILLEGAL_ADDRESS)
    return numbers


def _value(format_: str, octets: bytes) -> "int | bytes":
    if format_ not in NUMBERS:
        if format_ == TEXT and not _printable(octets):
            raise MeterRefused(ILLEGAL_VALUE)
        return octets
    packing, none = NUMBERS[format_]
    value: int = struct.unpack(packing, octets)[0]
    if value == none:
        raise MeterRefused(ILLEGAL_VALUE)
    return value


def _require_allowed(name: str, value: "int | bytes", limits: "tuple[int, int] | None") -> None:
    if limits is not None and not limits[0] <= int(value) <= limits[1]:
        raise MeterRefused(ILLEGAL_VALUE)
    if name in CHOICES and value not in CHOICES[name]:
        raise MeterRefused(ILLEGAL_VALUE)


def _printable(octets: bytes) -> bool:
    """ASCII, padded with NUL."""
    return all(32 <= octet < 127 for octet in octets.rstrip(b"\0"))
