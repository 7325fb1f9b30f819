"""The meter's own time: how long it has run, and the Unix time somebody has told it.

`elapsed_us` gives the microseconds since it was asked last; on the board they come from the ticks, on a bench with the samples.
Nothing here knows a time server or a register.
"""

UNSET, SET, SYNCHRONISED = range(3)  # as the register's codes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Ticks(Protocol):
        """The board's `time` module."""

        def ticks_us(self) -> int: ...

        def ticks_diff(self, end: int, start: int) -> int: ...


class ElapsedTicks:
    """To be asked at least every nine minutes: then the ticks have come half round."""

    def __init__(self, ticks: "Ticks") -> None:
        self._ticks = ticks
        self._asked_us = ticks.ticks_us()

    def __call__(self) -> int:
        now_us = self._ticks.ticks_us()
        elapsed_us = self._ticks.ticks_diff(now_us, self._asked_us)
        self._asked_us = now_us
        return elapsed_us


class MeterClock:
    def __init__(self, elapsed_us: "Callable[[], int]") -> None:
        self.uptime_ms = 0
        self.state = UNSET
        self._elapsed_us = elapsed_us
        self._rest_us = 0
        self._unix_offset_ms: int | None = None

    def advance(self) -> int:
        """Once in each turn of the main loop; the microseconds since the last one."""
        elapsed_us = self._elapsed_us()
        whole_ms, self._rest_us = divmod(self._rest_us + elapsed_us, 1000)
        self.uptime_ms += whole_ms
        return elapsed_us

    def set(self, unix_ms: int, state: int = SET) -> None:
        """Whoever sets it last is believed: the gateway, or a time server."""
        self._unix_offset_ms = unix_ms - self.uptime_ms
        self.state = state

    @property
    def unix_ms(self) -> int | None:
        return None if self._unix_offset_ms is None else self.uptime_ms + self._unix_offset_ms
