"""C11: by which shape the energy of a gap is spread over time.

In order: the parent meter, which contains the meter's own load, then its siblings by name; the same stretch a
week before by local time; linear. A shape only divides what the counter itself measured: it never makes energy.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from itertools import pairwise

from gateway.carbon.history import History
from gateway.carbon.inputs import CounterKey, CounterSpec
from gateway.carbon.shift_calendar import instant, local

_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Shape:
    """`weights` gives one integer for each stretch between neighbouring edges."""

    method: str
    weights: Callable[[Sequence[int]], list[int]]


ShapeFinder = Callable[[int, int], Shape]


def _shape(method: str, level: Callable[[int], int]) -> Shape:
    """By the steps of a running sum; a repeated hour of local time steps back and counts as nothing."""
    return Shape(method, lambda edges: [max(0, after - before) for before, after in pairwise([level(edge) for edge in edges])])


LINEAR = _shape("linear in time", lambda time_ms: time_ms)


def _is_whole(donor: History, start_ms: int, end_ms: int) -> bool:
    return start_ms < end_ms and donor.unbroken(start_ms, end_ms) and donor.level(end_ms) > donor.level(start_ms)


def shape_finder(spec: CounterSpec, histories: Mapping[CounterKey, History], zone: tzinfo) -> ShapeFinder:
    """Finds the shape for a gap [start, end) of one counter."""
    donors = _donors(spec, histories)
    own = histories[spec.key]

    def week_before(time_ms: int) -> int:
        return instant(zone, local(zone, time_ms) - _WEEK)

    def find(start_ms: int, end_ms: int) -> Shape:
        for donor in donors:
            if _is_whole(donor, start_ms, end_ms):
                return _shape(f"shape of {donor.spec.meter}", donor.level)
        if _is_whole(own, week_before(start_ms), week_before(end_ms)):
            return _shape("shape of the same time a week before", lambda time_ms: own.level(week_before(time_ms)))
        return LINEAR

    return find


def _donors(spec: CounterSpec, histories: Mapping[CounterKey, History]) -> list[History]:
    if not spec.parent:
        return []
    family = [each for each in histories.values() if each.spec.quantity == spec.quantity and each.spec.meter != spec.meter]
    parents = [each for each in family if each.spec.meter == spec.parent]
    siblings = [each for each in family if each.spec.parent == spec.parent]
    return parents + sorted(siblings, key=lambda each: each.spec.meter)
