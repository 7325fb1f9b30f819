"""The CRC-16 of Modbus RTU: initial FFFF, reflected polynomial A001, low byte first on the wire.

Only the number lives here; where it stands in a frame is `frame`'s matter. Runs on MicroPython.
"""

_POLYNOMIAL = 0xA001


def _entry(index: int) -> int:
    for _ in range(8):
        index = index >> 1 ^ (_POLYNOMIAL if index & 1 else 0)
    return index


_TABLE = tuple(_entry(index) for index in range(256))


def crc16(data: bytes | bytearray | memoryview) -> int:
    crc = 0xFFFF
    for octet in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ octet) & 0xFF]
    return crc
