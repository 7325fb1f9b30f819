"""What a chip, a module or an input has counted by itself, and how much of it already stands in the counters.

Both grow modulo 2**32. The counts lie in their own area of RTC memory, with a note of who counts; what was taken lies beside the
counters and is written in one act with them. So after a restart their difference is exactly what the counters miss.
Runs on MicroPython.
"""

import struct

ENTRIES_MAX = 12
AREA_BYTES = 4 + 4 * ENTRIES_MAX
_FORM = "<%dI" % (1 + ENTRIES_MAX)
_MASK = 0xFFFFFFFF

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.counter_mirror import Memory


class Tally:
    """`found`: the counts go on from before the start; `note` is a number the front end keeps with them."""

    def __init__(self, area: "Memory", entries: int) -> None:
        self._area = area
        raw = area.read()
        self.found = len(raw) == AREA_BYTES
        kept = struct.unpack(_FORM, raw) if self.found else (0,) * (1 + ENTRIES_MAX)
        self.note = kept[0]
        self.counts = list(kept[1 : 1 + entries])
        self.taken = list(self.counts)

    def add(self, entry: int, count: int) -> None:
        self.counts[entry] = (self.counts[entry] + count) & _MASK

    def keep(self) -> None:
        """From here on the counts and the note survive a reset."""
        self._area.write(struct.pack(_FORM, self.note, *(self.counts + [0] * (ENTRIES_MAX - len(self.counts)))))

    def take(self) -> "list[int]":
        """What is new since this was asked last."""
        fresh = [(count - taken) & _MASK for count, taken in zip(self.counts, self.taken)]
        self.taken[:] = self.counts
        return fresh
