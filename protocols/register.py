"""A register row, and the way between its 16-bit words and an integer in thousandths.

Everything is done on the bits, with integers: the board's float is single precision. What to do with
a value that is missing, and how words travel, is not known here. Runs on MicroPython.
"""

from collections import namedtuple

from protocols.binary_float import QUIET_NAN, bits_of, fraction_of, half_even
from protocols.errors import OurMistake

BIG = "big"  # most significant word (or byte) first
LITTLE = "little"
PLAIN = ""
FOUR_QUADRANT = "four_quadrant"  # Schneider: a power factor beyond +-1 stands for +-2 minus itself

UNSIGNED, SIGNED, FLOAT, HIGH_BYTE, LOW_BYTE = "unsigned", "signed", "float", "high_byte", "low_byte"
# Type -> words, kind.
TYPES = {
    "uint16": (1, UNSIGNED),
    "int16": (1, SIGNED),
    "uint32": (2, UNSIGNED),
    "int32": (2, SIGNED),
    "uint64": (4, UNSIGNED),
    "int64": (4, SIGNED),
    "float32": (2, FLOAT),
    "float64": (4, FLOAT),
    "high_byte": (1, HIGH_BYTE),
    "low_byte": (1, LOW_BYTE),
}
_LARGEST = 2**63 - 1  # a value that does not fit 64 bits is no reading
_SCALE_MAX = 10  # SunSpec allows scale factors from -10 to 10; anything else is a garbled register

TYPE_CHECKING = False  # the board has no typing module and cannot subscript a type
if TYPE_CHECKING:
    Image = dict[tuple[int, int], int]  # words by (function, address), as they were read
else:
    Image = dict


class Row(
    namedtuple(
        "Row",
        (
            "quantity", "function", "address", "type", "word_order", "mantissa", "exponent",
            "byte_order", "missing", "coding", "scale", "ratios", "plus", "alone",
        ),
    )
):  # fmt: skip
    """value = raw x `mantissa` x 10^`exponent`, in inner thousandths of `quantity`; `new_row` fills the rest.

    Then, where a meter asks for it: x 10^(register `scale`), x each register in `ratios` (plain factors),
    + each register in `plus` (thousandths too). `scale` and `plus` must be read together with the row.
    """

    quantity: str
    function: int
    address: int
    type: str
    word_order: str
    mantissa: int
    exponent: int
    byte_order: str  # of the bytes inside a word
    missing: tuple[int, ...]  # bit patterns, as unsigned integers, that mean "no reading"
    coding: str
    scale: "Row | None"
    ratios: "tuple[Row, ...]"
    plus: "tuple[Row, ...]"
    alone: bool  # the address answers differently when it is read together with its neighbours


def new_row(
    quantity: str,
    function: int,
    address: int,
    type: str,  # noqa: A002 - the field's name
    word_order: str = BIG,
    mantissa: int = 1,
    exponent: int = 0,
    byte_order: str = BIG,
    missing: tuple[int, ...] = (),
    coding: str = PLAIN,
    scale: Row | None = None,
    ratios: tuple[Row, ...] = (),
    plus: tuple[Row, ...] = (),
    alone: bool = False,  # noqa: FBT001, FBT002 - a field like the others
) -> Row:
    return Row(
        quantity, function, address, type, word_order, mantissa, exponent,
        byte_order, missing, coding, scale, ratios, plus, alone,
    )  # fmt: skip


def count(row: Row) -> int:
    """The words of the row's own registers."""
    return int(TYPES[row.type][0])


def span(row: Row) -> tuple[int, int]:
    """First address and the one after the last of what must be read in one request."""
    together = list(row.plus)
    together.append(row)
    if row.scale:
        together.append(row.scale)
    return min(each.address for each in together), max(each.address + count(each) for each in together)


def decode(row: Row, words: list[int] | tuple[int, ...]) -> int | None:
    """Thousandths of a row that leans on no other register; None is "no reading"."""
    if row.scale or row.ratios or row.plus:
        raise OurMistake("%s needs further registers: use decode_from" % row.quantity)
    return _rounded(row, _own(row, words))


def decode_from(row: Row, image: Image) -> int | None:
    """Thousandths of any row out of the words read so far; None also if one of its words was not read."""
    return _rounded(row, _exact(row, image))


def encode(row: Row, thousandths: int) -> list[int]:
    """The nearest words the row can hold; OurMistake if it cannot hold the value."""
    return _words(row, _bits(row, *_raw(row, thousandths, 1)))


def encode_into(row: Row, thousandths: int, image: Image) -> None:
    """Write what `decode_from` reads back; scale and ratio registers must stand in the image already."""
    numerator, denominator = thousandths, 1
    for each in row.ratios:
        factor = _factor(each, image)
        if factor is None:
            raise OurMistake("%s: the ratio register %d holds no factor" % (row.quantity, each.address))
        numerator, denominator = numerator * factor[1], denominator * factor[0]
    if row.scale:
        scale = _scale(row.scale, image)
        if scale is None:
            raise OurMistake("%s: the scale register %d holds no power of ten" % (row.quantity, row.scale.address))
        numerator, denominator = _times_power(numerator, denominator, -scale)
    numerator, denominator = _raw(row, numerator, denominator)
    if row.plus:
        whole = abs(numerator) // denominator * (1 if numerator >= 0 else -1)
        rest = thousandths - whole * row.mantissa * 10**row.exponent
        encode_into(row.plus[0], rest, image)
        for each in row.plus[1:]:
            encode_into(each, 0, image)
        numerator, denominator = whole, 1
    _store(row, _bits(row, numerator, denominator), image)


