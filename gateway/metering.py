"""All of the running gateway that follows from the site file: lines, books, declarations, field work. Made anew when the file changes.

Store, sender, clock and pages outlive it. Built before it is started, so that a file that cannot run stops nothing.
"""

from collections.abc import Mapping, Sequence

from gateway.acquisition import Acquisition
from gateway.books import Books
from gateway.boundaries import Boundaries
from gateway.buffer import series
from gateway.buffer.store import Store
from gateway.clock import Clock
from gateway.declaring import Declarations
from gateway.field_asks import FieldAsks
from gateway.interfaces import Deliver
from gateway.site import Site
from gateway.site_inputs import inputs_of
from gateway.status import MeterStatus
from protocols.meter import Meter

# How far back a submeter's load profile surely reaches.
PROFILE_MS = 60 * 86_400_000
# A counter read so long after its quarter's end is no reading of that end; a full line is some seconds late.
LATE_MS = 60_000


class Metering:
    """`start` once, `stop` once; the lines' thread runs in between."""

    def __init__(self, site: Site, models: Mapping[str, Meter], clock: Clock, store: Store, deliver: Deliver, speed: float) -> None:
        self.site = site
        self._store = store
        inputs = inputs_of(site, models)
        self.acquisition = Acquisition(
            site,
            models,
            clock,
            deliver,
            lambda event: store.add([event]),
            lambda: Boundaries(inputs).next_ms,
            store.boot,
            speed,
            gaps=self._gaps,
            memory=store.memory,
        )
        self.books = Books(site, models, store, clock.now_ms, self.acquisition.watch)
        self.declarations = Declarations(site, models, store, clock.now_ms)
        self.field = FieldAsks(site, models, self.acquisition)
        self._imported = {meter.name: _imported(site, meter.name) for meter in site.meter if not meter.line}

    def start(self) -> None:
        self.acquisition.start()

    def stop(self) -> None:
        self.acquisition.stop()

    def meters(self) -> tuple[MeterStatus, ...]:
        """In the order of the site file."""
        known = {**self._imported, **self.acquisition.meters()}
        return tuple(known[meter.name] for meter in self.site.meter)

    def _gaps(self, name: str, now_ms: int) -> Sequence[tuple[int, int]]:
        """Where the counters of a meter were not read although it was time: its own load profile may know them."""
        meter = self.site.meter_named(name)
        late_ms = self.site.poll.energy_interval_min * 60_000 + LATE_MS
        names = (meter.name, *meter.was)
        return series.gaps(self._store.reader(), names, "active_energy_import", now_ms - PROFILE_MS, now_ms, late_ms)


def _imported(site: Site, name: str) -> MeterStatus:
    meter = site.meter_named(name)
    return MeterStatus(meter.name, meter.model, "", None, meter.role, meter.parent, site.production_line(meter), "imported")
