"""Finds the frames of one exchange in what is heard, for each kind of line, and tells the answer's place from strays.

Whether a frame in the answer's place is a good answer, and what to do with strays, is not known here.
"""

import logging
from typing import NamedTuple, Protocol

from protocols.errors import LineNoise
from protocols.frame import ECHO, NEED_DATA, RtuFrame, RtuReplyReader, TcpFrame, TcpReader, rtu_frame, tcp_frame
from protocols.pdu import ReadRequest

log = logging.getLogger(__name__)


HEARD_BYTES_MAX = 1_024  # four frames: more than that in one exchange is babble


class Stray(NamedTuple):
    """A whole frame that nobody waits for any more: its unit and its PDU."""

    address: int
    pdu: bytes


class Framing(Protocol):
    """How the frames of one exchange are found."""

    def __init__(self, address: int, request: ReadRequest) -> None: ...

    @property
    def noise(self) -> int: ...

    def heard_head_of(self, address: int, request: ReadRequest) -> bool: ...

    def sent(self, packet: bytes) -> None: ...

    def feed(self, data: bytes) -> list[tuple[bool, Stray, bytes]]:
        """(is the answer's place, frame, its bytes as pymodbus reads them) of every whole frame."""
        ...


class RtuFraming:
    def __init__(self, address: int, request: ReadRequest) -> None:
        self._address = address
        self._reader = RtuReplyReader(address, request)
        self._heard = bytearray()

    @property
    def noise(self) -> int:
        """Bytes that are no frame, the beginning of one included: after the time-out it will not be finished."""
        return self._reader.noise + self._reader.rest

    def heard_head_of(self, address: int, request: ReadRequest) -> bool:
        return bytes((address, request.function, 2 * request.count)) in self._heard

    def sent(self, packet: bytes) -> None:
        """RTU frames carry no transaction."""

    def feed(self, data: bytes) -> list[tuple[bool, Stray, bytes]]:
        self._heard = (self._heard + data)[-HEARD_BYTES_MAX:]
        self._reader.feed(data)
        found = []
        while (taken := self._reader.take()) is not NEED_DATA:
            if isinstance(taken, RtuFrame):
                found.append((taken.address == self._address, Stray(*taken), rtu_frame(*taken)))
            elif taken is ECHO:
                log.debug("the line echoes our own request to %d", self._address)
        return found


class TcpFraming:
    def __init__(self, address: int, _request: ReadRequest) -> None:
        self._address = address
        self._reader = TcpReader()
        self._transaction = -1
        self._noise = 0

    @property
    def noise(self) -> int:
        return self._noise

    def heard_head_of(self, address: int, request: ReadRequest) -> bool:  # noqa: ARG002 - as the protocol has it
        """On TCP nothing runs into anything."""
        return False

    def sent(self, packet: bytes) -> None:
        self._transaction = int.from_bytes(packet[:2], "big")

    def feed(self, data: bytes) -> list[tuple[bool, Stray, bytes]]:
        self._reader.feed(data)
        found = []
        try:
            while isinstance(taken := self._reader.take(), TcpFrame):
                is_ours = taken.transaction == self._transaction and taken.unit == self._address
                found.append((is_ours, Stray(taken.unit, taken.pdu), tcp_frame(*taken)))
        except LineNoise:
            self._noise += len(data)
            self._reader = TcpReader()
        return found
