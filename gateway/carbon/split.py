"""How much of a counter's booked energy falls into a stretch of time, and how well that is known.

Integers only. A pair of readings that straddles a boundary is divided by largest remainder, over all the
stretches of the calendar it touches at once: neighbouring stretches always sum to the whole (C7, C13).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.carbon.history import History
from gateway.carbon.shape import LINEAR, Shape, ShapeFinder


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in proportion to `weights` (not all 0), exactly: the largest remainders, the earliest first, take what is left."""
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    left = total - sum(parts)
    if left:
        by_remainder = sorted(range(len(weights)), key=lambda k: (-(total * weights[k] % whole), k))
        for k in by_remainder[:left]:
            parts[k] += 1
    return parts


@dataclass(frozen=True)
class Portion:
    """`first` and `last` index the accepted readings inside the stretch, ends included; None if there is none."""

    measured: int
    interpolated: int
    estimated: int
    missing_ms: int
    known: bool
    first: int | None
    last: int | None

    @property
    def amount(self) -> int:
        return self.measured + self.interpolated + self.estimated


@dataclass(frozen=True)
class Division:
    """How one pair of readings was divided: `weights` and `parts` lie between neighbouring `edges`."""

    pair: int
    edges: list[int]
    weights: list[int]
    parts: list[int]
    method: str


class Splitter:
    """One counter against one calendar; `cuts` are all instants at which a stretch of that calendar begins."""

    def __init__(self, history: History, cuts: Sequence[int], shape_of: ShapeFinder) -> None:
        self.history = history
        self._cuts = cuts
        self._shape_of = shape_of
        self._shapes: dict[int, Shape] = {}
        self._shares: dict[int, tuple[list[int], list[int]]] = {}

    def portion(self, start_ms: int, end_ms: int) -> Portion:
        times, booked = self.history.times, self.history.booked
        low, high = bisect_left(times, start_ms), bisect_right(times, end_ms) - 1
        inside = low <= high
        missing = self.history.missing_ms(start_ms, end_ms)
        interpolated = estimated = 0
        for pair in self._straddling(low, high, start_ms, end_ms):
            if self.history.is_unknown(pair):
                continue
            share = self._share(pair, start_ms)
            if self.history.is_gap(pair):
                estimated += share
            else:
                interpolated += share
        return Portion(
            booked[high] - booked[low] if inside else 0,
            interpolated,
            estimated,
            missing,
            missing < end_ms - start_ms,
            low if inside else None,
            high if inside else None,
        )

    def divisions(self, start_ms: int, end_ms: int) -> list[Division]:
        """Of the pairs of known energy that reach over the start or the end."""
        times = self.history.times
        low, high = bisect_left(times, start_ms), bisect_right(times, end_ms) - 1
        found = []
        for pair in self._straddling(low, high, start_ms, end_ms):
            if not self.history.is_unknown(pair):
                self._share(pair, start_ms)
                edges, parts = self._shares[pair]
                found.append(Division(pair, edges, self._weights(pair, edges), parts, self.method(pair)))
        return found

    def method(self, pair: int) -> str:
        return self._shape(pair).method

    def profile(self, start_ms: int, end_ms: int, cuts: Sequence[int]) -> list[int]:
        """The booked energy between neighbouring `cuts` inside one stretch of the calendar; sums to its amount."""
        history, bounds = self.history, [start_ms, *cuts, end_ms]
        parts = [0] * (len(bounds) - 1)
        pair = max(0, bisect_right(history.times, start_ms) - 1)
        while pair + 1 < len(history.times) and history.times[pair] < end_ms:
            if not history.is_unknown(pair):
                self._spread(pair, bounds, parts)
            pair += 1
        return parts

    def _spread(self, pair: int, bounds: list[int], parts: list[int]) -> None:
        begin, end = self.history.times[pair], self.history.times[pair + 1]
        whole = bounds[0] <= begin and end <= bounds[-1]
        total = self.history.advance(pair) if whole else self._share(pair, bounds[0])
        low, high = max(begin, bounds[0]), min(end, bounds[-1])
        first, last = bisect_right(bounds, low) - 1, bisect_left(bounds, high)
        edges = [low, *bounds[first + 1 : last], high]
        if len(edges) == 2:
            parts[first] += total
            return
        for offset, part in enumerate(apportion(total, self._weights(pair, edges))):
            parts[first + offset] += part

    def _straddling(self, low: int, high: int, start_ms: int, end_ms: int) -> list[int]:
        """The pairs that reach over the start or the end: at most two, one if it covers everything."""
        times = self.history.times
        pairs = []
        if 0 < low < len(times) and times[low] > start_ms:
            pairs.append(low - 1)
        if 0 <= high < len(times) - 1 and times[high] < end_ms and high not in pairs:
            pairs.append(high)
        return pairs

    def _share(self, pair: int, start_ms: int) -> int:
        known = self._shares.get(pair)
        if known is None:
            begin, end = self.history.times[pair], self.history.times[pair + 1]
            inner = self._cuts[bisect_right(self._cuts, begin) : bisect_left(self._cuts, end)]
            edges = [begin, *inner, end]
            known = (edges, apportion(self.history.advance(pair), self._weights(pair, edges)))
            self._shares[pair] = known
        edges, parts = known
        return parts[bisect_right(edges, max(start_ms, edges[0])) - 1]

    def _weights(self, pair: int, edges: list[int]) -> list[int]:
        weights = self._shape(pair).weights(edges)
        return weights if any(weights) else LINEAR.weights(edges)

    def _shape(self, pair: int) -> Shape:
        """C11 concerns gaps only: what is read at the usual pace is linear in time."""
        if not self.history.is_gap(pair):
            return LINEAR
        if pair not in self._shapes:
            self._shapes[pair] = self._shape_of(self.history.times[pair], self.history.times[pair + 1])
        return self._shapes[pair]
