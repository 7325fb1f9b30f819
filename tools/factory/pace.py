"""How fast simulated time runs against the real clock: one value shared by all lines of a factory, so that they agree."""

import time
from collections.abc import Callable

_NANOSECONDS_PER_MICROSECOND = 1_000
_MICROSECONDS = 1_000_000


class Pace:
    def __init__(self, speed: float = 1.0, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._speed = speed
        self._clock_ns = clock_ns
        self._began_ns = clock_ns()

    def now_us(self) -> int:
        """Simulated microseconds since the beginning."""
        return int((self._clock_ns() - self._began_ns) * self._speed) // _NANOSECONDS_PER_MICROSECOND

    def real_seconds_until(self, simulated_us: int) -> float:
        return self.real_seconds(simulated_us - self.now_us())

    def real_seconds(self, simulated_us: int) -> float:
        return simulated_us / self._speed / _MICROSECONDS
