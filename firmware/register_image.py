"""The words of all registers as they go on the wire: values are put in by name, spans are taken out by address.

Every number has a pattern for "no value" (all ones, the least of signed ones) and holds it from the beginning
and whenever it cannot hold what it is given. Who may write what is not known here. Runs on MicroPython.
"""

import struct

from firmware.register_map import (
    BLOCKS,
    EXTRA_BIT,
    FORMAT_BIT,
    FORMATS,
    FROZEN_WORD,
    MAP_VERSION,
    MEASURED,
    MEASURED_WORD,
    MEASURED_WORDS,
    NAMES,
    PLACES,
    WORDS,
)
from protocols.binary_float import half_even

TYPE_CHECKING = False  # the board has no typing module
if TYPE_CHECKING:
    from collections.abc import Mapping

MAKER = b"Shiftwatt"
TEXT, OCTETS = "t", "b"
# Format: struct's, "no value". What a number may be lies between.
NUMBERS = {
    "H": (">H", 0xFFFF),
    "h": (">h", -0x8000),
    "I": (">I", 0xFFFFFFFF),
    "i": (">i", -0x80000000),
    "Q": (">Q", 0xFFFFFFFFFFFFFFFF),
}


def number_of(name: str) -> int:
    """KeyError if there is no such register."""
    at = NAMES.find(" %s " % name)
    if at < 0:
        raise KeyError(name)
    return NAMES.count(" ", 0, at)


def name_of(number: int) -> str:
    at = 0
    for _ in range(number):
        at = NAMES.find(" ", at + 1)
    return NAMES[at + 1 : NAMES.find(" ", at + 1)]


def place_of(number: int) -> tuple[int, str, int]:
    """Word of the image, format, and the words it takes, or for a measured value the thousandths of one raw step."""
    packed = PLACES[number]
    return packed & (1 << FORMAT_BIT) - 1, FORMATS[packed >> FORMAT_BIT & (1 << EXTRA_BIT - FORMAT_BIT) - 1], packed >> EXTRA_BIT


def word_of(address: int, count: int) -> "int | None":
    """Where the span begins in the image; None if one of its addresses has no register."""
    for at in range(0, len(BLOCKS), 3):
        if BLOCKS[at] <= address and address + count <= BLOCKS[at + 1]:
            return BLOCKS[at + 2] + address - BLOCKS[at]
    return None


class RegisterImage:
    def __init__(self) -> None:
        self._octets = bytearray(2 * WORDS)
        self._view = memoryview(self._octets)
        for number in range(MEASURED, len(PLACES)):
            word, format_, _ = place_of(number)
            if format_ in NUMBERS:
                self._pack(word, format_, None)
        self.put_measured({})
        self.freeze()
        self.put_octets("maker", MAKER)
        self.put("map_version", MAP_VERSION)

    def put_measured(self, values: "Mapping[str, int | None]") -> None:
        """Inner thousandths by quantity; what is absent or None was not measured."""
        at = 0
        for number in range(MEASURED):
            end = NAMES.find(" ", at + 1)
            value = values.get(NAMES[at + 1 : end])
            at = end
            word, format_, divisor = place_of(number)
            if value is not None and divisor != 1:
                value = half_even(value, divisor)
            self._pack(word, format_, value)

    def put(self, name: str, value: int | None) -> None:
        """A plain number; None is "no value"."""
        word, format_, _ = place_of(number_of(name))
        self._pack(word, format_, value)

    def number(self, name: str) -> int | None:
        word, format_, _ = place_of(number_of(name))
        packing, none = NUMBERS[format_]
        value: int = struct.unpack_from(packing, self._octets, 2 * word)[0]
        return None if value == none else value

    def put_octets(self, name: str, octets: "bytes | bytearray | memoryview") -> None:
        """Text in ASCII or plain bytes, from the first on; the rest is 0, what does not fit is left out."""
        field = self.octets(name)
        length = min(len(field), len(octets))
        field[:length] = octets[:length]
        for at in range(length, len(field)):
            field[at] = 0

    def octets(self, name: str) -> memoryview:
        """The bytes of the field themselves, to be read or filled in place."""
        word, _, words = place_of(number_of(name))
        return self._view[2 * word : 2 * (word + words)]

    def freeze(self) -> None:
        """The measured values of this moment become the latched ones."""
        length = 2 * MEASURED_WORDS
        self._view[2 * FROZEN_WORD : 2 * FROZEN_WORD + length] = self._view[2 * MEASURED_WORD : 2 * MEASURED_WORD + length]

    def span(self, address: int, count: int) -> bytes | None:
        """The packed words; None if one of the addresses has no register."""
        word = word_of(address, count)
        return None if word is None else bytes(self._view[2 * word : 2 * (word + count)])

    def _pack(self, word: int, format_: str, value: int | None) -> None:
        packing, none = NUMBERS[format_]
        fits = value is not None and (none < value < -none if none < 0 else 0 <= value < none)
        struct.pack_into(packing, self._octets, 2 * word, value if fits else none)
