"""What a counter moved between two reads at interval boundaries: which intervals a read tells, and what is said of each. Pure.

The read at a boundary is the first one in the interval that begins there. An interval is known once the read that
ends it has arrived; a read that arrives late splits or restates what was told before, and comes as intervals of its
own: of two with the same meter, quantity and `end` the later one counts. Who knows which reads have arrived is the caller.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from protocols.amount import outside
from protocols.quantity import QUANTITIES
from protocols.reading import iso

# A boundary read that took longer than this does not stand for the boundary: energy of a minute has slipped over.
LATE_MS = 60_000
MEASURED, LATE, GAP, COUNTER_FELL = "measured", "late", "gap", "counter_fell"


class Point(NamedTuple):
    """One read of one counter; `value` in inner thousandths."""

    time_ms: int
    value: int
    sequence: int


class Known(Protocol):
    """The reads of one counter that had arrived before the one that tells."""

    def last_before(self, time_ms: int, from_ms: int) -> Point | None: ...

    def first_from(self, time_ms: int) -> Point | None: ...


class Interval(NamedTuple):
    """`first` and `last` are the boundary reads; `sequence` is that of the read that told it."""

    sequence: int
    meter: str
    quantity: str
    start_ms: int
    end_ms: int
    first: Point
    last: Point
    quality: str

    def document(self) -> dict[str, Any]:
        amount = self.last.value - self.first.value
        return {
            "sequence": self.sequence,
            "meter": self.meter,
            "quantity": self.quantity,
            "unit": QUANTITIES[self.quantity].unit,
            "start": iso(self.start_ms),
            "end": iso(self.end_ms),
            "amount": outside(self.quantity, amount) if amount >= 0 else None,
            "quality": self.quality,
            "first": self._read(self.first),
            "last": self._read(self.last),
        }

    def _read(self, point: Point) -> dict[str, str]:
        return {"time": iso(point.time_ms), "value": outside(self.quantity, point.value)}


def is_boundary(read: Point, known: Known, length_ms: int) -> bool:
    """Whether it is the first of its interval; any other tells nothing."""
    return known.last_before(read.time_ms + 1, read.time_ms // length_ms * length_ms) is None


def told(meter: str, quantity: str, read: Point, known: Known, length_ms: int) -> Iterator[Interval]:
    """The intervals that end or begin at a boundary read: none, one or two."""
    here = read.time_ms // length_ms * length_ms
    before = known.last_before(here, 0)
    if before is not None:
        start_ms = before.time_ms // length_ms * length_ms
        first = known.first_from(start_ms)
        assert first is not None
        quality = _quality(first, read, (start_ms, here), length_ms)
        yield Interval(read.sequence, meter, quantity, start_ms, here, first, read, quality)
    after = known.first_from(here + length_ms)
    if after is not None:
        end_ms = after.time_ms // length_ms * length_ms
        quality = _quality(read, after, (here, end_ms), length_ms)
        yield Interval(read.sequence, meter, quantity, here, end_ms, read, after, quality)


def _quality(first: Point, last: Point, span_ms: tuple[int, int], length_ms: int) -> str:
    start_ms, end_ms = span_ms
    if last.value < first.value:
        return COUNTER_FELL
    if end_ms - start_ms > length_ms:
        return GAP
    return LATE if max(first.time_ms - start_ms, last.time_ms - end_ms) > LATE_MS else MEASURED
