"""Words <-> thousandths: every type, order and quirk, against struct and fractions as oracles."""

import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.binary_float import half_even
from protocols.errors import OurMistake
from protocols.register import (
    FOUR_QUADRANT,
    LITTLE,
    TYPES,
    Row,
    count,
    decode,
    decode_from,
    encode,
    encode_into,
    missing_words,
    new_row,
    span,
    text_of,
)

# type, word order, byte order, mantissa, exponent, words, thousandths
DECODED = [
    ("uint16", "big", "big", 1, 2, [2301], 230100),
    ("uint16", "big", "little", 1, 2, [0xFD08], 230100),
    ("int16", "big", "big", 1, 0, [0xFC18], -1000),
    ("uint32", "big", "big", 1, 1, [0x0001, 0x0000], 655360),
    ("uint32", "little", "big", 1, 1, [0x0000, 0x0001], 655360),
    ("int32", "big", "big", 1, 1, [0xFFFF, 0xFFFF], -10),
    ("int32", "little", "big", 1, 1, [0xFFFE, 0xFFFF], -20),
    ("int32", "little", "little", 1, 2, [0xFEFF, 0xFFFF], -200),
    ("uint64", "big", "big", 1, 4, [0, 0, 1, 2], 655380000),
    ("uint64", "little", "big", 1, 4, [2, 1, 0, 0], 655380000),
    ("int64", "big", "big", 1, 3, [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF], -1000),
    ("float32", "big", "big", 1, 3, [0x4366, 0x3334], 230200),
    ("float32", "little", "big", 1, 3, [0x3334, 0x4366], 230200),
    ("float32", "big", "big", 1, 6, [0x3F80, 0x0000], 1000000),
    ("float32", "big", "big", 1, 3, [0x0000, 0x0001], 0),
    ("float32", "big", "big", 1, 46, [0x0000, 0x0001], 14),
    ("float64", "big", "big", 1, 3, [0x3FF0, 0, 0, 0], 1000),
    ("high_byte", "big", "big", 1, 1, [0x6362], 990),
    ("low_byte", "big", "big", 1, 1, [0x6362], 980),
    ("low_byte", "big", "little", 1, 1, [0x6362], 990),
    ("uint16", "big", "big", 36, 5, [2], 7200000),
]


def row_of(type_: str, **fields: object) -> Row:
    return new_row("voltage_l1_n", 3, 100, type_, **fields)  # type: ignore[arg-type]


def float_words(value: float, form: str = ">f") -> list[int]:
    data = struct.pack(form, value)
    return list(struct.unpack(f">{len(data) // 2}H", data))


@pytest.mark.parametrize(("type_", "word_order", "byte_order", "mantissa", "exponent", "words", "value"), DECODED)
def test_words_decode_by_type_order_and_scale(
    type_: str, word_order: str, byte_order: str, mantissa: int, exponent: int, words: list[int], value: int
) -> None:
    """Words become thousandths by their type, both orders and the row's scale."""
    row = row_of(type_, word_order=word_order, byte_order=byte_order, mantissa=mantissa, exponent=exponent)

    assert decode(row, words) == value


@pytest.mark.parametrize(
    ("raw", "exponent", "value"),
    [(5, -1, 0), (15, -1, 2), (25, -1, 2), (65531, -1, 0), (65521, -1, -2), (65526, -1, -1), (26, -1, 3), (149, -2, 1)],
)
def test_finer_than_thousandths_rounds_half_even(raw: int, exponent: int, value: int) -> None:
    """A register finer than a thousandth is rounded half-even, also below zero."""
    assert decode(row_of("int16", exponent=exponent), [raw]) == value


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(-3, 6))
def test_float32_is_decoded_exactly(number: float, exponent: int) -> None:
    """A float register gives the exact product, rounded once; what leaves 64 bits is no reading."""
    exact = round(Fraction(number) * Fraction(10) ** exponent)

    expected = exact if abs(exact) < 2**63 else None
    assert decode(row_of("float32", exponent=exponent), float_words(number)) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_float64_is_decoded_exactly(number: float) -> None:
    """A double register gives the exact product, rounded once."""
    exact = round(Fraction(number) * 1000)

    expected = exact if abs(exact) < 2**63 else None
    assert decode(row_of("float64", exponent=3), float_words(number, ">d")) == expected


