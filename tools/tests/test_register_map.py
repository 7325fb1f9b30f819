"""The board's register tables against the meter file they are made from, and against the gateway's own decoding."""

import struct

import pytest

from firmware.register_image import NUMBERS, RegisterImage, name_of, number_of, place_of, word_of
from firmware.register_map import BEHIND_KEY, LIMITS, MAP_VERSION, PROFILE_RECORD, TO_ALL, WRITABLE
from gateway import catalogue
from protocols.meter import latched, matches
from protocols.meter_fields import READ, RECORD, Field
from protocols.pdu import unpack_words
from protocols.register import Image, count, decode_from
from tools import register_map

METER = catalogue.model(register_map.MODEL)


def words(image: RegisterImage, address: int, length: int) -> tuple[int, ...]:
    packed = image.span(address, length)
    assert packed is not None, address
    return unpack_words(packed)


def read(image: RegisterImage, first: int, length: int) -> Image:
    return {(3, first + at): word for at, word in enumerate(words(image, first, length))}


def test_tables_and_page_are_what_the_meter_file_gives() -> None:
    """`python -m tools.register_map` would change nothing."""
    assert register_map.MODULE.read_text(encoding="utf-8") == register_map.module_text(METER)
    assert register_map.CODES_MODULE.read_text(encoding="utf-8") == register_map.codes_text(METER)
    assert register_map.PAGE.read_text(encoding="utf-8") == register_map.page_text(METER)


def test_the_gateway_decodes_what_the_board_encodes() -> None:
    """Each quantity comes back through the meter file, to its step; so does its latched copy, of the time before."""
    values = {row.quantity: (-1) ** number * 1_000 * (number + 1) for number, row in enumerate(METER.rows)}
    values = {row.quantity: abs(values[row.quantity]) if row.type.startswith("u") else values[row.quantity] for row in METER.rows}
    image = RegisterImage()
    image.put_measured(values)
    image.freeze()
    image.put_measured({})

    assert {row.quantity: decode_from(row, read(image, row.address, count(row))) for row in METER.rows} == dict.fromkeys(values)
    assert {row.quantity: decode_from(row, read(image, row.address, count(row))) for row in latched(METER).rows} == values


@pytest.mark.parametrize("quantity", [row.quantity for row in METER.rows])
def test_the_ends_of_each_register_come_back(quantity: str) -> None:
    """The largest and smallest value a register can say is read as itself, one step beyond it is no reading."""
    row = next(row for row in METER.rows if row.quantity == quantity)
    step = row.mantissa * 10**row.exponent
    none = NUMBERS[place_of(number_of(quantity))[1]][1]
    most = min(abs(none) - 1, (2**63 - 1) // step) * step
    least = -most if none < 0 else 0
    image = RegisterImage()

    for value, shown in ((most, most), (least, least), (abs(none) * step, None)):
        image.put_measured({quantity: value})
        assert decode_from(row, read(image, row.address, count(row))) == shown


@pytest.mark.parametrize("field", [field for field in METER.fields if field.access != RECORD])
def test_every_field_stands_where_the_file_says(field: Field) -> None:
    """Its words are read at its address, whole; what is written there is known as writable."""
    image = RegisterImage()
    octets = bytes(range(1, 2 * field.words + 1))
    format_ = place_of(number_of(field.name))[1]
    if format_ in NUMBERS:
        number = struct.unpack(NUMBERS[format_][0], octets)[0]
        image.put(field.name, number)
    else:
        image.put_octets(field.name, octets)

    assert image.span(field.address, field.words) == octets
    assert (number_of(field.name) in WRITABLE) == (field.access != READ)


def test_a_new_board_is_recognised() -> None:
    """The probes of the meter file fit what the image says of itself."""
    image = RegisterImage()

    assert METER.map_version == MAP_VERSION
    assert all(matches(probe, words(image, probe.address, probe.count)) for probe in METER.identification)


def test_the_measured_values_are_read_in_one_request() -> None:
    """All rows lie in one block, and so do the latch and its copies."""
    first, end = min(row.address for row in METER.rows), max(row.address + count(row) for row in METER.rows)
    latch = next(field.address for field in METER.fields if field.name == "latch")

    assert end - first <= 125
    assert end + METER.frozen - latch <= 125


def test_a_profile_record_fits_its_layout() -> None:
    """The format of the board is the layout of the file, and the window holds whole records."""
    record = [field for field in METER.fields if field.access == RECORD]
    window = next(field for field in METER.fields if field.name == "profile_data")
    length = struct.calcsize(PROFILE_RECORD)

    assert [field.address for field in record] == [sum(each.words for each in record[:at]) for at in range(len(record))]
    assert length == 2 * sum(field.words for field in record)
    assert 2 * window.words % length == 0


def test_the_settings_table_names_the_same_registers() -> None:
    """What `set-address` writes are the locked registers of the map, with the values they take."""
    assert METER.settings is not None
    for setting in METER.settings.registers:
        word = word_of(setting.row.address, 1)
        number = next(each for each in WRITABLE if place_of(each)[0] == word)
        least, most = LIMITS.get(number, (0, 2**16 - 2))
        assert (number in TO_ALL, number in BEHIND_KEY) == (False, True)
        assert all(least <= code <= most for code in setting.codes.values()), name_of(number)
