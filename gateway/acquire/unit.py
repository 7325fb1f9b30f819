"""One unit on a wire as the conversation sees it: its address, what it costs to ask it, how it behaves.

Which registers it has, and what becomes of them, is not known here. A unit of which nothing is known (an
address that a person or a scan asks) has the bounds of the line.
"""

from collections import deque
from typing import NamedTuple

from gateway.acquire.condition import Condition
from gateway.acquire.turnaround import Turnaround
from gateway.acquire.wants import costs
from gateway.site import LineTable
from protocols.meter import MODBUS, REGISTERS_MAX, TIMEOUT_MS_MAX, TURNAROUND_MS, TURNAROUND_SLOW_MS, Limits
from protocols.pdu import PDU_MAX, READ_HOLDING, READ_MAX, ReadRequest, Request, encode_request, reply_pdu_length
from protocols.plan import Costs, span_us

# What holds for a unit that no meter file describes.
UNKNOWN = Limits(REGISTERS_MAX, 0, 0, TURNAROUND_MS, TURNAROUND_SLOW_MS, TIMEOUT_MS_MAX)


# What a person compares with the meter's manual: the last polls, some 300 bytes each; 32 meters keep 100 kB.
EXCHANGES_KEPT = 12


class Exchange(NamedTuple):
    """A request and all that was heard until the next one; `at` is the loop's time, `outcome` "" where it was a good answer."""

    at: float
    sent: bytes
    heard: bytes
    outcome: str


class Unit:
    def __init__(self, line: LineTable, address: int | str, limits: Limits = UNKNOWN, language: str = MODBUS) -> None:
        self.address = address
        self.limits = limits
        self.condition = Condition(Turnaround(limits.turnaround_ms * 1000, limits.turnaround_slow_ms * 1000, limits.timeout_ms_max * 1000))
        self.exchanges: deque[Exchange] = deque(maxlen=EXCHANGES_KEPT)
        self.costs: Costs = costs(line, limits, language)

    def in_doubt(self, request: Request) -> bool:
        """Whether an answer to `request` could be the answer to an older one."""
        return self.condition.suspect(reply_pdu_length(request))

    def probe(self) -> ReadRequest:
        """A short read whose reply is as long as no other's: it shows the unit is in step; its values are not used."""
        lengths = (length for length in range(2, READ_MAX) if not self.condition.unanswered(2 + 2 * length))
        return ReadRequest(READ_HOLDING, 0, next(lengths, 1))

    def request_s(self, request: Request) -> float:
        """How long the request alone takes on the wire."""
        return span_us(len(encode_request(request)) - self.costs.frame_bytes, self.costs) / 1e6

    def timeout_s(self, request: Request) -> float:
        """The wire's time for request and reply, and what the unit may take to begin."""
        still_us = 2 * self.costs.silence_us + self.condition.turnaround.timeout_us
        return (self.bytes_us(request) + still_us) / 1e6

    def turnaround_us(self, request: Request, took_us: int) -> int:
        """What of the time an answer took was the unit's own."""
        return max(0, took_us - self.bytes_us(request))

    def bytes_us(self, request: Request) -> int:
        """Of a reply whose length only itself tells, the longest is expected."""
        reply = reply_pdu_length(request) or PDU_MAX
        return span_us(len(encode_request(request)) + reply, self.costs)
