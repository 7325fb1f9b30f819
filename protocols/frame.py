"""Modbus framing for RTU and TCP: bytes are fed, whole frames are taken.

The caller owns port and clock. What a PDU means is `pdu`'s matter; here only its length counts.
An RTU reply is framed by length and CRC, not by silence, because a general-purpose system cannot keep
t1.5; an RTU request is framed by silence, because only its sender knows its length.
Runs on MicroPython.
"""

import struct
from collections import namedtuple

from protocols.crc16 import crc16
from protocols.errors import LineNoise
from protocols.pdu import (
    PDU_MAX,
    REFUSED,
    TOO_SHORT,
    Request,
    WriteRegister,
    encode_request,
    function_of,
    reply_length,
    reply_pdu_length,
    request_length,
)

RTU_MAX = 1 + PDU_MAX + 2
TCP_HEADER = 7
TCP_MAX = TCP_HEADER + PDU_MAX
BROADCAST = 0
# The standard's silences count characters of 11 bits, and meters keep them so even where they send 10:
# a request after less runs into the answer before it, and the next meter hears neither.
CHARACTER_BITS = 11
_FIXED_SILENCE_BAUD = 19_200  # the standard: above this the silence no longer shrinks with the baud
_FIXED_SILENCE_US = 1_750
# A change of direction makes a ghost byte or two; more is babble, and trying every start of it would cost seconds on the board.
GHOSTS_MAX = 4
_BUFFER_MAX = 4 * RTU_MAX  # more unread bytes than four frames is babble: the oldest are dropped and counted
# A server that was busy may find a request, another server's reply and the next request; more is noise all the same.
_HEARD_MAX = 2 * RTU_MAX


