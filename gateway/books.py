"""Keeps the books: asks the store for counters, lets `carbon` compute, and hands new figures back to the store.

It decides only how far back a change can reach; every number is made in `carbon`.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway import factor_pack
from gateway.buffer import series
from gateway.buffer.store import Store
from gateway.carbon.conservation import conservation
from gateway.carbon.engine import figures, pending
from gateway.carbon.figure import FigureDraft
from gateway.carbon.fuel import calorific_value
from gateway.carbon.inputs import CounterKey, CounterReading, CounterSpec, ProductRule, ShiftRule, SiteInputs
from gateway.carbon.shift_calendar import stretches
from gateway.carbon.version import RUNNING, publish, withdraw
from gateway.site import MeterTable, Site, amount_thousandths, counted_quantities, rate_thousandths
from gateway.zone import time_zone_data, zone
from protocols.meter import Meter
from protocols.reading import Figure, milliseconds_of

log = logging.getLogger(__name__)

DAY_MS = 86_400_000
# A reading can change the verdict on what came up to a day before it (a dip or spike that recovers: C8, C9).
REACH_BACK_MS = DAY_MS + 3_600_000
# A gap may be split by the shape of the same shift a week before (C11): that week must be in view.
IN_VIEW_MS = 8 * DAY_MS


@dataclass(frozen=True)
class Counted:
    """One booked counter and the names under which its readings may be stored."""

    spec: CounterSpec
    names: tuple[str, ...]


def counted(site: Site, models: Mapping[str, Meter]) -> list[Counted]:
    found: list[Counted] = []
    for meter in site.meter:
        available = frozenset(models[meter.model].quantities) if meter.model else None
        names = (meter.name, *meter.was)
        found += (Counted(_spec(site, meter, quantity), names) for quantity in counted_quantities(meter, available))
    return found


def _spec(site: Site, meter: MeterTable, quantity: str) -> CounterSpec:
    return CounterSpec(
        meter=meter.name,
        quantity=quantity,
        role=meter.role,
        rating_thousandths_per_hour=rate_thousandths(meter.rating, quantity) if meter.rating else None,
        modulus_thousandths=amount_thousandths(meter.modulus, quantity) if meter.modulus else None,
        pace_s=site.poll.energy_interval_min * 60,
        reversed=meter.reversed,
        fuel=meter.fuel,
        parent=meter.parent,
        production_line=site.production_line(meter),
        calorific=calorific_value(meter.calorific_value) if meter.calorific_value else None,
    )


def inputs_of(site: Site, models: Mapping[str, Meter]) -> SiteInputs:
    return SiteInputs(
        site=site.site.name,
        zone=zone(site.site.timezone),
        time_zone_data=time_zone_data(),
        production_day_start=site.site.production_day_start,
        shifts=tuple(
            ShiftRule(each.name, each.start, each.end, tuple(each.days), each.production_line or None, each.handover, each.valid_from)
            for each in site.shift
        ),
        counters=tuple(each.spec for each in counted(site, models)),
        factors=factor_pack.load(site.data_folder),
        region_chain=site.site.region,
        factor_policy=site.carbon.factor_policy,
        estimated_share_max=site.carbon.estimated_share,
        products=tuple(ProductRule(each.name, each.units_from, each.node) for each in site.product),
        interval_s=site.poll.energy_interval_min * 60,
    )


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
        self._inputs = inputs_of(site, models)
        self._counted = counted(site, models)
        self._grace_min = site.carbon.grace_min
        self._store = store
        self._now_ms = now_ms
        self._watch = watch
        self._in_doubt: set[str] = set()

    def update(self, changed_from_ms: int) -> int:
        """Compute what a change of counters from that instant on can touch, and give new figures to the store; returns how many."""
        now_ms = self._now_ms()
        _, changes = self._store.unbooked()
        from_ms = changed_from_ms - REACH_BACK_MS
        readings = self._readings(from_ms - IN_VIEW_MS)
        self._look_for_doubt(readings)
        drafts = figures(self._inputs, readings, (), now_ms, from_ms=from_ms)
        if not drafts:
            self._store.booked(changed_from_ms, changes)
            return 0
        previous = series.newest_by_key(
            self._store.reader(), min(draft.start_ms for draft in drafts), max(draft.end_ms for draft in drafts)
        )
        published = [self._published(draft, previous.get(draft.key), now_ms) for draft in drafts]
        gone = {key: document for key, document in previous.items() if key not in {draft.key for draft in drafts}}
        published += [self._withdrawn(key, document, from_ms, now_ms) for key, document in gone.items()]
        new = [each for each in published if each is not None]
        finished = [each for each in new if each.document["state"] != RUNNING]
        self._store.set_running([each for each in new if each.document["state"] == RUNNING])
        self._store.add(finished)
        if finished:
            self._store.commit(now_ms)
        self._store.booked(changed_from_ms, changes)
        return len(finished)

    def _look_for_doubt(self, readings: Mapping[CounterKey, list[CounterReading]]) -> None:
        in_doubt = {meter for meter, _ in pending(self._inputs.counters, readings, ())}
        if in_doubt != self._in_doubt:
            self._in_doubt = in_doubt
            self._watch(in_doubt)

    def _published(self, draft: FigureDraft, previous: Mapping[str, Any] | None, now_ms: int) -> Figure | None:
        document = publish(draft, previous, now_ms, self._grace_min)
        if document is None:
            return None
        return Figure(draft.key, draft.start_ms, draft.end_ms, document["version"], now_ms, document)

    def _withdrawn(self, key: str, previous: Mapping[str, Any], from_ms: int, now_ms: int) -> Figure | None:
        """The calendar no longer has this stretch: its last version says so, once."""
        start_ms, end_ms = milliseconds_of(previous["start"]), milliseconds_of(previous["end"])
        if start_ms < from_ms or not previous["meters"]:
            return None
        document = withdraw(previous, now_ms)
        return Figure(key, start_ms, end_ms, document["version"], now_ms, document)

    def _readings(self, from_ms: int) -> dict[CounterKey, list[CounterReading]]:
        connection = self._store.reader()
        return {
            each.spec.key: [CounterReading(*row) for row in series.counters_since(connection, each.names, each.spec.quantity, from_ms)]
            for each in self._counted
        }

    def conservation(self) -> list[str]:
        """Empty if raw last - raw first = figures + adjustments for every counter, over all that is stored."""
        connection = self._store.reader()
        documents = [*series.published(connection, 0, 2**62), *series.running(connection)]
        newest = {(each["production_line"], each["date"], each["shift"], each["start"]): each for each in documents}
        return conservation([each.spec for each in self._counted], self._readings(0), (), newest.values())


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
