"""When committed records are sealed into a batch: how late a reading may be at the hub, against what every batch writes to the card.

Asked after each commit; knows no store and no hub. What each pace costs stands in docs/reference/benchmarks.md.
"""

from collections.abc import Callable

# A central screen may lag thirty seconds. A commit comes every ten, so that this means every second one: a reading is
# twenty seconds old at most when it is sealed, and the rest is for the way.
SEAL_S = 15
# Figures wait for counters, and so does whoever looks at them.
SEAL_COUNTERS_S = 10
# While the hub is away, or where there is none: 32 meters at 10 s fill a batch in ten minutes, and larger ones are
# sealed as several. A month's backlog has four thousand requests then instead of a hundred and thirty thousand.
SEAL_AWAY_S = 600
AWAY_BATCHES = 30  # a backlog of this many batches counts as away


class Pace:
    def __init__(self, now_s: Callable[[], float], waiting: Callable[[], int], hub_takes: Callable[[], bool]) -> None:
        """`waiting` is how many batches the hub has not confirmed."""
        self._now_s, self._waiting, self._hub_takes = now_s, waiting, hub_takes
        self._sealed_s: float | None = None
        self._counters_came = False

    def counters_came(self) -> None:
        self._counters_came = True

    def due(self) -> bool:
        """Whether to seal now; whoever is told so does it."""
        now_s = self._now_s()
        if self._sealed_s is not None and now_s - self._sealed_s < self._pause_s():
            return False
        self._sealed_s, self._counters_came = now_s, False
        return True

    def _pause_s(self) -> int:
        # While a backlog drains, fresh batches go on leaving as ever: the sender sends the newest among the oldest.
        if self._waiting() >= AWAY_BATCHES and not self._hub_takes():
            return SEAL_AWAY_S
        return SEAL_COUNTERS_S if self._counters_came else SEAL_S
