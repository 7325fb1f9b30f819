"""Keeps the books: notes what the site declares, lets `carbon` compute, and hands new figures back to the store.

It decides only how far back a change can reach; every number is made in `carbon`.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from gateway.buffer import series
from gateway.buffer.store import Store
from gateway.carbon.conservation import conservation
from gateway.carbon.figure import FigureDraft
from gateway.carbon.inputs import CounterKey, SiteInputs
from gateway.carbon.version import RUNNING, publish, withdraw
from gateway.declared import given_to_engine
from gateway.reckoning import Chunk, Declared, Reckoning
from gateway.site import Site
from gateway.site_inputs import counted, description, inputs_of
from gateway.stored_readings import StoredReadings
from protocols.meter import Meter
from protocols.reading import Figure, SiteDescription, milliseconds_of

log = logging.getLogger(__name__)
_FOR_EVER_MS = 2**62


class Books:
    def __init__(
        self,
        site: Site,
        models: Mapping[str, Meter],
        store: Store,
        now_ms: Callable[[], int],
        watch: Callable[[set[str]], None] = lambda _names: None,
    ) -> None:
        """`watch` is told which meters have a counter in doubt (C8), each time they are others than before."""
        self._inputs: SiteInputs = inputs_of(site, models)
        self._description = description(site, models, self._inputs)
        self._counted = counted(site, models)
        self._names = {name: meter.name for meter in site.meter for name in (meter.name, *meter.was)}
        self._grace_min = site.carbon.grace_min
        self._store = store
        self._now_ms = now_ms
        self._watch = watch
        self._in_doubt: set[str] = set()
        self._is_described = False

    def update(self, changed_from_ms: int | None = None) -> int:
        """Compute what is not booked yet, and what a change from that instant on can touch; returns how many figures are new."""
        now_ms = self._now_ms()
        self._describe(now_ms)
        unbooked_ms, changes = self._store.unbooked()
        wanted = [each for each in (changed_from_ms, unbooked_ms) if each is not None]
        if not wanted:
            return 0
        finished = 0
        with snapshot(self._store) as known:
            connection = self._store.reader()
            reckoning = Reckoning(self._inputs, self._declared(), StoredReadings(connection, self._counted))
            for chunk in reckoning.chunks(now_ms, min(wanted)):
                finished += self._keep(chunk, now_ms, known)
        self._store.booked(min(wanted), changes)
        return finished

    def _describe(self, now_ms: int) -> None:
        """A site that declares something else than before is a record of its own; all figures are looked at again."""
        if self._is_described:
            return
        if series.newest_site(self._store.reader()) != self._description:
            self._store.add([SiteDescription(now_ms, self._description)])
            self._store.commit(now_ms)
        self._is_described = not self._store.trouble

    def _declared(self) -> Declared:
        return given_to_engine(series.declarations(self._store.reader()), self._names)

    def _keep(self, chunk: Chunk, now_ms: int, known: int) -> int:
        if chunk.to_ms is None:
            self._look_for_doubt(chunk.pending)
        new = [each for each in self._versions(chunk, now_ms, known) if each is not None]
        finished = [each for each in new if each.document["state"] != RUNNING]
        if chunk.to_ms is None:
            self._store.set_running([each for each in new if each.document["state"] == RUNNING])
        if finished:
            self._store.add(finished)
            self._store.commit(now_ms)
        return len(finished)

    def _look_for_doubt(self, pending: Sequence[CounterKey]) -> None:
        in_doubt = {meter for meter, _ in pending}
        if in_doubt != self._in_doubt:
            self._in_doubt = in_doubt
            self._watch(in_doubt)

    def _versions(self, chunk: Chunk, now_ms: int, known: int) -> Iterator[Figure | None]:
        if not chunk.drafts:
            return
        first, last = min(draft.start_ms for draft in chunk.drafts), max(draft.end_ms for draft in chunk.drafts)
        previous = series.newest_by_key(self._store.reader(), first, last)
        for draft in chunk.drafts:
            yield self._published(draft, previous.pop(draft.key, None), now_ms, known)
        for key, document in previous.items():
            start_ms, end_ms = milliseconds_of(document["start"]), milliseconds_of(document["end"])
            if chunk.covers(start_ms, end_ms) and document["meters"]:
                withdrawn = withdraw(document, now_ms)
                yield Figure(key, start_ms, end_ms, withdrawn["version"], now_ms, withdrawn, known_sequence=known)

    def _published(self, draft: FigureDraft, previous: Mapping[str, Any] | None, now_ms: int, known: int) -> Figure | None:
        document = publish(draft, previous, now_ms, self._grace_min)
        if document is None:
            return None
        return Figure(draft.key, draft.start_ms, draft.end_ms, document["version"], now_ms, document, known_sequence=known)

    def conservation(self) -> list[str]:
        """Empty if raw last - raw first = figures + adjustments for every counter, over all that is stored."""
        connection = self._store.reader()
        documents = [*series.published(connection, 0, _FOR_EVER_MS), *series.running(connection)]
        newest = {(each["production_line"], each["date"], each["shift"], each["start"]): each for each in documents}
        readings = StoredReadings(connection, self._counted).readings({}, None)
        return conservation([each.spec for each in self._counted], readings, self._declared().breaks, newest.values())


@contextmanager
def snapshot(store: Store) -> Iterator[int]:
    """All that is read inside is of one moment; gives the number of the newest record of then."""
    connection = store.reader()
    connection.execute("begin")
    try:
        yield series.last_sequence(connection)
    finally:
        connection.execute("rollback")
