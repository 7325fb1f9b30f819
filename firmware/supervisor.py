"""Feeds the watchdog as long as everything that must make progress does.

A part that stands still longer than its limit starves the watchdog, and the chip starts anew with its counters.
What the parts do is not known here; time is an argument.
"""

SAMPLING, JOURNAL, MODBUS = "sampling", "journal", "modbus"
WATCHDOG_MS = 8_000  # longer than the longest stall of the flash and the recovery of the journal together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Supervisor:
    """`limits_ms`: for each part how long it may go without progress."""

    def __init__(self, feed: "Callable[[], object]", limits_ms: "Mapping[str, int]", now_ms: int) -> None:
        self._feed = feed
        self._limits_ms = limits_ms
        self._progress_ms = dict.fromkeys(limits_ms, now_ms)

    def progress(self, part: str, now_ms: int) -> None:
        self._progress_ms[part] = now_ms

    def standing(self, now_ms: int) -> "list[str]":
        return [part for part in self._limits_ms if now_ms - self._progress_ms[part] > self._limits_ms[part]]

    def turn(self, now_ms: int) -> None:
        if not self.standing(now_ms):
            self._feed()
