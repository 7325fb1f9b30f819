"""The check sum against published frames."""

import pytest

from protocols.crc16 import crc16
from protocols.tests.vectors import GOOD, WRONG, octets


@pytest.mark.parametrize("name", GOOD)
def test_published_frames_carry_their_crc(name: str) -> None:
    """The last two bytes of every published frame are its CRC, low byte first."""
    frame = GOOD[name]

    assert crc16(frame[:-2]).to_bytes(2, "little") == frame[-2:]


@pytest.mark.parametrize("name", WRONG)
def test_frames_published_with_a_wrong_crc_are_told(name: str) -> None:
    """Three printed examples are wrong; the right CRC is known."""
    printed, right = WRONG[name]

    assert crc16(octets(printed)[:-2]).to_bytes(2, "little") == octets(right)


def test_check_value_of_the_catalogue() -> None:
    """The nine digits give 4B37, the published check value of CRC-16/MODBUS."""
    assert crc16(b"123456789") == 0x4B37
