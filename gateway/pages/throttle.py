"""Slows guessing down: after a few failures each further try of the same kind has to wait longer."""

from collections import OrderedDict
from threading import Lock

FREE_FAILURES = 5  # a person who mistypes
WAIT_MS_MIN, WAIT_MS_MAX = 2_000, 900_000
# Names and addresses that are remembered; an attacker who invents more only forgets his own.
KNOWN_MAX = 1_000


class Throttle:
    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, int]] = OrderedDict()  # key -> (failures, when the last one was)
        self._lock = Lock()

    def wait_ms(self, keys: tuple[str, ...], now_ms: int) -> int:
        """How long until the next try is heard; 0 is now."""
        with self._lock:
            return max((self._left_ms(key, now_ms) for key in keys), default=0)

    def _left_ms(self, key: str, now_ms: int) -> int:
        failures, last_ms = self._failures.get(key, (0, 0))
        if failures < FREE_FAILURES:
            return 0
        wait_ms = min(WAIT_MS_MAX, WAIT_MS_MIN << min(failures - FREE_FAILURES, 20))
        return max(0, min(wait_ms, last_ms + wait_ms - now_ms))

    def failed(self, keys: tuple[str, ...], now_ms: int) -> None:
        with self._lock:
            for key in keys:
                failures, _ = self._failures.pop(key, (0, 0))
                self._failures[key] = (failures + 1, now_ms)
            while len(self._failures) > KNOWN_MAX:
                self._failures.popitem(last=False)

    def succeeded(self, keys: tuple[str, ...]) -> None:
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)
