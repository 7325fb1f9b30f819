"""A Modbus RTU device on a virtual line: hears whole frames, answers those for its address, through its faults.

It knows neither the line nor what its registers mean: `serve` turns a request PDU into a reply PDU.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from protocols.crc16 import crc16
from protocols.frame import rtu_frame
from protocols.pdu import REFUSED, TOO_SHORT, request_length
from tools.factory.faults import Fault
from tools.factory.serial_settings import LineSettings

BROADCAST = 0
_SHORTEST_FRAME = 4

# Request PDU and line time in microseconds -> reply PDU, None for no answer at all.
Serve = Callable[[bytes, int], bytes | None]


class Answer(NamedTuple):
    """`frame` goes on the wire `wait_us` after the request was heard (empty: never); `intended` is what it was without faults."""

    station: str
    asked: bytes
    said: bytes
    intended: bytes
    frame: bytes
    wait_us: int
    late: bool


class Station:
    def __init__(
        self,
        name: str,
        address: int,
        serve: Serve,
        *,
        settings: LineSettings | None = None,
        turnaround_us: tuple[int, int] = (3_000, 6_000),
        quiet_us: int = 0,
        faults: Sequence[Fault] = (),
        checks_parity: bool = True,
    ) -> None:
        """Without `settings` those of the line; the turnaround is drawn between the two bounds for every answer.

        A request that begins less than `quiet_us` after traffic for others is not heard.
        """
        self.name = name
        self.address = address
        self.settings = settings
        self.faults = tuple(faults)
        self.checks_parity = checks_parity
        self._quiet_us = quiet_us
        self._disturbed_until_us = 0
        self._serve = serve
        self._turnaround_us = turnaround_us

    def hear(self, frame: bytes, begun_us: int, ended_us: int, line_faults: Sequence[Fault], random: Random) -> list[Answer]:
        """What it says to a frame that was on the wire from `begun_us` to `ended_us`."""
        disturbed = begun_us < self._disturbed_until_us
        if frame and frame[0] != self.address:
            self._disturbed_until_us = ended_us + self._quiet_us
        if disturbed or len(frame) < _SHORTEST_FRAME or frame[0] not in (self.address, BROADCAST):
            return []
        if crc16(frame[:-2]) != int.from_bytes(frame[-2:], "little"):
            return []
        request = frame[1:-2]
        if request[0] & REFUSED or request_length(request) not in (TOO_SHORT, len(request)):
            return []  # the answer of another meter with this address is no request
        reply = self._serve(request, ended_us)
        if not reply or frame[0] == BROADCAST:
            return []
        return self._answers(request, reply, (*self.faults, *line_faults), random)

    def _answers(self, request: bytes, reply: bytes, faults: Sequence[Fault], random: Random) -> list[Answer]:
        wait_us = random.randint(*self._turnaround_us)
        late_us = sum(fault.delay_us(random) for fault in faults)
        intended = rtu_frame(self.address, reply)
        answers = [
            Answer(self.name, request, reply, intended, self._on_wire(request, reply, faults, random), wait_us + late_us, late_us > 0)
        ]
        for fault in faults:
            twin_us = fault.twin_delay_us(random)
            if twin_us is not None:
                other = _other_values(reply)
                frame = rtu_frame(self.address, other)
                answers.append(Answer(f"{self.name} (twin)", request, other, frame, frame, wait_us + twin_us, late=False))
        return answers

    def _on_wire(self, request: bytes, reply: bytes, faults: Sequence[Fault], random: Random) -> bytes:
        for fault in faults:
            reply = fault.changed(request, reply, random)
        if not reply:
            return b""
        frame = rtu_frame(self.address, reply)
        for fault in faults:
            frame = fault.damaged(frame, random)
        return frame


def _other_values(reply: bytes) -> bytes:
    """What a second meter of the same kind would say: the same shape, other registers."""
    return reply[:2] + bytes(byte ^ 0x24 if index % 2 else byte for index, byte in enumerate(reply[2:]))
