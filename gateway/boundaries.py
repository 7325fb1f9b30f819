"""C12: the instants at which every counter is read, so that nothing need be split there."""

from collections.abc import Sequence

from gateway.carbon.inputs import SiteInputs
from gateway.carbon.shift_calendar import stretches


class Boundaries:
    """Instants at which counters are read: ends of intervals (aligned in UTC) and of shifts of any production line."""

    def __init__(self, inputs: SiteInputs) -> None:
        self._inputs = inputs
        self._lines: Sequence[str | None] = [None, *sorted({rule.production_line for rule in inputs.shifts if rule.production_line})]
        self._valid: tuple[int, int] | None = None  # the known answer holds for instants in [from, to)

    def next_ms(self, now_ms: int) -> int:
        """The first boundary after `now_ms`."""
        if self._valid is None or not self._valid[0] <= now_ms < self._valid[1]:
            self._valid = (now_ms, min(self._interval_end(now_ms), self._shift_end(now_ms)))
        return self._valid[1]

    def _interval_end(self, now_ms: int) -> int:
        length_ms = self._inputs.interval_s * 1000
        return now_ms // length_ms * length_ms + length_ms

    def _shift_end(self, now_ms: int) -> int:
        site = self._inputs
        until = now_ms + 1
        ends = (
            stretch.end_ms
            for line in self._lines
            for stretch in stretches(site.zone, site.shifts, line, site.production_day_start, now_ms, until, site.work_calendar)
        )
        return min((end for end in ends if end > now_ms), default=self._interval_end(now_ms))