class Signal:
    """A named result that is no frame."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


NEED_DATA = Signal("NEED_DATA")
ECHO = Signal("ECHO")  # our own request, heard back
NOISE = Signal("NOISE")  # bytes that are no frame


class RtuFrame(namedtuple("RtuFrame", ("address", "pdu"))):
    address: int
    pdu: bytes


class TcpFrame(namedtuple("TcpFrame", ("transaction", "unit", "pdu"))):
    transaction: int
    unit: int
    pdu: bytes


def rtu_frame(address: int, pdu: bytes) -> bytes:
    body = bytes((address,)) + pdu
    return body + struct.pack("<H", crc16(body))


def tcp_frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    return struct.pack(">HHHB", transaction, 0, 1 + len(pdu), unit) + pdu


def t35_us(baud: int) -> int:
    """The silence that ends a frame: 3.5 characters, 1.75 ms above 19200 baud; whatever bits the line's own bytes have."""
    if baud > _FIXED_SILENCE_BAUD:
        return _FIXED_SILENCE_US
    return -(-7 * CHARACTER_BITS * 1_000_000 // (2 * baud))


def checked(data: bytes | bytearray) -> bool:
    """Whether the last two bytes are the CRC of the others."""
    return len(data) >= 4 and crc16(data[:-2]) == data[-2] | data[-1] << 8


class RtuReplyReader:
    """The master's side: finds the frames in what is heard after `request` went to `address`.

    Frames of other addresses, functions and lengths are given too: a late reply is not noise.
    Bytes that belong to no frame are skipped and counted in `noise`; so are ghost bytes (00, FF) before
    a frame, since only a CRC that fits makes a frame. Where the reply repeats the request byte for byte
    (writing one register), an echo cannot be told from it and is given as the frame.
    """

    def __init__(self, address: int, request: Request) -> None:
        self._address = address
        self._function = function_of(request)
        self._length = reply_pdu_length(request)
        self._sent = b"" if isinstance(request, WriteRegister) else rtu_frame(address, encode_request(request))
        self._buffer = bytearray()
        self.noise = 0

    def feed(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > _BUFFER_MAX:
            self._skip(len(self._buffer) - _BUFFER_MAX)

    def take(self) -> RtuFrame | Signal:
        """The next frame, ECHO, or NEED_DATA."""
        first_waiting = len(self._buffer)
        for start in range(len(self._buffer)):
            waiting = first_waiting < start
            end = self._end(start)
            if end == TOO_SHORT:
                first_waiting = min(first_waiting, start)
                if self._is_ours(start) and not waiting:
                    break
            elif end > 0 and (self._is_ours(start) or not waiting):
                return self._cut(start, end)
        self._skip(first_waiting)
        return NEED_DATA

    @property
    def rest(self) -> int:
        """Bytes of a frame that is not whole yet; after the time-out they are noise too."""
        return len(self._buffer)

    def _end(self, start: int) -> int:
        """Where the whole frame or echo that begins at `start` ends; TOO_SHORT while it may become one, -1 if never."""
        heard = bytes(self._buffer[start : start + len(self._sent)])
        if self._sent and heard == self._sent[: len(heard)]:
            return start + len(self._sent) if len(heard) == len(self._sent) else TOO_SHORT
        length = reply_length(self._buffer[start + 1 : start + 1 + PDU_MAX])
        if length <= 0:
            return length
        end = start + length + 3
        if len(self._buffer) < end:
            return TOO_SHORT
        return end if checked(self._buffer[start:end]) else -1

    def _is_ours(self, start: int) -> bool:
        """Whether the bytes at `start` look like the answer that is waited for."""
        head = self._buffer[start : start + 3]
        if len(head) < 3 or head[0] != self._address:
            return False
        if head[1] == self._function | REFUSED:
            return True
        return head[1] == self._function and self._length in (TOO_SHORT, reply_length(self._buffer[start + 1 :]))

    def _cut(self, start: int, end: int) -> RtuFrame | Signal:
        self._skip(start)
        data = bytes(self._buffer[: end - start])
        self._buffer[: end - start] = b""
        return ECHO if data == self._sent else RtuFrame(data[0], data[1:-2])

    def _skip(self, length: int) -> None:
        self.noise += length
        self._buffer[:length] = b""


class RtuRequestReader:
    """The server's side: the caller feeds what it hears and says when the line has been silent for t3.5."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        self._buffer += data[: _HEARD_MAX - len(self._buffer)]

    def end_of_frame(self) -> RtuFrame | Signal:
        """The frame before the silence, whoever it is for; NEED_DATA if there was none, NOISE if it was broken."""
        data = self._heard()
        if not data:
            return NEED_DATA
        frames = _single(data)
        return frames[0] if frames else NOISE

    def end_of_frames(self) -> list[RtuFrame]:
        """The frames before the silence where the caller did not listen long enough to hear the silences between them.

        Requests and replies of anybody, in their order; none if the bytes are neither frames from end to end nor
        one frame among ghost bytes.
        """
        heard = data = self._heard()
        frames = []
        while data:
            length = _leading(data)
            if not length:
                return _single(heard)
            frames.append(RtuFrame(data[0], data[1 : length - 2]))
            data = data[length:].lstrip(b"\xff")  # a 00 may be the address of a broadcast
        return frames

    @property
    def waiting(self) -> bool:
        """Whether anything was heard since the last silence."""
        return len(self._buffer) > 0

    def _heard(self) -> bytes:
        data = bytes(self._buffer)
        self._buffer[:] = b""
        return data


def _leading(data: bytes) -> int:
    """The length of the whole frame, request or reply, that `data` begins with; 0 if it begins with none."""
    for length in (request_length(data[1:]), reply_length(data[1:])):
        if 0 < length <= min(PDU_MAX, len(data) - 3) and checked(data[: length + 3]):
            return length + 3
    return 0


def _single(data: bytes) -> list[RtuFrame]:
    """The frame that is all of `data`, ghost bytes aside, or none."""
    frame = _without_ghosts(data) if len(data) <= RTU_MAX else b""
    return [RtuFrame(frame[0], frame[1:-2])] if frame else []


def _without_ghosts(data: bytes) -> bytes:
    """The frame in `data` with nothing but a few ghost bytes around it, b"" if there is none.

    The length is tried before the whole, since a CRC holds as well with a 00 behind the frame.
    """
    for _ in range(GHOSTS_MAX + 1):
        for end in (request_length(data[1:]) + 3, len(data)):
            if 4 <= end <= len(data) and not data[end:].strip(b"\x00\xff") and checked(data[:end]):
                return data[:end]
        if not data or data[0] not in (0x00, 0xFF):
            break
        data = data[1:]
    return b""


class TcpReader:
    """Either side of Modbus TCP."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def take(self) -> TcpFrame | Signal:
        """The next frame or NEED_DATA; LineNoise if the stream is out of step: then close the connection."""
        if len(self._buffer) < TCP_HEADER:
            return NEED_DATA
        transaction, protocol, length, unit = struct.unpack(">HHHB", self._buffer[:TCP_HEADER])
        if protocol != 0 or not 2 <= length <= PDU_MAX + 1:
            raise LineNoise("no Modbus TCP header: %s; is the other end RTU over TCP?" % bytes(self._buffer[:TCP_HEADER]).hex())
        end = TCP_HEADER - 1 + length
        if len(self._buffer) < end:
            return NEED_DATA
        pdu = bytes(self._buffer[TCP_HEADER:end])
        self._buffer[:end] = b""
        return TcpFrame(transaction, unit, pdu)