@pytest.mark.parametrize(
    ("type_", "words"),
    [
        ("float32", [0x7FC0, 0]),
        ("float32", [0xFFC0, 0]),
        ("float32", [0x7F80, 0]),
        ("float32", [0xFF80, 0]),
        ("float64", [0x7FF0, 0, 0, 0]),
        ("float64", [0xFFF8, 0, 0, 1]),
        ("float32", [0x7F7F, 0xFFFF]),
        ("uint64", [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF]),
    ],
)
def test_nan_infinity_and_overflow_are_no_reading(type_: str, words: list[int]) -> None:
    """NaN, infinities and values beyond 64 bits of thousandths are no reading."""
    assert decode(row_of(type_, exponent=3), words) is None


def test_missing_pattern_is_no_reading_and_never_a_number() -> None:
    """The file's pattern means no reading; its neighbour is a value."""
    row = row_of("int32", missing=(0x7FFFFFFF,))

    assert decode(row, [0x7FFF, 0xFFFF]) is None
    assert decode(row, [0x7FFF, 0xFFFE]) == 0x7FFFFFFE


def test_missing_words_are_read_back_as_no_reading() -> None:
    """What a simulator writes for no reading is decoded as no reading, in the row's own orders."""
    rows = [
        row_of("float32"),
        row_of("float64", word_order=LITTLE),
        row_of("int16", missing=(0x8000,), byte_order=LITTLE),
        row_of("uint32", missing=(0xFFFFFFFE,), word_order=LITTLE),
    ]

    written = [missing_words(row) for row in rows]

    assert written == [[0x7FC0, 0], [0, 0, 0, 0x7FF8], [0x0080], [0xFFFE, 0xFFFF]]
    assert [decode(row, words or []) for row, words in zip(rows, written, strict=True)] == [None] * 4
    assert missing_words(row_of("int16")) is None


@pytest.mark.parametrize(
    ("register", "value"),
    [(0.95, 950), (-0.95, -950), (1.0, 1000), (1.05, 950), (1.9, 100), (-1.05, -950), (-1.9, -100), (2.5, None), (-2.01, None)],
)
def test_four_quadrant_power_factor(register: float, value: int | None) -> None:
    """Beyond +-1 a Schneider power factor is +-2 minus itself; beyond +-2 it is garbled."""
    row = new_row("power_factor", 3, 3083, "float32", exponent=3, coding=FOUR_QUADRANT)

    assert decode(row, float_words(register)) == value


@given(st.sampled_from(sorted(TYPES)), st.sampled_from(["big", "little"]), st.sampled_from(["big", "little"]), st.data())
def test_what_is_encoded_decodes_to_the_same(type_: str, word_order: str, byte_order: str, data: st.DataObject) -> None:
    """Encoding the decoded value of any integer register gives its words again."""
    row = row_of(type_, word_order=word_order, byte_order=byte_order, exponent=1)
    words = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=count(row), max_size=count(row)))
    value = decode(row, words)

    if value is not None:
        again = encode(row, value)
        assert decode(row, again) == value
        if TYPES[type_][1] in ("unsigned", "signed"):
            assert again == words


@given(st.integers(-(2**62), 2**62))
def test_encode_gives_the_nearest_float32(value: int) -> None:
    """The encoded float is the one the platform's own rounding gives."""
    exact = Fraction(value, 1000)
    words = encode(row_of("float32", exponent=3), value)

    encoded = Fraction(struct.unpack(">f", struct.pack(">2H", *words))[0])
    neighbours = (
        [Fraction(struct.unpack(">f", struct.pack(">I", (words[0] << 16 | words[1]) + step))[0]) for step in (-1, 1)] if value else []
    )
    assert all(abs(encoded - exact) <= abs(neighbour - exact) for neighbour in neighbours)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**40), max_value=2.0**40))
def test_a_float32_with_whole_thousandths_survives(number: float) -> None:
    """A float that is a whole number of thousandths is encoded to its own bits."""
    whole = float(round(number))
    words = float_words(whole)

    assert encode(row_of("float32", exponent=3), int(whole) * 1000) == (words if whole else [0, 0])


def test_subnormal_and_overflowing_floats() -> None:
    """The smallest float is reached, half of it rounds to the even zero, and too large is refused."""
    tiny = row_of("float32", exponent=149)

    assert encode(row_of("float32", mantissa=2**149), 1) == [0, 1]
    assert encode(row_of("float32", mantissa=2**150), 1) == [0, 0]
    assert encode(row_of("float32", mantissa=2**127), 1) == float_words(2.0**-127)
    assert decode(tiny, [0, 0]) == 0
    with pytest.raises(OurMistake, match="does not fit float32"):
        encode(row_of("float32", exponent=-40), 10**18)


