"""How time passes on the simulated board, and when the bench's samples come to their end. Runs on MicroPython.

Time may run faster than life, but never faster than the application gets through its samples: then it slows down.
"""

from firmware.metrology.window import Window

# Of meter time in one turn of the loop when time is faster than life; the firmware's own front ends take 160 ms at once.
STEP_US_MAX = 100_000
_SECOND_US = 1_000_000
# What is fed beyond the end, so that the window that is open there closes: two seconds hold any window.
_BEYOND_US, _BEYOND_STEPS = 10_000, 200

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.clock import Ticks
    from firmware.front_ends.front_end import FrontEnd


class Pace:
    """What the meter's clock asks: `speed` times the ticks, and none after `seconds` (0: no end) of meter time."""

    def __init__(self, ticks: "Ticks", speed: float, seconds: float) -> None:
        self._ticks = ticks
        self._speed = speed
        self._left_us = int(seconds * _SECOND_US) if seconds else None
        self._asked_us = ticks.ticks_us()
        self.passed_us = 0

    def __call__(self) -> int:
        now_us = self._ticks.ticks_us()
        elapsed_us = int(self._ticks.ticks_diff(now_us, self._asked_us) * self._speed)
        self._asked_us = now_us
        if self._speed > 1:
            elapsed_us = min(elapsed_us, STEP_US_MAX)
        if self._left_us is not None:
            elapsed_us = min(elapsed_us, self._left_us)
            self._left_us -= elapsed_us
        self.passed_us += elapsed_us
        return elapsed_us


class Ended:
    """A front end whose windows stand for exactly `seconds` together: of the last one only what is before the end counts."""

    def __init__(self, front_end: "FrontEnd", seconds: float) -> None:
        self.trust = front_end.trust
        self.phases = front_end.phases
        self.counted = front_end.counted
        self.tally = front_end.tally
        self.settle = front_end.settle
        self.ended = False
        self._front_end = front_end
        self._coming_us = int(seconds * _SECOND_US)
        self._left_us = self._coming_us

    @property
    def restarts(self) -> int:
        return self._front_end.restarts

    @property
    def extras(self) -> "tuple[tuple[str, int | None], ...]":
        return self._front_end.extras

    def poll(self, elapsed_us: int) -> "Window | None":
        if self.ended:
            return None
        self._coming_us -= elapsed_us
        window = self._front_end.poll(elapsed_us)
        if self._coming_us <= 0:
            for _ in range(_BEYOND_STEPS):
                if window is not None:
                    break
                window = self._front_end.poll(_BEYOND_US)
        return window and self._cut(window)

    def _cut(self, window: Window) -> Window:
        window_us = min(window.window_us, self._left_us)
        self._left_us -= window_us
        self.ended = self._left_us == 0
        return Window(*window[:2], window_us, *window[3:])
