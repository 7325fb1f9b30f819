"""How far the measured values can be trusted: what was not sampled and what was clipped, since start, in the last minute
and in the quarter of an hour that runs. Windows come in, numbers go out; registers are not known here.
"""

SLOT_US = 5_000_000
SLOTS = 12  # of five seconds: the last minute
FULL = 10_000  # in 0.01 %

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.metrology.window import Window


class Quality:
    def __init__(self) -> None:
        self.missing_ms = 0
        self.clipped = 0
        self._lasted_us = [0] * SLOTS
        self._missed_us = [0] * SLOTS
        self._slot = 0
        self._quarter_ms = 0

    def add(self, window: "Window") -> None:
        missed_ms = min(window.missing_ms, window.window_us // 1000)
        self.missing_ms += window.missing_ms
        self.clipped += window.clipped
        self._quarter_ms += window.window_us // 1000 - missed_ms
        if self._lasted_us[self._slot] >= SLOT_US:
            self._slot = (self._slot + 1) % SLOTS
            self._lasted_us[self._slot] = self._missed_us[self._slot] = 0
        self._lasted_us[self._slot] += window.window_us
        self._missed_us[self._slot] += 1000 * missed_ms

    def coverage(self) -> "int | None":
        """Of the last minute, in 0.01 %; None before the first window."""
        lasted_us = sum(self._lasted_us)
        return FULL - FULL * sum(self._missed_us) // lasted_us if lasted_us else None

    def take_quarter_ms(self) -> int:
        """What was sampled since this was asked last."""
        sampled_ms, self._quarter_ms = self._quarter_ms, 0
        return sampled_ms
