"""The decided history of one counter: accepted readings, what was booked between them, and the events.

Read-only. How it was decided stands in `epoch`; how a stretch of time takes its share stands in `split`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from gateway.carbon.inputs import CounterSpec


@dataclass(frozen=True)
class CounterEvent:
    """`adjustment` is what the raw counter moved there without being booked: raw step - booked step."""

    kind: str
    time_ms: int
    adjustment: int
    detail: str


@dataclass(frozen=True)
class History:
    """Pair k lies between accepted readings k and k + 1; `booked` is the running sum of what was booked.

    `unknown` are the pairs across which the energy is not known: nothing is booked there.
    `first_seen_ms` and `last_seen_ms` span every usable or disputed reading, accepted or not;
    `is_pending` says that the newest of them are not decided yet.
    """

    spec: CounterSpec
    times: list[int]
    values: list[int]
    booked: list[int]
    unknown: list[int]
    events: tuple[CounterEvent, ...]
    first_seen_ms: int | None
    last_seen_ms: int | None
    is_pending: bool

    @cached_property
    def gaps(self) -> list[int]:
        """C11: the known pairs longer than the gap limit."""
        limit, unknown = self.spec.gap_limit_ms, set(self.unknown)
        pairs = zip(self.times, self.times[1:], strict=False)
        return [k for k, (begin, end) in enumerate(pairs) if end - begin > limit and k not in unknown]

    @cached_property
    def event_times(self) -> list[int]:
        return [event.time_ms for event in self.events]

    @cached_property
    def _unknown_set(self) -> frozenset[int]:
        return frozenset(self.unknown)

    @cached_property
    def _gap_set(self) -> frozenset[int]:
        return frozenset(self.gaps)

    def is_unknown(self, pair: int) -> bool:
        return pair in self._unknown_set

    def is_gap(self, pair: int) -> bool:
        return pair in self._gap_set

    def advance(self, pair: int) -> int:
        return self.booked[pair + 1] - self.booked[pair]

    def missing_ms(self, start_ms: int, end_ms: int) -> int:
        """C13: time outside the first and last reading, or inside a pair of unknown energy."""
        if not self.times:
            return end_ms - start_ms
        first, last = self.times[0], self.times[-1]
        outside = max(0, min(end_ms, first) - start_ms) + max(0, end_ms - max(start_ms, last))
        inside = sum(min(end_ms, self.times[k + 1]) - max(start_ms, self.times[k]) for k in self.touching(self.unknown, start_ms, end_ms))
        return outside + inside

    def touching(self, pairs: list[int], start_ms: int, end_ms: int) -> Iterator[int]:
        """Those of the sorted `pairs` that share time with [start, end)."""
        if not pairs:
            return
        low = bisect_left(pairs, bisect_right(self.times, start_ms) - 1)
        for k in pairs[low:]:
            if self.times[k] >= end_ms:
                return
            yield k

    def unbroken(self, start_ms: int, end_ms: int) -> bool:
        """Whether readings at the usual pace cover the whole of [start, end)."""
        return (
            len(self.times) > 1
            and self.times[0] <= start_ms
            and end_ms <= self.times[-1]
            and next(self.touching(self.gaps, start_ms, end_ms), None) is None
            and next(self.touching(self.unknown, start_ms, end_ms), None) is None
        )

    def is_read_every(self, start_ms: int, end_ms: int, step_ms_max: int) -> bool:
        """Whether no pair of readings that shares time with [start, end) is longer than the step or of unknown energy."""
        first = bisect_right(self.times, start_ms) - 1
        if first < 0 or self.times[-1] < end_ms:
            return False
        pairs = range(first, bisect_left(self.times, end_ms))
        return not any(self.times[k + 1] - self.times[k] > step_ms_max or self.is_unknown(k) for k in pairs)

    def level(self, time_ms: int) -> int:
        """The booked sum at an instant inside an unbroken stretch, linear between readings, rounded down."""
        k = min(bisect_right(self.times, time_ms), len(self.times) - 1) - 1
        begin, end = self.times[k], self.times[k + 1]
        return self.booked[k] + self.advance(k) * (time_ms - begin) // (end - begin)