def missing_words(row: Row) -> list[int] | None:
    """Words that mean "no reading" in this row; None if the row has none."""
    size, kind = TYPES[row.type]
    if row.missing:
        return _words(row, row.missing[0])
    return _words(row, QUIET_NAN[size]) if kind == FLOAT else None


def text_of(words: list[int] | tuple[int, ...]) -> str:
    """The printable ASCII in the words; padding (NUL, blanks around) is left out."""
    octets = [octet for word in words for octet in (word >> 8, word & 0xFF)]
    return "".join(chr(octet) for octet in octets if 32 <= octet < 127).strip()


def _rounded(row: Row, exact: tuple[int, int] | None) -> int | None:
    if exact is None:
        return None
    value = half_even(exact[0], exact[1])
    if row.coding == FOUR_QUADRANT:
        if abs(value) > 2000:
            return None
        if abs(value) > 1000:
            value = (2000 if value > 0 else -2000) - value
    return value if abs(value) <= _LARGEST else None


def _exact(row: Row, image: Image) -> tuple[int, int] | None:
    """The value as numerator and positive denominator."""
    try:
        words = [image[row.function, row.address + index] for index in range(count(row))]
    except KeyError:
        return None
    value = _own(row, words)
    if value is not None and row.scale:
        scale = _scale(row.scale, image)
        value = None if scale is None else _times_power(value[0], value[1], scale)
    for each in row.ratios:
        factor = _factor(each, image)
        value = None if value is None or factor is None else (value[0] * factor[0], value[1] * factor[1])
    for each in row.plus:
        part = _exact(each, image)
        if value is None or part is None:
            return None
        value = (value[0] * part[1] + part[0] * value[1], value[1] * part[1])
    return value


def _factor(row: Row, image: Image) -> tuple[int, int] | None:
    """A ratio of 0 or less is no ratio: multiplying by it would turn "not set" into a measured 0."""
    factor = _exact(row, image)
    return factor if factor is not None and factor[0] > 0 else None


def _scale(row: Row, image: Image) -> int | None:
    value = decode_from(row, image)
    return value if value is not None and abs(value) <= _SCALE_MAX else None


def _own(row: Row, words: list[int] | tuple[int, ...]) -> tuple[int, int] | None:
    size, kind = TYPES[row.type]
    if len(words) != size:
        raise OurMistake("%s needs %d words, not %d" % (row.quantity, size, len(words)))
    bits = _bits_of(row, words)
    if bits in row.missing:
        return None
    if kind == FLOAT:
        value = fraction_of(bits, size)
        if value is None:
            return None
        return _times_power(value[0] * row.mantissa, value[1], row.exponent)
    if kind == SIGNED and bits >> (16 * size - 1):
        bits -= 1 << (16 * size)
    return _times_power(bits * row.mantissa, 1, row.exponent)


def _times_power(numerator: int, denominator: int, power: int) -> tuple[int, int]:
    if power < 0:
        return numerator, denominator * 10**-power
    return numerator * 10**power, denominator


def _raw(row: Row, numerator: int, denominator: int) -> tuple[int, int]:
    """Thousandths -> the register's own number, still exact."""
    return _times_power(numerator, denominator * row.mantissa, -row.exponent)


def _bits_of(row: Row, words: list[int] | tuple[int, ...]) -> int:
    bits = 0
    for word in words if row.word_order == BIG else reversed(words):
        bits = bits << 16 | (word if row.byte_order == BIG else _swapped(word))
    kind = TYPES[row.type][1]
    if kind == HIGH_BYTE:
        return bits >> 8
    return bits & 0xFF if kind == LOW_BYTE else bits


def _swapped(word: int) -> int:
    return (word & 0xFF) << 8 | word >> 8


def _words(row: Row, bits: int) -> list[int]:
    size, kind = TYPES[row.type]
    if kind == HIGH_BYTE:
        bits <<= 8
    words = [bits >> 16 * index & 0xFFFF for index in range(size)]
    if row.byte_order == LITTLE:
        words = [_swapped(word) for word in words]
    return words if row.word_order == LITTLE else list(reversed(words))


def _store(row: Row, bits: int, image: Image) -> None:
    words = _words(row, bits)
    if TYPES[row.type][1] in (HIGH_BYTE, LOW_BYTE):
        mine = 0xFF00 if (TYPES[row.type][1] == HIGH_BYTE) == (row.byte_order == BIG) else 0x00FF
        words = [words[0] | image.get((row.function, row.address), 0) & ~mine & 0xFFFF]
    for index, word in enumerate(words):
        image[row.function, row.address + index] = word


def _bits(row: Row, numerator: int, denominator: int) -> int:
    """The register's number as an unsigned bit pattern of its width."""
    size, kind = TYPES[row.type]
    if kind == FLOAT:
        bits = bits_of(numerator, denominator, size)
        if bits is None:
            raise OurMistake("%s: the value does not fit %s" % (row.quantity, row.type))
        return bits
    raw = half_even(numerator, denominator)
    width = 8 if kind in (HIGH_BYTE, LOW_BYTE) else 16 * size
    least, most = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if kind == SIGNED else (0, (1 << width) - 1)
    if not least <= raw <= most:
        raise OurMistake("%s: %d does not fit %s" % (row.quantity, raw, row.type))
    return raw & ((1 << width) - 1)
