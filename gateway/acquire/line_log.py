"""What is remembered of a line for people: how busy it is, how long a round takes, who went and came back."""

from collections import deque
from collections.abc import Callable

from gateway.clock import Clock
from protocols.reading import Event

BUSY_WINDOW_S = 60.0  # utilisation is the busy share of the last minute


class LineLog:
    def __init__(self, clock: Clock, report: Callable[[Event], None], boot: int) -> None:
        self._clock = clock
        self._report = report
        self._boot = boot
        self._busy: deque[tuple[float, float]] = deque()
        self._absent: set[str] = set()
        self._round_from: float | None = None
        self._round_to = 0.0
        self.cycle_s: float | None = None

    def worked(self, start: float, end: float, *, is_round: bool) -> None:
        self._busy.append((start, end))
        while self._busy and self._busy[0][1] < end - BUSY_WINDOW_S:
            self._busy.popleft()
        if is_round:
            self._round_from = start if self._round_from is None else self._round_from
            self._round_to = end

    def rested(self) -> None:
        """Nothing was due: a round that had begun is finished."""
        if self._round_from is not None:
            self.cycle_s = self._round_to - self._round_from
            self._round_from = None

    def utilisation(self, now: float) -> float:
        since = now - BUSY_WINDOW_S
        return min(1.0, sum(end - max(start, since) for start, end in list(self._busy) if end > since) / BUSY_WINDOW_S)

    def meter(self, name: str, address: int | str, *, absent: bool) -> None:
        if absent and name not in self._absent:
            self._absent.add(name)
            self.tell("meter_absent", name, f"{name} (address {address}) does not answer. Check its supply and its A/B wires.")
        elif not absent and name in self._absent:
            self._absent.discard(name)
            self.tell("meter_back", name, f"{name} (address {address}) answers again.")

    def tell(self, kind: str, subject: str, detail: str) -> None:
        instant = self._clock.instant()
        self._report(Event(kind, subject, detail, self._boot, instant.monotonic_ms, instant.time_ms))
