"""C24: a factor that changes by the hour or finer, as a series with one provenance.

Each value holds from its instant for one step; a step without a value is a gap, which falls back by C19.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from gateway.carbon.factor import Factor
from protocols.reading import iso


@dataclass(frozen=True)
class FactorSeries:
    """`values` are (instant, kg per unit) in any order; of two for one instant neither is used, None is a gap."""

    id: str
    region: str
    line: str
    activity: str
    unit: str
    gases: str
    gwp: str
    title: str
    source: str
    step_s: int
    values: tuple[tuple[int, Decimal | None], ...]
    edition: int | None = None
    published: date | None = None
    status: str = "local"

    @cached_property
    def _known(self) -> dict[int, Decimal]:
        found: dict[int, set[Decimal | None]] = {}
        for time_ms, value in self.values:
            found.setdefault(time_ms, set()).add(value)
        single = {time_ms: next(iter(values)) for time_ms, values in sorted(found.items()) if len(values) == 1}
        return {time_ms: value for time_ms, value in single.items() if value is not None}

    @cached_property
    def _times(self) -> list[int]:
        return list(self._known)

    def cuts(self, start_ms: int, end_ms: int) -> set[int]:
        """The instants inside (start, end) at which a value begins or ends."""
        step = self.step_s * 1000
        near = self._times[bisect_left(self._times, start_ms - step) : bisect_left(self._times, end_ms)]
        return {cut for begin in near for cut in (begin, begin + step) if start_ms < cut < end_ms}

    def at(self, time_ms: int) -> Factor | None:
        """The value as a factor of its own: its instant is part of its name, and so of its hash."""
        index = bisect_right(self._times, time_ms) - 1
        if index < 0 or time_ms >= self._times[index] + self.step_s * 1000:
            return None
        begin = self._times[index]
        return Factor(
            id=f"{self.id}@{iso(begin)}",
            region=self.region,
            year=None,
            edition=self.edition,
            line=self.line,
            activity=self.activity,
            unit=self.unit,
            basis="",
            value=self._known[begin],
            gases=self.gases,
            gwp=self.gwp,
            title=self.title,
            published=self.published,
            source=self.source,
            status=self.status,
        )
