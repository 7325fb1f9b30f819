"""DL/T 645-2007, the language of Chinese electricity meters: frames, and what the answers to reads mean.

Bytes are fed, whole frames are taken; the caller owns port and clock. Only reading is spoken here: control
codes 11 (read), 12 (the next part) and 13 (what is your address?). On the wire every data byte is raised by
33H; in a `Frame` it is not. The standard itself is a paid text: what stands here was read in implementations.
"""

from typing import NamedTuple

from protocols.errors import MeterRefused, WrongAnswer
from protocols.frame import NEED_DATA, Signal
from protocols.pdu import DEVICE_FAILURE, ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE
from protocols.register import SIGNED, TYPES, Row, encode

READ, READ_NEXT, READ_ADDRESS = 0x11, 0x12, 0x13
ANSWER, ERROR, MORE = 0x80, 0x40, 0x20  # bits of a control code: from a meter, refused, a further part follows
WILDCARD = "AAAAAAAAAAAA"  # every meter takes it for its own address: only safe with one on the pair
BROADCAST = "999999999999"  # no meter answers it
ADDRESS_DIGITS = 12

_START, _END, _WAKE, _OFFSET = 0x68, 0x16, 0xFE, 0x33
WAKE_BYTES = 4  # sleeping receivers of older meters need up to four FE before a frame
_HEAD = 10  # start, address, start, control, length
FRAME_MAX = _HEAD + 255 + 2
_BUFFER_MAX = 4 * FRAME_MAX  # more unread bytes than four frames is babble: the oldest are dropped and counted
_IDENTIFIER = 4

# Bit of the error byte -> the Modbus exception that means the same, so that both have one reason.
_REFUSALS = ((0x02, ILLEGAL_ADDRESS), (0x04, ILLEGAL_FUNCTION), (0x08, ILLEGAL_VALUE), (0x01, DEVICE_FAILURE))
# How many bytes of BCD a row has on the wire stands in its coding.
CODINGS = {size: "bcd%d" % size for size in (1, 2, 3, 4)}
_SIZES = {coding: size for size, coding in CODINGS.items()}
# What stands in a row's words where the meter sends no digits (FF FF: not measured).
NO_DIGITS = {"uint32": 0xFFFFFFFF, "int32": 0x80000000}


class Frame(NamedTuple):
    """`address` as it stands on the meter: 12 digits, highest first, or with A for any digit."""

    address: str
    control: int
    data: bytes


def encoded(frame: Frame, wake: int = WAKE_BYTES) -> bytes:
    body = bytes((_START, *reversed(bytes.fromhex(frame.address)), _START, frame.control, len(frame.data)))
    body += bytes((each + _OFFSET) & 0xFF for each in frame.data)
    return bytes((_WAKE,)) * wake + body + bytes((sum(body) & 0xFF, _END))


def read_request(address: str, identifier: int) -> Frame:
    return Frame(address, READ, identifier.to_bytes(_IDENTIFIER, "little"))


def address_request() -> Frame:
    return Frame(WILDCARD, READ_ADDRESS, b"")


class FrameReader:
    """Finds the frames in what is heard; bytes that belong to none are skipped and counted in `noise`."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.noise = 0

    @property
    def rest(self) -> int:
        """Bytes that may yet become a frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > _BUFFER_MAX:
            self._skip(len(self._buffer) - _BUFFER_MAX)

    def take(self) -> Frame | Signal:
        """The next whole frame or NEED_DATA."""
        waiting = len(self._buffer)
        for start in range(len(self._buffer)):
            if self._buffer[start] != _START:
                continue
            end = self._end(start)
            if end == 0:
                waiting = min(waiting, start)
            elif end > 0:
                return self._cut(start, end)
        self._skip(waiting)
        return NEED_DATA

    def _end(self, start: int) -> int:
        """Where the whole frame that begins at `start` ends; 0 while it may become one, -1 if it never does."""
        head = self._buffer[start : start + _HEAD]
        if len(head) > 7 and head[7] != _START:
            return -1
        if len(head) < _HEAD:
            return 0
        end = start + _HEAD + head[9] + 2
        if len(self._buffer) < end:
            return 0
        check = sum(self._buffer[start : end - 2]) & 0xFF
        return end if self._buffer[end - 2] == check and self._buffer[end - 1] == _END else -1

    def _cut(self, start: int, end: int) -> Frame:
        self._skip(start)
        whole = bytes(self._buffer[: end - start])
        self._buffer[: end - start] = b""
        data = bytes((each - _OFFSET) & 0xFF for each in whole[_HEAD:-2])
        return Frame(whole[6:0:-1].hex().upper(), whole[8], data)

    def _skip(self, length: int) -> None:
        """FE bytes wake the receiver and are no noise."""
        self.noise += length - self._buffer[:length].count(_WAKE)
        self._buffer[:length] = b""


def identifier_row(quantity: str, identifier: int, size: int, *, signed: bool, mantissa: int, exponent: int) -> Row:
    """A data identifier as a row like any other: its BCD number, once read, stands in two words."""
    kind = "int32" if signed else "uint32"
    return Row(
        quantity, READ, identifier, kind, "big", mantissa, exponent, "big", (NO_DIGITS[kind],), CODINGS[size], None, (), (), alone=True
    )


def reply_words(address: str, row: Row, frame: Frame) -> tuple[int, ...]:
    """The two words of the row; MeterRefused, or WrongAnswer if the frame answers something else."""
    if address not in (frame.address, WILDCARD) or frame.control & ~(ERROR | MORE) != READ | ANSWER:
        raise WrongAnswer("a frame of %s with control %02X answers another request" % (frame.address, frame.control))
    if frame.control & ERROR:
        raise MeterRefused(_refusal(frame.data))
    identifier, digits = frame.data[:_IDENTIFIER], frame.data[_IDENTIFIER:]
    if int.from_bytes(identifier, "little") != row.address or len(digits) != _SIZES[row.coding]:
        raise WrongAnswer("%d bytes for the identifier %s where %08X was asked" % (len(digits), identifier[::-1].hex(), row.address))
    number = _number(digits, signed=TYPES[row.type][1] == SIGNED)
    bits = NO_DIGITS[row.type] if number is None else number & 0xFFFFFFFF
    return bits >> 16, bits & 0xFFFF


def reply_data(row: Row, thousandths: int | None) -> bytes:
    """What a meter sends for the row; OurMistake where the value does not fit. None is "not measured"."""
    size = _SIZES[row.coding]
    identifier = row.address.to_bytes(_IDENTIFIER, "little")
    if thousandths is None:
        return identifier + b"\xff" * size
    high, low = encode(row, thousandths)
    number = high << 16 | low
    negative = TYPES[row.type][1] == SIGNED and number >> 31
    number = (1 << 32) - number if negative else number
    digits = bytearray(bytes.fromhex(str(number % 10 ** (2 * size)).zfill(2 * size)))
    digits[0] |= 0x80 if negative else 0
    return identifier + bytes(reversed(digits))


def _refusal(data: bytes) -> int:
    bits = data[0] if data else 0
    return next((code for bit, code in _REFUSALS if bits & bit), DEVICE_FAILURE)


def _number(digits: bytes, *, signed: bool) -> int | None:
    """Little-endian BCD; the top bit of a signed number is its sign. None if these are no digits."""
    octets = bytearray(reversed(digits))
    negative = signed and bool(octets[0] & 0x80)
    if negative:
        octets[0] &= 0x7F
    text = octets.hex()
    if not text.isdecimal():
        return None
    return -int(text) if negative else int(text)
