"""All figures from readings, declarations and inputs, chunk by chunk, so that memory stays flat however long the history.

Every chunk gives the same documents as one calculation over everything: `carbon.view` says how much must be in view.
Where readings come from is the source's matter; what becomes of a draft, its user's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from gateway.carbon import view
from gateway.carbon.certificate import Certificate, used_by
from gateway.carbon.declaration import Declaration
from gateway.carbon.engine import figures_of
from gateway.carbon.figure import FigureDraft
from gateway.carbon.inputs import CounterKey, CounterReading, SiteInputs
from gateway.carbon.scope import SiteCounters
from gateway.carbon.shift_calendar import stretches
from gateway.carbon.stock import stock_after

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# Two months of 32 meters are some 200,000 readings and 100 MB; shorter chunks read their edges more often.
CHUNK_MS = 61 * DAY_MS
# A verdict may look a day ahead (C8, C9), and a day more lets most silences end in view.
AHEAD_MS = 2 * DAY_MS
# A reading can change the verdict on what came up to a day before it (a dip or spike that recovers: C8, C9).
REACH_BACK_MS = DAY_MS + HOUR_MS
Document = Mapping[str, Any]
_CARRIED = ("production_line", "certificates", "storage")  # the keys of a figure that later ones go on from


class Source(Protocol):
    """The readings of the booked counters, as known at one moment."""

    def span_ms(self) -> tuple[int, int] | None: ...

    def readings(self, from_ms: Mapping[CounterKey, int], to_ms: int | None) -> dict[CounterKey, list[CounterReading]]:
        """Of each counter those from its own instant on, before `to_ms`."""
        ...

    def going_on(self, from_ms: int) -> frozenset[CounterKey]:
        """The counters that have a value at or after an instant."""
        ...

    def before(self, time_ms: int) -> int:
        """The earliest of the newest values before an instant, of the counters that have one after it; else the instant."""
        ...

    def accepted_before(self, time_ms: int) -> Mapping[CounterKey, int]:
        """Of each counter an instant at or before that one at which a reading is known to be accepted; none: not known."""
        ...

    def documents_before(self, time_ms: int) -> Sequence[Document]:
        """Published figures of the whole site that end at or before an instant, newest version each, in order."""
        ...


@dataclass(frozen=True)
class Declared:
    """What persons declared, as the engine takes it."""

    breaks: tuple[Declaration, ...] = ()
    certificates: tuple[Certificate, ...] = ()


@dataclass(frozen=True)
class Chunk:
    """The drafts of the stretches that begin in [from, to), and of those that end in it where the chunk is the first.

    `pending` are the counters in doubt at the end of the readings; only the last chunk (`to_ms` None) has them.
    """

    from_ms: int
    to_ms: int | None
    drafts: tuple[FigureDraft, ...]
    is_first: bool
    pending: tuple[CounterKey, ...] = ()

    def covers(self, start_ms: int, end_ms: int) -> bool:
        """Whether a stretch with these ends would have its draft here, if there were such a stretch."""
        begins = end_ms > self.from_ms if self.is_first else start_ms >= self.from_ms
        return begins and (self.to_ms is None or start_ms < self.to_ms)


class Reckoning:
    def __init__(self, inputs: SiteInputs, declared: Declared, source: Source, chunk_ms: int = CHUNK_MS) -> None:
        self._inputs = replace(inputs, certificates=(*inputs.certificates, *declared.certificates))
        self._declared = declared
        self._source = source
        self._chunk_ms = chunk_ms
        self._keys = [spec.key for spec in inputs.counters]
        # Whether a figure goes on from what earlier ones used or left.
        self._carries = bool(self._inputs.certificates) or inputs.storage != SiteInputs.storage
        self._origin: int | None = None  # where the first chunk begins
        self._from_scratch = True
        self._marks: list[tuple[int, Mapping[CounterKey, int]]] = []  # accepted readings at some instants, in order
        self._carried: list[Document] = []  # what of the figures made so far the next ones need

    def chunks(self, now_ms: int, changed_from_ms: int | None = None) -> Iterator[Chunk]:
        """From the first reading, or from what a change at an instant can reach, to the last."""
        span = self._source.span_ms()
        if span is None:
            return
        start, site = self._first(span, changed_from_ms)
        self._origin = start
        while True:
            end = self._end(start, span[1])
            site = site or self._site(start, end, span[1])
            drafts = figures_of(site, now_ms, start, end)
            kept = tuple(draft for draft in drafts if start == self._origin or draft.start_ms >= start)
            doubts = tuple(key for key, each in site.histories.items() if each.is_pending) if end is None else ()
            yield Chunk(start, end, kept, start == self._origin, doubts)
            if end is None:
                return
            self._remember(site, start, end, kept)
            start, site = end, None

    def around(self, start_ms: int, end_ms: int) -> SiteCounters | None:
        """The counters with as much in view as the figures of [start, end) need; None where there is no reading at all."""
        span = self._source.span_ms()
        if span is None:
            return None
        self._origin, _ = self._first(span, start_ms)
        return self._site(self._origin, end_ms, span[1])

    def _first(self, span: tuple[int, int], changed_from_ms: int | None) -> tuple[int, SiteCounters | None]:
        """Where the first chunk begins, and what it is made from if that is known by then."""
        if changed_from_ms is None or changed_from_ms - REACH_BACK_MS <= span[0]:
            return span[0], None
        self._from_scratch = False
        start = min(changed_from_ms, self._source.before(changed_from_ms)) - REACH_BACK_MS
        while start > span[0]:
            site = self._site(start, self._end(start, span[1]), span[1])
            reached = view.begin_of_change(site, changed_from_ms)
            if reached >= start:
                return start, site
            start = reached
        self._from_scratch = True
        return span[0], None

    def _end(self, start: int, last: int) -> int | None:
        """A chunk ends with a stretch of the whole site, so that ledgers go on where they stopped; None: all the rest."""
        if last - start <= self._chunk_ms:
            return None
        given, at = self._inputs, start + self._chunk_ms
        around = stretches(given.zone, given.shifts, None, given.production_day_start, at, at, given.work_calendar)
        return around[0].end_ms if around[0].end_ms <= last else None

    def _site(self, start: int, end: int | None, last: int) -> SiteCounters:
        """The counters with as much in view as the figures of [start, end) need."""
        begin, view_end = start - view.LEAD_MS, None if end is None else end + AHEAD_MS
        before = self._source.documents_before(start if self._origin is None else self._origin) if self._carries else ()
        carried = [*before, *self._carried]
        while True:
            marks = self._accepted(begin)
            readings = self._source.readings({key: marks.get(key, 0) for key in self._keys}, view_end)
            site = SiteCounters(self._inputs, readings, self._declared.breaks, used_by(carried), stock_after(carried))
            if site.span is None:
                return site
            needed = view.begin_needed(site, start)
            if needed < begin and any(marks.get(key, 0) > needed for key in self._keys):
                begin = needed
            elif end is not None and view_end is not None and not self._is_settled(site, end, view_end):
                ahead = 2 * (view_end - end)
                view_end = end + ahead if end + ahead <= last else None
            else:
                return site

    def _is_settled(self, site: SiteCounters, end: int, view_end: int) -> bool:
        return view.is_settled(site, end, view_end, self._source.going_on(view_end))

    def _accepted(self, begin: int) -> Mapping[CounterKey, int]:
        """Of each counter a reading at or before an instant at which its walk may begin; a counter without: from its first."""
        for time_ms, marks in reversed(self._marks):
            if time_ms <= begin:
                return marks
        return {} if self._from_scratch else self._source.accepted_before(begin)

    def _remember(self, site: SiteCounters, start: int, end: int, drafts: Sequence[FigureDraft]) -> None:
        """Where later chunks may begin: shortly before their start, a week before it for shapes (C11), and further back."""
        for time_ms in sorted({max(start, end - back) for back in (self._chunk_ms, view.SHAPE_MS + DAY_MS, 2 * DAY_MS)}):
            found = {key: view.accepted_before(history, time_ms) for key, history in site.histories.items()}
            known = {key: accepted for key, accepted in found.items() if accepted is not None}
            self._marks.append((time_ms, {**self._accepted(time_ms), **known}))
        if self._carries:
            own = [draft.document for draft in drafts if draft.production_line is None]
            self._carried += [{key: each[key] for key in _CARRIED if key in each} for each in own]


def all_figures(inputs: SiteInputs, declared: Declared, source: Source, now_ms: int) -> Iterator[FigureDraft]:
    """Every figure, from nothing but readings, declarations and inputs: what a proof compares published ones with."""
    for chunk in Reckoning(inputs, declared, source).chunks(now_ms):
        yield from chunk.drafts
