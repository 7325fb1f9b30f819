"""DL/T 645-2007 against frames that others published: whole, byte by byte, with junk, and one with a wrong check sum."""

import pytest

from protocols.dlt645 import (
    ERROR,
    READ,
    READ_ADDRESS,
    WILDCARD,
    Frame,
    FrameReader,
    address_request,
    encoded,
    identifier_row,
    read_request,
    reply_data,
    reply_words,
)  # fmt: skip
from protocols.errors import MeterRefused, WrongAnswer
from protocols.frame import NEED_DATA
from protocols.register import Row, decode

METER = "000000000161"
# Sources: WuSong Test.java (d1 to d7), AI_sensors dlt645_test.go (d10),
# peace0phmind frame_test.go (d11), go-dlt645-2007 README (d13, d14),
# rs-dlt645 frame.rs (d16), and one that the IVY gateway document prints with a wrong check sum (n4: F7 would be right).
FRAMES = {
    "d1": ("68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16", Frame(METER, 0x11, bytes.fromhex("00000100"))),
    "d2": ("68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16", Frame(METER, 0x91, bytes.fromhex("0000010026000000"))),
    "d3": ("68 61 01 00 00 00 00 68 11 04 33 34 34 35 17 16", Frame(METER, 0x11, bytes.fromhex("00010102"))),
    "d4": ("68 61 01 00 00 00 00 68 91 06 33 34 34 35 34 43 10 16", Frame(METER, 0x91, bytes.fromhex("000101020110"))),
    "d7": ("68 61 01 00 00 00 00 68 91 07 33 33 36 35 45 58 33 6B 16", Frame(METER, 0x91, bytes.fromhex("00000302122500"))),
    "d10": ("FE FE FE FE 68 60 07 92 04 00 91 68 D1 01 37 67 16", Frame("910004920760", 0xD1, b"\x04")),
    "d11": (
        "FE FE 68 12 90 78 56 34 12 68 91 08 33 33 34 33 89 67 45 33 54 16",
        Frame("123456789012", 0x91, bytes.fromhex("0000010056341200")),
    ),
    "d13": ("FE FE FE FE 68 AA AA AA AA AA AA 68 13 00 DF 16", Frame(WILDCARD, 0x13, b"")),
    "d14": ("68 01 01 19 00 00 00 68 93 06 34 34 4C 33 33 33 D1 16", Frame("000000190101", 0x93, bytes.fromhex("010119000000"))),
    "d16": ("68 AA AA AA AA AA AA 68 11 04 33 33 34 33 AE 16", Frame(WILDCARD, 0x11, bytes.fromhex("00000100"))),
}
N4 = bytes.fromhex("68 34 12 00 00 00 00 68 11 04 33 33 33 33 B2 16")
ENERGY = identifier_row("active_energy_import", 0x00010000, 4, signed=False, mantissa=1, exponent=4)
VOLTAGE = identifier_row("voltage_l1_n", 0x02010100, 2, signed=False, mantissa=1, exponent=2)
POWER = identifier_row("active_power", 0x02030000, 3, signed=True, mantissa=1, exponent=2)


def taken(data: bytes, size: int) -> tuple[list[object], FrameReader]:
    reader = FrameReader()
    found: list[object] = []
    for at in range(0, len(data), size):
        reader.feed(data[at : at + size])
        while (frame := reader.take()) is not NEED_DATA:
            found.append(frame)
    return found, reader


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("name", FRAMES)
def test_published_frames_are_found(name: str, size: int) -> None:
    """Whole and byte by byte, the waking bytes being no noise."""
    text, frame = FRAMES[name]

    found, reader = taken(bytes.fromhex(text), size)

    assert (found, reader.noise, reader.rest) == ([frame], 0, 0)


@pytest.mark.parametrize("name", FRAMES)
def test_published_frames_are_made(name: str) -> None:
    """With as many waking bytes as their publisher sends."""
    text, frame = FRAMES[name]
    data = bytes.fromhex(text)

    assert encoded(frame, wake=len(data) - len(data.lstrip(b"\xfe"))) == data


@pytest.mark.parametrize("junk", [b"\x00", b"\x68", b"\x68\x01\x02", N4, b"\xff" * 40])
def test_a_frame_is_found_behind_junk(junk: bytes) -> None:
    """Also if the junk begins like a frame."""
    text, frame = FRAMES["d2"]

    found, _ = taken(junk + bytes.fromhex(text), 1000)

    assert found == [frame]


@pytest.mark.parametrize("size", [1, 1000])
def test_the_published_frame_with_a_wrong_check_sum_is_refused(size: int) -> None:
    """It is noise, all of it, however it comes."""
    found, reader = taken(N4, size)

    assert not found
    assert reader.noise + reader.rest > 0


@pytest.mark.parametrize("name", ["d1", "d2", "d14"])
def test_any_damaged_byte_is_refused(name: str) -> None:
    """No single byte may change without the frame being dropped."""
    data = bytes.fromhex(FRAMES[name][0])

    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 0x10
        found, _ = taken(bytes(damaged), 1000)
        assert not found, at


@pytest.mark.parametrize(
    ("name", "row", "value"),
    [("d2", ENERGY, 260_000), ("d4", VOLTAGE, 100_100), ("d7", POWER, 251_200)],
    ids=["energy", "voltage", "power"],
)
def test_published_answers_are_decoded(name: str, row: Row, value: int) -> None:
    """0.26 kWh, 100.1 V and 0.2512 kW, in thousandths."""
    assert decode(row, reply_words(METER, row, FRAMES[name][1])) == value


@pytest.mark.parametrize("value", [0, 1_234_500, -1_234_500, 79_999_900])
def test_a_power_is_encoded_and_read_back(value: int) -> None:
    """The top bit is the sign."""
    frame = Frame(METER, 0x91, reply_data(POWER, value))

    assert decode(POWER, reply_words(METER, POWER, frame)) == value


def test_what_is_not_measured_is_none() -> None:
    """FF FF are no digits."""
    frame = Frame(METER, 0x91, reply_data(VOLTAGE, None))

    assert decode(VOLTAGE, reply_words(METER, VOLTAGE, frame)) is None


@pytest.mark.parametrize(("bits", "reason"), [(0x02, "exception_2"), (0x04, "exception_1"), (0x01, "exception_4"), (0x00, "exception_4")])
def test_an_error_frame_is_a_refusal_with_its_reason(bits: int, reason: str) -> None:
    """Missing data have the reason that a missing register has."""
    with pytest.raises(MeterRefused) as refused:
        reply_words(METER, ENERGY, Frame(METER, 0x91 | ERROR, bytes((bits,))))

    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "frame",
    [Frame("000000000162", 0x91, b""), Frame(METER, 0x93, b""), FRAMES["d4"][1], Frame(METER, 0x91, bytes.fromhex("000001002600"))],
    ids=["another meter", "another control code", "another identifier", "another length"],
)
def test_an_answer_to_another_question_is_refused(frame: Frame) -> None:
    """Address, control code, identifier and length must fit."""
    with pytest.raises(WrongAnswer):
        reply_words(METER, ENERGY, frame)


def test_questions_are_the_published_ones() -> None:
    """Only 11 and 13 are ever sent."""
    assert read_request(METER, 0x00010000) == FRAMES["d1"][1]
    assert address_request() == FRAMES["d13"][1]
    assert {FRAMES["d1"][1].control, FRAMES["d13"][1].control} == {READ, READ_ADDRESS}
