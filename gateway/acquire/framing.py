"""Makes the request of one exchange, finds the frames in what is heard, for each kind of line, and tells the answer's place from strays.

Whether a frame in the answer's place is a good answer, and what to do with strays, is not known here.
"""

import logging
from typing import NamedTuple, Protocol

from protocols.errors import LineNoise
from protocols.frame import ECHO, NEED_DATA, RtuFrame, RtuReplyReader, TcpFrame, TcpReader, rtu_frame, tcp_frame
from protocols.pdu import READ_HOLDING, READ_INPUT, Request, encode_request, function_of, reply_pdu_length

log = logging.getLogger(__name__)

TRANSACTIONS = 0x10000  # their numbers have 16 bits
HEARD_BYTES_MAX = 1_024  # four frames: more than that in one exchange is babble


class Stray(NamedTuple):
    """A whole frame that nobody waits for any more: its unit and its PDU."""

    address: int
    pdu: bytes


class Framing(Protocol):
    """How the frames of one exchange are made and found; `before` is that of the exchange before on the same connection."""

    def __init__(self, address: int, request: Request, before: "Framing | None" = None) -> None: ...

    @property
    def packet(self) -> bytes:
        """The request as it goes out."""
        ...

    @property
    def noise(self) -> int: ...

    def heard_head_of(self, address: int, request: Request) -> bool: ...

    def feed(self, data: bytes) -> list[tuple[bool, Stray]]:
        """(is it in the answer's place, frame) of every whole frame."""
        ...


class RtuFraming:
    def __init__(self, address: int, request: Request, before: Framing | None = None) -> None:  # noqa: ARG002 - after a silence nothing of it is left
        self._address = address
        self.packet = rtu_frame(address, encode_request(request))
        self._reader = RtuReplyReader(address, request)
        self._heard = bytearray()

    @property
    def noise(self) -> int:
        """Bytes that are no frame, the beginning of one included: after the time-out it will not be finished."""
        return self._reader.noise + self._reader.rest

    def heard_head_of(self, address: int, request: Request) -> bool:
        function = function_of(request)
        if function not in (READ_HOLDING, READ_INPUT):
            return False  # the heads of others say too little
        return bytes((address, function, reply_pdu_length(request) - 2)) in self._heard

    def feed(self, data: bytes) -> list[tuple[bool, Stray]]:
        self._heard = (self._heard + data)[-HEARD_BYTES_MAX:]
        self._reader.feed(data)
        found = []
        while (taken := self._reader.take()) is not NEED_DATA:
            if isinstance(taken, RtuFrame):
                found.append((taken.address == self._address, Stray(*taken)))
            elif taken is ECHO:
                log.debug("the line echoes our own request to %d", self._address)
        return found


class TcpFraming:
    def __init__(self, address: int, request: Request, before: Framing | None = None) -> None:
        """A stream knows no silence: half a late frame may have been heard before, the other half comes now."""
        self._reader, self._transaction = TcpReader(), 0
        if isinstance(before, TcpFraming):
            self._reader, self._transaction = before.handed_on()
        self._address = address
        self.packet = tcp_frame(self._transaction, address, encode_request(request))
        self._noise = 0

    def handed_on(self) -> tuple[TcpReader, int]:
        """What the next exchange on the same connection goes on from."""
        return self._reader, (self._transaction + 1) % TRANSACTIONS

    @property
    def noise(self) -> int:
        return self._noise

    def heard_head_of(self, address: int, request: Request) -> bool:  # noqa: ARG002 - as the protocol has it
        """On TCP nothing runs into anything."""
        return False

    def feed(self, data: bytes) -> list[tuple[bool, Stray]]:
        self._reader.feed(data)
        found = []
        try:
            while isinstance(taken := self._reader.take(), TcpFrame):
                is_ours = taken.transaction == self._transaction and taken.unit == self._address
                found.append((is_ours, Stray(taken.unit, taken.pdu)))
        except LineNoise:
            self._noise += len(data)
            self._reader = TcpReader()
        return found
