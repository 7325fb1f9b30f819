"""How often one caller may ask: a bucket of turns that fills with time. Knows no HTTP and asks no clock.

Counted per process, because it protects the process: a gateway has other work than to answer a loop gone wild.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

CALLERS_MAX = 1_000  # some hundred bytes each; the one that was silent longest is forgotten first


class Rate(NamedTuple):
    """A page of ten thousand readings takes a Pi about a second; a dashboard of twenty panels asks them all at once."""

    per_s: float = 10.0
    at_once: int = 100


class Turns:
    """Called from several threads at once."""

    def __init__(self, rate: Rate, now_s: Callable[[], float]) -> None:
        self._rate = rate
        self._now_s = now_s
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # turns left, and when that was
        self._lock = threading.Lock()

    def take(self, caller: str) -> float:
        """0.0 if the caller may ask now; else how many seconds he should wait."""
        now_s = self._now_s()
        with self._lock:
            left, since_s = self._left.pop(caller, (float(self._rate.at_once), now_s))
            left = min(float(self._rate.at_once), left + (now_s - since_s) * self._rate.per_s)
            granted = left >= 1.0
            self._left[caller] = (left - 1.0 if granted else left, now_s)
            if len(self._left) > CALLERS_MAX:
                self._left.popitem(last=False)
        return 0.0 if granted else (1.0 - left) / self._rate.per_s
