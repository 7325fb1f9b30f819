"""A device behind a port of its own as a station of a virtual line: it hears what the line hears, and speaks when it has spoken.

What it is and how it answers is not known here; bytes pass as they are.
"""

import contextlib
import os
from collections.abc import Sequence
from random import Random

from protocols.frame import RTU_MAX, checked
from protocols.pdu import reply_length
from tools.factory.faults import Fault
from tools.factory.station import BROADCAST, Answer, Station

_READ_BYTES = 4096
_SHORTEST_FRAME = 4


class RemoteStation(Station):
    """Its turnaround is the device's own, in real time: whoever owns the line watches `fileno` and tells it of each `take`."""

    def __init__(self, name: str, address: int, terminal: str, faults: Sequence[Fault] = (), *, hears_others: bool = True) -> None:
        """Without `hears_others` only what is for it reaches it: a device in real time cannot part frames on a line that runs faster."""
        super().__init__(name, address, lambda _request, _now_us: None, turnaround_us=(0, 0), faults=faults)
        self._port = os.open(terminal, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._hears_others = hears_others
        self._asked = b""
        self._said = bytearray()

    def fileno(self) -> int:
        return self._port

    def close(self) -> None:
        os.close(self._port)

    def hear(self, frame: bytes, begun_us: int, ended_us: int, line_faults: Sequence[Fault], random: Random) -> list[Answer]:  # noqa: ARG002 - a station
        """Other meters' frames and broken ones go to the device too; it answers later, if at all."""
        is_for_it = len(frame) >= _SHORTEST_FRAME and frame[0] in (self.address, BROADCAST)
        if is_for_it:
            self._asked = frame[1:-2]
        elif not self._hears_others:
            return []
        # The device does not listen and the buffer is full: bytes are lost, as in a receiver that nobody reads.
        with contextlib.suppress(BlockingIOError):
            os.write(self._port, frame)
        return []

    def take(self) -> bytes:
        """The frame that is whole now; empty while there is none."""
        with contextlib.suppress(BlockingIOError):
            self._said += os.read(self._port, _READ_BYTES)
        length = reply_length(bytes(self._said[1:]))
        end = length + 3
        if length <= 0 or len(self._said) < end:
            if length < 0 or len(self._said) > RTU_MAX:
                self._said.clear()  # a device that was cut off in the middle: the next frame is in step again
            return b""
        frame, self._said = bytes(self._said[:end]), self._said[end:]
        return frame if checked(frame) else b""

    def said(self, frame: bytes, line_faults: Sequence[Fault], random: Random) -> list[Answer]:
        """What goes on the wire for it, through the faults."""
        self.address = frame[0]  # it may have been set anew
        return self._answers(self._asked, frame[1:-2], (*self.faults, *line_faults), random)
