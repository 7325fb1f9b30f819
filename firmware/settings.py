"""What can be set on the meter over Modbus: its name, address and line. As a value, as bytes, and kept twice.

Where the bytes lie is not known here; the limits of each value are the register map's.
"""

import struct
from binascii import crc32
from collections import namedtuple

PARITIES = ("N", "E", "O")  # as the register's codes
BAUD_STEP = 100  # of its register
_FORM = "<B32sBIBB"
_VERSION = 1
_CRC = "<I"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.metrology.calibration_store import Slot


class Settings(namedtuple("Settings", ("name", "unit_address", "baud", "parity", "stop_bits"))):
    """`name` is ASCII of at most 32 bytes; `parity` an index into PARITIES."""

    name: bytes
    unit_address: int
    baud: int
    parity: int
    stop_bits: int

    @property
    def bits_per_byte(self) -> int:
        return 9 + (self.parity != 0) + self.stop_bits


NAMES = ("name", "unit_address", "baud", "parity", "stop_bits")


def with_changes(settings: Settings, changes: "dict[str, int | bytes]") -> Settings:
    return Settings(*[changes.get(name, value) for name, value in zip(NAMES, settings)])


def to_bytes(settings: Settings) -> bytes:
    body = struct.pack(_FORM, _VERSION, *settings)
    return body + struct.pack(_CRC, crc32(body))


def from_bytes(data: bytes) -> "Settings | None":
    """None if nothing whole of this version stands there."""
    length = struct.calcsize(_FORM)
    if data[0] != _VERSION or struct.unpack_from(_CRC, data, length)[0] != crc32(data[:length]):
        return None
    _, name, unit_address, baud, parity, stop_bits = struct.unpack_from(_FORM, data, 0)
    return Settings(name.rstrip(b"\0"), unit_address, baud, parity, stop_bits)


class SettingsStore:
    """The first copy that is whole counts; `factory` while there is none."""

    def __init__(self, slots: "tuple[Slot, Slot]", factory: Settings) -> None:
        self._slots = slots
        whole = [found for found in [from_bytes(slot.read()) for slot in slots] if found is not None]
        self.current = whole[0] if whole else factory

    def put(self, number: int) -> None:
        """Write one of the two copies; each is a moment of its own, as an erase stalls the chip."""
        self._slots[number].write(to_bytes(self.current))
