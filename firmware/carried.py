"""What goes with the counters through a restart: their rests, and how much of a front end's own counts stands in them.

As bytes, which the journal's mirror keeps together with the totals. Runs on MicroPython.
"""

import struct

_RESTS, _TAKEN = 16, 12  # as many as there are counters, and entries of the largest tally
_FORM = "<28I"
BYTES = 4 * (_RESTS + _TAKEN)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.front_ends.tally import Tally
    from firmware.metrology.energy import Counters


class Carried:
    def __init__(self, octets: bytearray, counters: "Counters", tally: "Tally | None") -> None:
        self._octets, self._counters, self._tally = octets, counters, tally

    def restore(self, kept: bool) -> None:  # noqa: FBT001 - a fact
        """After the start. A tally begins with all it has taken: where one half of the pair was lost nothing is counted twice."""
        if not kept:
            return
        values = struct.unpack(_FORM, self._octets)
        self._counters.rests[:] = values[: len(self._counters.rests)]
        tally = self._tally
        if tally is not None and tally.found:
            tally.taken[:] = values[_RESTS : _RESTS + len(tally.taken)]

    def pack(self) -> None:
        """Before the counters may be mirrored."""
        rests = self._counters.rests
        taken = [] if self._tally is None else self._tally.taken
        struct.pack_into(_FORM, self._octets, 0, *(rests + [0] * (_RESTS - len(rests)) + taken + [0] * (_TAKEN - len(taken))))
