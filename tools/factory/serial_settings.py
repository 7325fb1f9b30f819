"""Baud, parity and stop bits: how long bytes take on a wire, and what a listener with other settings makes of them.

Pure arithmetic in integer microseconds; nothing here knows frames, devices or time of day.
"""

from random import Random
from typing import NamedTuple

_DATA_BITS = 8
_MICROSECONDS = 1_000_000
# The serial line specification counts a character as 11 bits, and fixes the silence above 19200 baud.
_CHARACTER_BITS = 11
_FAST_BAUD = 19_200
_FAST_SILENCE_US = 1_750


class LineSettings(NamedTuple):
    """`parity` is N, E or O."""

    baud: int = 9600
    parity: str = "N"
    stop_bits: int = 1

    @property
    def bits_per_byte(self) -> int:
        return 1 + _DATA_BITS + (self.parity != "N") + self.stop_bits

    def wire_us(self, count: int) -> int:
        """The time `count` bytes take back to back, rounded up."""
        return -(-count * self.bits_per_byte * _MICROSECONDS // self.baud)

    @property
    def silence_us(self) -> int:
        """The silence that ends a frame (t3.5)."""
        if self.baud > _FAST_BAUD:
            return _FAST_SILENCE_US
        return -(-7 * _CHARACTER_BITS * _MICROSECONDS // (2 * self.baud))


def as_heard(data: bytes, sender: LineSettings, listener: LineSettings, random: Random, *, checks_parity: bool = True) -> bytes:
    """The bytes a receiver set to `listener` gets; a byte with a parity or framing error arrives garbled.

    Stop bits alone do no harm: receivers check only the first one.
    """
    if sender == listener or not data:
        return data
    if sender.baud != listener.baud:
        return random.randbytes(max(1, len(data) * sender.wire_us(1) // listener.wire_us(1)))
    if sender.parity == listener.parity:
        return data
    if listener.parity != "N" and sender.bits_per_byte < listener.bits_per_byte - listener.stop_bits + 1:
        # The next start bit stands where the first stop bit is expected: only the last byte ends in silence.
        return bytes(garbled(byte, random) for byte in data[:-1]) + _checked(data[-1:], sender, listener, random, checks_parity)
    return _checked(data, sender, listener, random, checks_parity)


def garbled(byte: int, random: Random) -> int:
    """Another byte than the one that was sent."""
    return byte ^ random.randint(1, 255)


def _checked(data: bytes, sender: LineSettings, listener: LineSettings, random: Random, checks_parity: bool) -> bytes:  # noqa: FBT001 - private
    if not checks_parity:
        return data
    return bytes(byte if _ninth_bit(byte, sender.parity) == _ninth_bit(byte, listener.parity) else garbled(byte, random) for byte in data)


def _ninth_bit(byte: int, parity: str) -> int:
    """What follows the data bits: the parity bit, or without parity the stop bit, which is 1."""
    if parity == "N":
        return 1
    ones = byte.bit_count() & 1
    return ones if parity == "E" else 1 - ones
