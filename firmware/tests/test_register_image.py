"""Values by name become words by address."""

import pytest

from firmware.register_codes import CODES
from firmware.register_image import RegisterImage, name_of, number_of, place_of
from firmware.register_map import BLOCKS, MAP_VERSION, MEASURED, NAMES, PLACES, WORDS


def test_a_new_image_says_who_made_it_and_nothing_else() -> None:
    """Maker and map version stand; every number is "no value", latched ones too."""
    image = RegisterImage()

    assert image.span(0, 6) == b"Shiftwatt\0" + MAP_VERSION.to_bytes(2, "big")
    assert image.span(100, 1) == b"\xff\xff"
    assert image.span(114, 2) == b"\x80\0\0\0"
    assert image.span(1114, 2) == b"\x80\0\0\0"
    assert {name for name in NAMES.split()[MEASURED:] if place_of(number_of(name))[1] in "HhIiQ" and image.number(name) is not None} == {
        "map_version"
    }


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1_234_567, "00 01 E2 41"),
        (1_234_565, "00 01 E2 40"),
        (-1_234_565, "FF FE 1D C0"),
        (21_474_836_470, "7F FF FF FF"),
        (21_474_836_480, "80 00 00 00"),
        (-21_474_836_480, "80 00 00 00"),
        (None, "80 00 00 00"),
    ],
)
def test_a_power_is_rounded_to_its_step_or_has_no_value(value: int | None, words: str) -> None:
    """Half-even to 0.01 W; what does not fit is no value, never a small or a wrapped one."""
    image = RegisterImage()
    image.put_measured({"active_power": value})

    assert image.span(114, 2) == bytes.fromhex(words)


def test_what_is_measured_no_more_disappears() -> None:
    """A quantity that is absent in the next set of values has none, instead of an old one."""
    image = RegisterImage()
    image.put_measured({"frequency": 50_000})
    image.put_measured({"voltage_l1_n": 230_000})

    assert image.span(145, 1) == b"\xff\xff"


@pytest.mark.parametrize(("value", "read"), [(0, 0), (65_534, 65_534), (65_535, None), (-1, None), (70_000, None), (None, None)])
def test_a_number_that_does_not_fit_is_no_value(value: int | None, read: int | None) -> None:
    """The pattern for "no value" cannot be put as a number either."""
    image = RegisterImage()
    image.put("coverage", value)

    assert image.number("coverage") == read


def test_text_is_padded_and_cut() -> None:
    """A shorter text leaves nothing of a longer one behind; what is too long loses its end."""
    image = RegisterImage()
    image.put_octets("serial_number", b"0123456789abcdefXYZ")

    assert image.span(6, 9) == b"0123456789abcdef\0\0"
    image.put_octets("serial_number", b"new")
    assert image.span(6, 8) == b"new".ljust(16, b"\0")


@pytest.mark.parametrize(("address", "count"), [(34, 1), (33, 2), (99, 2), (99, 1), (214, 2), (0xFFFF, 1), (0, 101), (1091, 1)])
def test_a_span_with_an_unmapped_address_is_none(address: int, count: int) -> None:
    """Also if only its first or last register is missing."""
    assert RegisterImage().span(address, count) is None


def test_the_tables_fit_together() -> None:
    """Blocks lie one behind the other without overlap, every value inside the image, and codes within their registers."""
    blocks = [BLOCKS[at : at + 3] for at in range(0, len(BLOCKS), 3)]
    ends = [end for _, end, _ in blocks]

    assert all(end < first for end, (first, _, _) in zip(ends, blocks[1:], strict=False))
    assert sum(end - first for first, end, _ in blocks) == WORDS
    assert max(word + words for word, _, words in map(place_of, range(MEASURED, len(PLACES)))) <= WORDS
    assert [number_of(name) for name in NAMES.split()] == list(range(len(PLACES)))
    assert [name_of(number) for number in range(len(PLACES))] == NAMES.split()
    assert MEASURED == 45
    assert CODES["front_end"][0] == "none"
