"""What people ask beyond status and figures: curves, events, one meter up close, the doctors, a reading now.

Answers from the store, the lines and the doctors; nothing is decided here. May be asked from any thread.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.acquisition import Acquisition
from gateway.buffer import history
from gateway.buffer.store import Store
from gateway.commissioning.finding import Finding
from gateway.doctor import buses_of, wiring_of
from gateway.interfaces import Bucket, CounterValue, EventFilter
from gateway.metering import Metering
from gateway.site import Site
from gateway.status import MeterDetail
from protocols.reading import Event

log = logging.getLogger(__name__)

# The bus doctor reads a day of polls of every meter: seconds of work, and its verdict does not change by the minute.
BUSES_EVERY_MS = 15 * 60_000


class Inquiry:
    def __init__(self, store: Store, metering: Callable[[], Metering], now_ms: Callable[[], int]) -> None:
        """`metering` is asked each time: it is another one after the site file was changed."""
        self._store, self._metering, self._now_ms = store, metering, now_ms
        self._buses: tuple[int, Sequence[Finding]] | None = None
        self._looking = threading.Lock()

    @property
    def _site(self) -> Site:
        return self._metering().site

    @property
    def _acquisition(self) -> Acquisition:
        return self._metering().acquisition

    def curve(self, meter: str, quantity: str, from_ms: int, to_ms: int, bucket_ms: int) -> Sequence[Bucket]:
        return history.curve(self._store.reader(), self._names(meter), quantity, from_ms, to_ms, bucket_ms)

    def counter(self, meter: str, quantity: str, from_ms: int, to_ms: int) -> Sequence[CounterValue]:
        return history.counter(self._store.reader(), self._names(meter), quantity, from_ms, to_ms)

    def _names(self, meter: str) -> list[str]:
        return [meter, *self._site.meter_named(meter).was]

    def events(self, wanted: EventFilter) -> Sequence[Event]:
        return history.events(self._store.reader(), wanted)

    def event_kinds(self) -> Sequence[str]:
        return history.event_kinds(self._store.reader())

    def versions(self, start_ms: int, shift: str, production_line: str) -> Sequence[Mapping[str, Any]]:
        return history.versions(self._store.reader(), start_ms, shift, production_line)

    def detail(self, meter: str) -> MeterDetail:
        return self._acquisition.detail(meter) if self._site.meter_named(meter).line else MeterDetail()

    def read_now(self, meter: str) -> str:
        return self._acquisition.read_now(meter).reason

    def wiring(self, meter: str) -> Sequence[Finding]:
        status = self._acquisition.meters().get(meter)
        return [] if status is None else wiring_of(self._site, self._site.meter_named(meter), status.values)

    def buses(self) -> Sequence[Finding] | None:
        """What was found last; looks again in the background when that is old."""
        known = self._buses
        if (known is None or not 0 <= self._now_ms() - known[0] < BUSES_EVERY_MS) and self._looking.acquire(blocking=False):
            threading.Thread(target=self._look, name="bus doctor", daemon=True).start()
        return None if known is None else known[1]

    def _look(self) -> None:
        try:
            now_ms = self._now_ms()
            self._buses = (now_ms, buses_of(self._site, self._store.reader(), now_ms))
        except Exception:
            log.exception("the bus doctor could not look at the last day; it is asked again with the next page")
        finally:
            self._looking.release()
