"""The thread that writes: commits in groups, keeps the books up to date, seals batches.

It is the only place where the pace of the disk is decided. Readings come from the lines' thread through
the store's own queue.
"""

import logging
import threading
from collections.abc import Callable
from sqlite3 import OperationalError

from gateway.books import Books
from gateway.buffer.store import COMMIT_S, Store
from gateway.buffer.thinning import Slice
from gateway.clock import Clock
from protocols.reading import ClockSet, Event

log = logging.getLogger(__name__)

LOOK_S = 0.5
# A shift ends, and becomes final, without any reading: look once a minute.
BOOKS_S = 60.0
# A slice of thinning takes some tenths of a second: this often it keeps up with 32 meters at 1 s ten times over.
THIN_S = 5.0
# Short of space thousands of batches may be thinned: one event an hour says so.
SAID_MS = 3_600_000


def _early(done: Slice) -> str:
    said = "Space on the card is short: power rows are thinned before their age. Counters, events and figures stay."
    lost = f" {done.tombstones} batches that no hub has got a tombstone." if done.tombstones else ""
    return f"{said}{lost} Make room, or set the ages in [retention]."


class Writer:
    def __init__(self, store: Store, books: Books, clock: Clock, sealing: Callable[[], bool], speed: float = 1.0) -> None:
        """`sealing` says whether committed records should be sealed now."""
        self._store = store
        self._books = books
        self._clock = clock
        self._sealing = sealing
        self._speed = speed
        self._said_ms: int | None = None  # that space is short
        self._stop = threading.Event()
        self._hurry = threading.Event()
        self._changed_from_ms: int | None = None
        self._dated = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def keep(self, books: Books) -> None:
        """From the next look on: the site file changed. What the ones before are at is finished by them."""
        self._books = books
        self.hurry()

    def hurry(self) -> None:
        """Commit at the next look: counters came in, and a shift may hang on them."""
        self._hurry.set()

    def changed(self, from_ms: int | None) -> None:
        """Counters from that instant on were written by somebody else (an import)."""
        if from_ms is not None:
            self._changed_from_ms = from_ms if self._changed_from_ms is None else min(from_ms, self._changed_from_ms)

    def stop(self) -> None:
        """Ends after a last commit."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        committed = booked = thinned = self._clock.instant().monotonic_ms
        while not self._stop.wait(LOOK_S / self._speed):
            now = self._clock.instant().monotonic_ms
            if self._hurry.is_set() or now - committed >= COMMIT_S * 1000:
                self._hurry.clear()
                committed = now
                self._work()
            if now - booked >= BOOKS_S * 1000:
                booked = now
                self.changed(self._clock.now_ms())
                self._work()
            if now - thinned >= THIN_S * 1000 and not self._hurry.is_set():
                thinned = now
                self._try(self._thin)
        self._work()

    def _work(self) -> None:
        """A fault in one step does not keep the others from being done."""
        self._try(self._commit, self._book, self._seal)

    def _try(self, *steps: Callable[[], None]) -> None:
        for step in steps:
            try:
                step()
            except (OSError, OperationalError) as error:
                # A full disk or a locked store is a state, not a fault of this program: its words are enough.
                log.error("%s was not possible (%s); nothing is lost by it, and it is tried again", step.__name__, error)  # noqa: TRY400
            except Exception:
                log.exception("writing failed at %s; nothing is lost by it, and it is tried again", step.__name__)

    def _commit(self) -> None:
        self._date()
        self._store.commit(self._clock.now_ms())

    def _book(self) -> None:
        if self._store.trouble:
            return  # what could be computed now could not be kept
        from_ms, self._changed_from_ms = self._changed_from_ms, None
        self._books.update(from_ms)

    def _seal(self) -> None:
        if not self._store.trouble and self._sealing():
            self._store.outbox.seal(self._clock.now_ms())

    def _thin(self) -> None:
        """Of what no age asked for, an event tells."""
        if self._store.trouble:
            return
        done = self._store.thin(self._clock.now_ms())
        instant = self._clock.instant()
        if done.early and (self._said_ms is None or instant.monotonic_ms - self._said_ms >= SAID_MS):
            self._said_ms = instant.monotonic_ms
            self._store.add([Event("store_thinned", "store", _early(done), self._store.boot, *instant)])

    def _date(self) -> None:
        """As soon as the clock is known, say what it was during this boot."""
        instant = self._clock.instant()
        if not self._dated and instant.time_ms is not None:
            self._dated = True
            self._store.add([ClockSet(self._store.boot, instant.time_ms - instant.monotonic_ms, instant.time_ms)])
