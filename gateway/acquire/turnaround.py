"""How long one meter takes to begin its answer, learnt from what was measured. Pure: no clock is asked."""

from bisect import bisect_left

# Bucket bounds in microseconds: each 1.2 times the one before, 1 ms to about 10 s; finer tells nobody anything.
BOUNDS_US = tuple(int(1_000 * 1.2**step) for step in range(52))
# Halving the counts beyond this many samples lets the picture follow a meter that changes.
SAMPLES_MAX = 4_000
# Fewer samples than this say nothing about the slowest of a thousand.
SAMPLES_MIN = 20
# The time-out is this many times the slow turnaround: later is late, and late costs more than waiting.
SAFETY = 3
# USB adapters hand bytes over every 16 ms and a busy gateway adds its own; less would cut good answers off.
TIMEOUT_US_MIN = 150_000


class Turnaround:
    """A histogram with a bound on what it remembers."""

    def __init__(self, typical_us: int, slow_us: int, timeout_us_max: int) -> None:
        """The three stand in the meter file and hold until enough was measured."""
        self._typical_us = typical_us
        self._slow_us = slow_us
        self._timeout_us_max = timeout_us_max
        self._counts = [0] * (len(BOUNDS_US) + 1)
        self._samples = 0
        self._wary = 0  # samples still to be measured before the time-out is derived from them again

    def late(self) -> None:
        """An answer came after the time-out: the meter is slower than was learnt, so wait as long as allowed and learn anew."""
        self._wary = SAMPLES_MIN

    def add(self, microseconds: int) -> None:
        self._counts[bisect_left(BOUNDS_US, microseconds)] += 1
        self._samples += 1
        self._wary = max(0, self._wary - 1)
        if self._samples > SAMPLES_MAX:
            self._counts = [count // 2 for count in self._counts]
            self._samples = sum(self._counts)

    @property
    def learnt(self) -> bool:
        return self._samples >= SAMPLES_MIN

    @property
    def median_us(self) -> int:
        return self._quantile(500) if self.learnt else self._typical_us

    @property
    def slow_us(self) -> int:
        """p99.9: one answer in a thousand is slower."""
        return self._quantile(999) if self.learnt else self._slow_us

    @property
    def timeout_us(self) -> int:
        """How long after the request's end the first byte may take; the meter file sets the upper bound."""
        if not self.learnt or self._wary:
            return self._timeout_us_max
        return min(self._timeout_us_max, max(TIMEOUT_US_MIN, SAFETY * self.slow_us))

    def histogram(self) -> list[tuple[int, int]]:
        """(upper bound in microseconds, answers) of the buckets that hold any."""
        bounds = (*BOUNDS_US, 2 * BOUNDS_US[-1])
        return [(bound, count) for bound, count in zip(bounds, self._counts, strict=True) if count]

    def _quantile(self, thousandths: int) -> int:
        wanted = -(-self._samples * thousandths // 1000)
        seen = 0
        for bound, count in self.histogram():
            seen += count
            if seen >= wanted:
                return bound
        return BOUNDS_US[-1]
