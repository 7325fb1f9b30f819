"""A station that speaks DL/T 645: its address has twelve digits, and its answers name what they answer."""

from collections.abc import Callable

from gateway.acquire.answer import Answer
from gateway.acquire.station import Station
from protocols.dlt645 import Frame, read_request, reply_words
from protocols.pdu import ReadRequest, Request, reply_pdu_length
from protocols.plan import READ_REQUEST_BYTES, span_us


class DltStation(Station):
    def in_doubt(self, request: Request) -> bool:  # noqa: ARG002 - as every unit
        return False

    def bytes_us(self, request: Request) -> int:
        """An identifier is no Modbus address: what the frames carry is counted as the words of a read."""
        return span_us(READ_REQUEST_BYTES + reply_pdu_length(request), self.costs)

    def question(self, request: Request) -> tuple[Frame, Callable[[Frame], Answer]]:
        """The frame that asks for what a block's request stands for, and what a fitting answer holds (else WrongAnswer)."""
        assert isinstance(request, ReadRequest), "DL/T 645 meters are only read"
        assert isinstance(self.address, str), "site_check: they have an address of twelve digits"
        address, row = self.address, next(row for row in self.spec.meter.rows if row.address == request.address)
        return read_request(address, row.address), lambda frame: Answer(reply_words(address, row, frame), 0, b"")
