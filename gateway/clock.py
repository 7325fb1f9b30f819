"""The only module that asks what time it is.

Wall time is UTC Unix milliseconds; monotonic time counts from the start of this process. A wall clock
that stands before the newest thing already known has not been set (a Pi has no battery): then readings
carry no date and get one when it is known.
"""

import asyncio
import ctypes
import selectors
import time
from pathlib import Path
from typing import NamedTuple, Protocol

from gateway.status import ClockStatus

# systemd-timesyncd touches this once the network has set the clock.
SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
# Linux adjtimex(2): what the kernel returns while no time daemon (chrony, ntpd, timesyncd) keeps the clock.
TIME_ERROR = 5
_TIMEX_BYTES = 512  # struct timex has some 208; a read-only call fills no more
# No reading of this program is older than the program: 2026-01-01.
RELEASED_MS = 1_767_225_600_000


class Instant(NamedTuple):
    """`time_ms` is None while the clock is unset."""

    monotonic_ms: int
    time_ms: int | None


class Clock(Protocol):
    def instant(self) -> Instant: ...

    def now_ms(self) -> int:
        """Wall time, set or not: for pages and schedules, never for a reading."""
        ...

    def status(self) -> ClockStatus: ...


class SystemClock:
    def __init__(self, not_before_ms: int = RELEASED_MS) -> None:
        """`not_before_ms`: the newest instant already known, such as that of the last stored reading."""
        self._started = time.monotonic()
        self._not_before_ms = max(not_before_ms, RELEASED_MS)

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def instant(self) -> Instant:
        monotonic_ms = int((time.monotonic() - self._started) * 1000)
        now_ms = self.now_ms()
        return Instant(monotonic_ms, now_ms if now_ms >= self._not_before_ms else None)

    def status(self) -> ClockStatus:
        if self.now_ms() < self._not_before_ms:
            return ClockStatus(
                "unset",
                "The clock stands before the last stored reading; readings get their date once it is set. Check the network or NTP.",
            )
        if _synchronised():
            return ClockStatus("synchronised", "")
        return ClockStatus("set", "Nobody vouches for the clock; check that NTP runs.")


def _synchronised() -> bool:
    """Whether a time daemon vouches for the clock, as the kernel or systemd tells it."""
    if SYNCHRONISED.exists():
        return True
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)  # Linux only
    return adjtimex is not None and 0 <= adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)) < TIME_ERROR


class ScaledClock:
    """Simulated time that runs `speed` times as fast as real time and is `start_ms` now."""

    def __init__(self, speed: float, start_ms: int) -> None:
        self._speed = speed
        self._start_ms = start_ms
        self._started = time.monotonic()

    def now_ms(self) -> int:
        return self._start_ms + self.instant().monotonic_ms

    def instant(self) -> Instant:
        monotonic_ms = int((time.monotonic() - self._started) * 1000 * self._speed)
        return Instant(monotonic_ms, self._start_ms + monotonic_ms)

    def status(self) -> ClockStatus:
        return ClockStatus("set", f"Simulated time, {self._speed:g} times as fast as real.")


class _ScaledSelector(selectors.DefaultSelector):
    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(None if timeout is None else timeout / self._speed)


class ScaledLoop(asyncio.SelectorEventLoop):
    """An event loop whose seconds pass `speed` times as fast: every sleep and time-out in it shrinks alike."""

    def __init__(self, speed: float = 1.0) -> None:
        super().__init__(_ScaledSelector(speed))
        self._speed = speed

    def time(self) -> float:
        return time.monotonic() * self._speed
