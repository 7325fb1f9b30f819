"""Which wireless network the meter joins: as a value, as bytes, and kept twice. The password goes in and never comes out again.

Where the bytes lie is not known here. Runs on MicroPython.
"""

import struct
from binascii import crc32
from collections import namedtuple

SSID_BYTES_MAX = 32
PASSWORD_MIN, PASSWORD_MAX = 8, 63  # what WPA takes; none at all is an open network
_FORM = "<B32s63s"
_VERSION = 1
_CRC = "<I"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.metrology.calibration_store import Slot


class NetworkSettings(namedtuple("NetworkSettings", ("ssid", "password"))):
    """Both as bytes in UTF-8; without a name there is no network."""

    ssid: bytes
    password: bytes


NONE = NetworkSettings(b"", b"")


def to_bytes(network: NetworkSettings) -> bytes:
    body = struct.pack(_FORM, _VERSION, *network)
    return body + struct.pack(_CRC, crc32(body))


def from_bytes(data: bytes) -> "NetworkSettings | None":
    length = struct.calcsize(_FORM)
    if data[0] != _VERSION or struct.unpack_from(_CRC, data, length)[0] != crc32(data[:length]):
        return None
    _, ssid, password = struct.unpack_from(_FORM, data, 0)
    return NetworkSettings(ssid.rstrip(b"\0"), password.rstrip(b"\0"))


class NetworkStore:
    """What was stored on the meter goes before `factory`, which is the configuration's."""

    def __init__(self, slots: "tuple[Slot, Slot]", factory: NetworkSettings) -> None:
        self._slots = slots
        whole = [found for found in [from_bytes(slot.read()) for slot in slots] if found is not None]
        self.current = whole[0] if whole else factory

    def put(self, number: int) -> None:
        """One copy; each is a moment of its own, as an erase stalls the chip."""
        self._slots[number].write(to_bytes(self.current))
