"""What the journal's records say of counters, and what they add up to when read in order.

A pair holds two counters in full; a group holds four by their low 40 bits, which the total known so far
completes. Each record stands by itself: losing one loses nothing that a later one of the same counters says.
Knows no flash. Runs on MicroPython.
"""

import struct

from firmware.flash_record import Record

PAIR, GROUP = 2, 4  # counters in one record
_LOW_BITS = 40  # 2^40 mWh is 1.1 GWh: nobody meters that much while one sector fills
LOW_MASK = (1 << _LOW_BITS) - 1
_KIND_PAIR, _KIND_GROUP = 16, 64  # plus the number of the pair or group
_PAIR_FORM, GROUP_FORM = "<QQ4s", "<IBIBIBIB"

TYPE_CHECKING = False  # the board has no typing module
if TYPE_CHECKING:
    from collections.abc import Sequence


def pair_record(totals: "Sequence[int]", first: int) -> tuple[int, bytes]:
    """Kind and body of the record that holds two counters in full."""
    return _KIND_PAIR + first // PAIR, struct.pack(_PAIR_FORM, totals[first], totals[first + 1], b"")


def group_record(totals: "Sequence[int]", first: int) -> tuple[int, bytes]:
    """Kind and body of the record that holds four by their low bits."""
    return _KIND_GROUP + first // GROUP, pack_low(totals[first : first + GROUP])


def pack_low(totals: "Sequence[int]") -> bytes:
    parts = []
    for total in totals:
        parts.append(total & 0xFFFFFFFF)
        parts.append(total >> 32 & 0xFF)
    return struct.pack(GROUP_FORM, *parts)


def unpack_low(body: bytes) -> list[int]:
    parts = struct.unpack(GROUP_FORM, body)
    return [parts[place] | parts[place + 1] << 32 for place in range(0, len(parts), 2)]


def complete(low: int, base: int) -> int:
    """The smallest total that has these low bits and is not below `base`."""
    return base + (low - base & LOW_MASK)


class FoundTotals:
    """`epoch` is that of the newest record; None if there was none."""

    def __init__(self, counters: int) -> None:
        self.epoch: int | None = None
        self.epochs: set[int] = set()
        self.damaged = 0
        self._totals: list[int | None] = [None] * counters
        self._doubtful: set[int] = set()  # their newest record cannot be read
        self._expected = 0  # counters that were in use; an update may have brought more

    def expect(self, counters: int) -> None:
        self._expected = max(self._expected, counters)

    def apply(self, record: Record) -> None:
        span = _span(record.kind)
        self.epoch = record.epoch
        self.epochs.add(record.epoch)
        self._expected = max(self._expected, span.stop)
        values = unpack_low(record.body) if record.kind >= _KIND_GROUP else struct.unpack(_PAIR_FORM, record.body)
        for index in span:
            self._set(index, values[index - span.start], record.kind)

    def doubt(self, kind: int) -> None:
        """A record was whole once and cannot be read; if its kind makes no sense, it may have been any."""
        self.damaged += 1
        self._doubtful.update(_span(kind) or range(len(self._totals)))

    def adopt(self, epoch: int, totals: "Sequence[int]") -> None:
        """The mirror: not behind any record of its epoch."""
        self.epoch = epoch
        self.epochs.add(epoch)
        self._doubtful.clear()
        for index, total in enumerate(totals):
            self._totals[index] = max(total, self._totals[index] or 0)

    def whole(self) -> bool:
        """Nothing that was ever published is missing."""
        return self.epoch is not None and not self._doubtful and None not in self._totals[: self._expected]

    def known_totals(self) -> list[int]:
        """A counter of which nothing is known begins anew."""
        return [total or 0 for total in self._totals]

    def _set(self, index: int, value: int, kind: int) -> None:
        if index >= len(self._totals):
            return  # an update has taken this counter away
        base = self._totals[index]
        if kind >= _KIND_GROUP:
            if base is None:
                return
            value = complete(value, base)
        self._totals[index] = value
        self._doubtful.discard(index)


def _span(kind: int) -> range:
    """Numbers of the counters in a record of this kind; empty for any other record."""
    if kind >= _KIND_GROUP:
        return range((kind - _KIND_GROUP) * GROUP, (kind - _KIND_GROUP + 1) * GROUP)
    if kind >= _KIND_PAIR:
        return range((kind - _KIND_PAIR) * PAIR, (kind - _KIND_PAIR + 1) * PAIR)
    return range(0)
