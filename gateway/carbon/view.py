"""How much of the readings must be in view, so that figures of a window come out as if all were.

A counter's walk knows nothing but its newest accepted reading: begun at a reading that is known to be accepted it goes
on as it always did. Where readings are kept is not known here.
"""

from bisect import bisect_left, bisect_right

from gateway.carbon.epoch import UNDECIDED_MS_MAX
from gateway.carbon.history import History
from gateway.carbon.scope import Scope, SiteCounters

_HOUR_MS = 3_600_000
# A gap may follow the shape of the week before it (C11); a zone may have skipped a date in between.
SHAPE_MS = 8 * 24 * _HOUR_MS + 2 * _HOUR_MS
# A pair at the usual pace needs nothing from before it; an hour more costs nothing.
LEAD_MS = _HOUR_MS
# A window of maximum demand may reach over the end of its stretch by as much (C25).
DEMAND_MS = _HOUR_MS


def begin_needed(site: SiteCounters, from_ms: int) -> int:
    """The instant at or before which each counter needs an accepted reading, for figures from `from_ms` on."""
    begin = min(_edges(site, from_ms)[0], from_ms)
    needed = [begin - LEAD_MS]
    for history in site.histories.values():
        needed.append(_begin_of_pair(history, begin) - LEAD_MS)
        last = history.last_seen_ms or begin
        first_gap = next(history.touching(history.gaps, begin, max(last, begin + 1)), None)
        if first_gap is not None:
            needed.append(history.times[first_gap] - SHAPE_MS)
    return min(needed)


def begin_of_change(site: SiteCounters, changed_from_ms: int) -> int:
    """The beginning of the earliest pair of readings that something new at that instant is part of."""
    return min((_begin_of_pair(each, changed_from_ms) for each in site.histories.values()), default=changed_from_ms)


def is_settled(site: SiteCounters, to_ms: int, view_end_ms: int, going_on: frozenset[tuple[str, str]]) -> bool:
    """Whether what comes after the view cannot change a figure before `to_ms`; `going_on` are the counters with more of it."""
    end = max(_edges(site, to_ms)[1], to_ms) + DEMAND_MS
    histories = [site.histories[key] for key in going_on if key in site.histories]
    closing = [bisect_left(each.times, end) for each in histories]
    if any(index == len(each.times) for index, each in zip(closing, histories, strict=True)):
        return False
    until = max((each.times[index] for index, each in zip(closing, histories, strict=True)), default=end)
    return all(_settled_ms(each, view_end_ms) >= until for each in histories)


def accepted_before(history: History, time_ms: int) -> int | None:
    """The newest accepted reading at or before an instant."""
    index = bisect_right(history.times, time_ms) - 1
    return history.times[index] if index >= 0 else None


def _begin_of_pair(history: History, time_ms: int) -> int:
    """Of the pair of accepted readings around an instant; the instant itself where there is none."""
    index = bisect_left(history.times, time_ms)
    return history.times[index - 1] if 0 < index < len(history.times) and history.times[index] > time_ms else time_ms


def _settled_ms(history: History, view_end_ms: int) -> int:
    """A verdict may look a day ahead, and at the reading that follows (C8, C9)."""
    last_raw = history.last_seen_ms or 0
    index = bisect_right(history.times, min(view_end_ms - UNDECIDED_MS_MAX, last_raw - 1)) - 1
    return history.times[index] if index >= 0 else 0


def _edges(site: SiteCounters, time_ms: int) -> tuple[int, int]:
    """From the earliest start to the latest end of the stretches that hold an instant."""
    around = [stretch for line in site.production_lines for stretch in Scope(site, line).around(time_ms)]
    return min(each.start_ms for each in around), max(each.end_ms for each in around)
