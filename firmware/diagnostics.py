"""Function 8 of Modbus: the counters of the standard, and the query that is sent back.

Who counts what when is told to `count`; frames and registers are not known here. Runs on MicroPython.
"""

import struct

from protocols.errors import MeterRefused
from protocols.pdu import DIAGNOSE, ILLEGAL_FUNCTION, ILLEGAL_VALUE

TYPE_CHECKING = False  # the board has no typing module
if TYPE_CHECKING:
    from protocols.responder import Registers

RETURN_QUERY, CLEAR = 0, 10
# The sub-function that reads a counter is its name.
BUS_MESSAGES = 11  # whole frames heard, for anybody
BUS_ERRORS = 12  # broken frames
EXCEPTIONS = 13
SERVER_MESSAGES = 14  # for this meter, or for all
NO_RESPONSE = 15  # of those, how many stayed without an answer
NOT_ACKNOWLEDGED = 16  # exception 7, which this meter never gives
BUSY_ANSWERS = 17  # exception 6
LOST = 18  # "character overrun" in the standard: requests that came while the meter could not answer in time
CLEAR_LOST = 20


class Diagnostics:
    """16 bits each on the wire, where they begin again at 0; `total` goes on."""

    def __init__(self) -> None:
        self._totals = [0] * (LOST - BUS_MESSAGES + 1)
        self._cleared = [0] * len(self._totals)

    def count(self, counter: int) -> None:
        self._totals[counter - BUS_MESSAGES] += 1

    def total(self, counter: int) -> int:
        """Since start, whatever was cleared meanwhile."""
        return self._totals[counter - BUS_MESSAGES]

    def answer(self, pdu: bytes, registers: "Registers") -> bytes:  # noqa: ARG002 - one of the responder's handlers
        if len(pdu) < 5 or not len(pdu) & 1:
            raise MeterRefused(ILLEGAL_VALUE)
        function = struct.unpack(">H", pdu[1:3])[0]
        if function == RETURN_QUERY:
            return bytes(pdu)
        if function not in (CLEAR, CLEAR_LOST) and not BUS_MESSAGES <= function <= LOST:
            raise MeterRefused(ILLEGAL_FUNCTION)
        if pdu[3:] != b"\0\0":
            raise MeterRefused(ILLEGAL_VALUE)
        if function in (CLEAR, CLEAR_LOST):
            self._clear(BUS_MESSAGES if function == CLEAR else LOST)
            return bytes(pdu)
        at = function - BUS_MESSAGES
        return struct.pack(">BHH", DIAGNOSE, function, self._totals[at] - self._cleared[at] & 0xFFFF)

    def _clear(self, first: int) -> None:
        for counter in range(first, LOST + 1):
            self._cleared[counter - BUS_MESSAGES] = self._totals[counter - BUS_MESSAGES]
