"""The lock before settings and calibration: opened by the meter's button or its key, closed by time.

What lies behind it is not known here. Runs on MicroPython.
"""

from protocols.errors import MeterRefused
from protocols.pdu import BUSY, ILLEGAL_VALUE

TYPE_CHECKING = False  # the board has no typing module
if TYPE_CHECKING:
    from typing import Protocol

    class Clock(Protocol):
        """The board's `time` module."""

        def ticks_ms(self) -> int: ...

        def ticks_diff(self, __end: int, __start: int) -> int: ...


# Commissioning one meter takes minutes; a forgotten key must not stay in the lock overnight.
OPEN_S_MAX = 600
# A key has 32 bits: at one try a second nobody finds it in this century.
KEY_TRY_MS = 1_000
CLOSING = 0  # written instead of a key; a meter whose key is 0 has none


class KeyLock:
    def __init__(self, key: int, clock: "Clock") -> None:
        self._key = key
        self._clock = clock
        self._opened_ms: int | None = None
        self._refused_ms: int | None = None

    @property
    def left_s(self) -> int:
        """0: closed."""
        self.tick()
        return 0 if self._opened_ms is None else OPEN_S_MAX - self._since(self._opened_ms) // 1_000

    def open(self) -> None:
        self._opened_ms = self._clock.ticks_ms()

    def turn(self, key: int) -> None:
        """MeterRefused for a wrong key, and for any that comes too soon after one."""
        self.tick()
        if key == CLOSING:
            self._opened_ms = None
            return
        if self._refused_ms is not None:
            raise MeterRefused(BUSY)
        if key != self._key:
            self._refused_ms = self._clock.ticks_ms()
            raise MeterRefused(ILLEGAL_VALUE)
        self.open()

    def tick(self) -> None:
        """To be called about once a second, also while nobody asks: the clock's ticks come round after some days."""
        if self._opened_ms is not None and self._since(self._opened_ms) >= OPEN_S_MAX * 1_000:
            self._opened_ms = None
        if self._refused_ms is not None and self._since(self._refused_ms) >= KEY_TRY_MS:
            self._refused_ms = None

    def _since(self, ticks_ms: int) -> int:
        return self._clock.ticks_diff(self._clock.ticks_ms(), ticks_ms)
