"""The commissioning button: held for a while it unlocks the meter as its key does, held on it opens the access point, too.

What that means is not known here. Time is the meter's own. Runs on MicroPython.
"""

BOUNCE_MS = 30  # contacts come to rest in 10
UNLOCK_MS = 3_000  # nobody leans against a meter so long
OPEN_MS = 8_000  # clearly longer, so that counting seconds is not needed
PRESSED = 0  # the button pulls to ground

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.clock import MeterClock


class Button:
    """`level` is the pin; what is down when the meter starts is stuck, or something else, and must be let go first."""

    quiet = True

    def __init__(
        self, level: "Callable[[], int]", clock: "MeterClock", unlock: "Callable[[], object]", open_access_point: "Callable[[], object]"
    ) -> None:
        self._level = level
        self._clock = clock
        self._done = 2
        self._deeds = ((UNLOCK_MS, unlock), (OPEN_MS, open_access_point))
        self._seen = PRESSED
        self._seen_ms = self._down_ms = clock.uptime_ms

    def poll(self) -> None:
        now_ms = self._clock.uptime_ms
        level = self._level()
        if level != self._seen:
            self._seen, self._seen_ms = level, now_ms
        if now_ms - self._seen_ms < BOUNCE_MS:
            return
        if level != PRESSED:
            self._done = 0
            self._down_ms = now_ms
        elif self._done < len(self._deeds) and now_ms - self._down_ms >= self._deeds[self._done][0]:
            self._done += 1
            self._deeds[self._done - 1][1]()