@pytest.mark.parametrize(("type_", "value"), [("uint16", -1), ("uint16", 65536), ("int16", 32768), ("low_byte", 256)])
def test_a_value_that_does_not_fit_is_refused(type_: str, value: int) -> None:
    """A simulator cannot write what the register cannot hold."""
    with pytest.raises(OurMistake, match="does not fit"):
        encode(row_of(type_), value)


def test_scale_register_is_read_with_its_values() -> None:
    """A SunSpec value takes its power of ten from the scale register; without a valid one it is no reading."""
    scale = new_row("V_SF", 3, 15, "int16", missing=(0x8000,))
    row = new_row("voltage_l1_n", 3, 8, "int16", exponent=3, scale=scale)

    assert span(row) == (8, 16)
    assert decode_from(row, {(3, 8): 2301, (3, 15): 0xFFFF}) == 230100
    assert decode_from(row, {(3, 8): 23, (3, 15): 1}) == 230000
    assert decode_from(row, {(3, 8): 2301, (3, 15): 0x8000}) is None
    assert decode_from(row, {(3, 8): 2301, (3, 15): 11}) is None
    assert decode_from(row, {(3, 8): 2301}) is None


def test_ratio_registers_multiply() -> None:
    """Secondary-side power is multiplied by both ratios; a ratio that is not set gives no reading, never 0."""
    ct = new_row("ct_ratio", 3, 6, "int16")
    vt = new_row("vt_ratio", 3, 7, "int16", exponent=-1)
    row = new_row("active_power", 3, 8210, "float32", exponent=2, ratios=(vt, ct))
    words = {(3, 8210): 0x447A, (3, 8211): 0}

    assert decode_from(row, {**words, (3, 6): 40, (3, 7): 10}) == 100_000 * 40
    assert decode_from(row, {**words, (3, 6): 40, (3, 7): 0}) is None
    assert decode_from(row, words) is None
    assert span(row) == (8210, 8212)


def test_parts_are_added_and_read_together() -> None:
    """A counter split into kWh and a residual word is one value, planned and written as one."""
    residual = new_row("residual", 3, 19845, "uint16", exponent=2)
    row = new_row("active_energy_import", 3, 19843, "uint32", exponent=6, plus=(residual,))
    image: dict[tuple[int, int], int] = {}
    encode_into(row, 12_345_600, image)

    assert image == {(3, 19843): 0, (3, 19844): 12, (3, 19845): 3456}
    assert span(row) == (19843, 19846)
    assert decode_from(row, image) == 12_345_600


def test_two_values_share_one_register() -> None:
    """Power factors packed as bytes are written without touching one another."""
    rows = [new_row("power_factor_l1", 4, 38, "high_byte", exponent=1), new_row("power_factor_l2", 4, 38, "low_byte", exponent=1)]
    image: dict[tuple[int, int], int] = {}
    for row, value in zip(rows, (990, 870), strict=True):
        encode_into(row, value, image)

    assert image == {(4, 38): 0x6357}
    assert [decode_from(row, image) for row in rows] == [990, 870]


def test_a_row_that_leans_on_others_is_not_decoded_alone() -> None:
    """Leaving out the ratio would be a wrong value that looks right."""
    row = new_row("current_l1", 3, 8204, "uint16", ratios=(new_row("ct_ratio", 3, 6, "int16"),))

    with pytest.raises(OurMistake, match="decode_from"):
        decode(row, [1])
    with pytest.raises(OurMistake, match="holds no factor"):
        encode_into(row, 1, {})


def test_a_wrong_number_of_words_is_our_mistake() -> None:
    """Half a value is never decoded."""
    with pytest.raises(OurMistake, match="needs 2 words, not 1"):
        decode(row_of("float32"), [0])


def test_text_drops_padding() -> None:
    """Identification text is packed two characters a word, or one, padded with NUL or blanks."""
    assert text_of([0x4232, 0x3320, 0x2020, 0]) == "B23"
    assert text_of([0x0053, 0x004F, 0x0043, 0x004F]) == "SOCO"


@given(st.integers(), st.integers(1, 10**9))
def test_half_even_is_pythons_own(numerator: int, denominator: int) -> None:
    """The integer rounding is the one of exact fractions."""
    assert half_even(numerator, denominator) == round(Fraction(numerator, denominator))
