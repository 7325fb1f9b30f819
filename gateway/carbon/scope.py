"""What a figure looks at: the decided counters of a site, one production line's calendar, one stretch of its time.

Each is prepared once and asked by many; nothing here decides what is published.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from types import MappingProxyType

from gateway.carbon.balance import EXPORT, Plant, plant_of
from gateway.carbon.certificate import Ledger
from gateway.carbon.declaration import Declaration, Production
from gateway.carbon.emission import Segment
from gateway.carbon.epoch import history_of
from gateway.carbon.factor import FactorBook
from gateway.carbon.inputs import CounterKey, CounterReading, CounterSpec, SiteInputs
from gateway.carbon.series import series_of
from gateway.carbon.shape import shape_finder
from gateway.carbon.shift_calendar import Stretch, stretches
from gateway.carbon.split import Portion, Splitter
from gateway.carbon.stock import Stock

EMPTY = Stock()
_NEVER_MS = 2**63


class SiteCounters:
    """The decided histories of all counters, and which calendar each belongs to."""

    def __init__(
        self,
        inputs: SiteInputs,
        readings: Mapping[CounterKey, Sequence[CounterReading]],
        declarations: Sequence[Declaration],
        certificates_used: Mapping[str, int] = MappingProxyType({}),
        stock: Stock = EMPTY,
    ) -> None:
        """`certificates_used` and `stock` are what the figures before the first wanted one used and left."""
        self.inputs = inputs
        self.stock = stock
        self.ledger = Ledger(inputs.certificates, certificates_used, inputs.region_chain)
        self.production = [each for each in declarations if isinstance(each, Production)]
        self.book = FactorBook(inputs.factors, inputs.region_chain, inputs.factor_policy, inputs.factor_series)
        self.specs = inputs.counters
        self.histories = {spec.key: history_of(spec, series_of(readings.get(spec.key, ())), declarations) for spec in self.specs}
        self.own_lines = {rule.production_line for rule in inputs.shifts if rule.production_line}
        self.has_own_source = plant_of(self.specs).has_own_source

    @cached_property
    def span(self) -> tuple[int, int] | None:
        """From the first to the last reading of any counter."""
        firsts = [each.first_seen_ms for each in self.histories.values() if each.first_seen_ms is not None]
        lasts = [each.last_seen_ms for each in self.histories.values() if each.last_seen_ms is not None]
        return (min(firsts), max(lasts)) if firsts else None

    @property
    def production_lines(self) -> list[str | None]:
        """The whole site, and each production line that has shifts of its own."""
        return [None, *sorted(self.own_lines)]

    def calendar_of(self, spec: CounterSpec) -> str | None:
        """C7: a counter stands in the figures of one calendar only."""
        return spec.production_line if spec.production_line in self.own_lines else None

    def silent(self, end_ms: int) -> frozenset[CounterKey]:
        """Export registers of import meters that nobody had read by then, where nothing could be exported."""
        return frozenset() if self.has_own_source else frozenset(key for key, first_ms in self._exports if first_ms >= end_ms)

    @cached_property
    def _exports(self) -> list[tuple[CounterKey, int]]:
        specs = [spec for spec in plant_of(self.specs).by_stream[EXPORT] if spec.role == "import"]
        seen = {spec.key: self.histories[spec.key].first_seen_ms for spec in specs}
        return [(key, _NEVER_MS if first_ms is None else first_ms) for key, first_ms in seen.items()]

    def below(self, node: str) -> set[str]:
        """The meters of a subtree, its top included."""
        below, grew = {node}, True
        while grew:
            more = {spec.meter for spec in self.specs if spec.parent in below} - below
            below, grew = below | more, bool(more)
        return below


class Scope:
    """One production line (None: the whole site): its stretches, its plant, and its counters split by its calendar."""

    def __init__(self, site: SiteCounters, production_line: str | None) -> None:
        self.site = site
        self.inputs = site.inputs
        self.line = production_line
        self._splitters: dict[CounterKey, Splitter] = {}
        self._without: dict[frozenset[CounterKey], Scope] = {}
        self._choose(site.specs)

    def _choose(self, specs: Sequence[CounterSpec]) -> None:
        self.counted = specs
        self.specs = [spec for spec in specs if self.line is None or spec.production_line == self.line]
        self.listed = [spec for spec in specs if self.site.calendar_of(spec) == self.line]
        self.plant: Plant = plant_of(self.specs)

    def without(self, silent: frozenset[CounterKey]) -> "Scope":
        """The same calendar and splits, with some counters left out."""
        if not silent:
            return self
        if silent not in self._without:
            found = self._without[silent] = copy(self)
            found._choose([spec for spec in self.site.specs if spec.key not in silent])  # noqa: SLF001 - its own kind
        return self._without[silent]

    @cached_property
    def stretches(self) -> list[Stretch]:
        first, last = self.site.span or (0, 0)
        given = self.inputs
        return stretches(given.zone, given.shifts, self.line, given.production_day_start, first, last + 1, given.work_calendar)

    def around(self, time_ms: int) -> list[Stretch]:
        """The one stretch that holds an instant."""
        given = self.inputs
        return stretches(given.zone, given.shifts, self.line, given.production_day_start, time_ms, time_ms, given.work_calendar)

    def splitter(self, spec: CounterSpec) -> Splitter:
        if spec.key not in self._splitters:
            finder = shape_finder(spec, self.site.histories, self.inputs.zone)
            self._splitters[spec.key] = Splitter(self.site.histories[spec.key], self.cuts, finder)
        return self._splitters[spec.key]

    @cached_property
    def cuts(self) -> list[int]:
        return [stretch.start_ms for stretch in self.stretches]


class Window:
    """One stretch of a scope's time, and what its counters moved in it."""

    def __init__(self, scope: Scope, stretch: Stretch) -> None:
        self.scope = scope
        self.stretch = stretch
        self.site = scope.site
        self.inputs = scope.inputs
        self.plant = scope.plant
        self._portions: dict[CounterKey, Portion] = {}

    def portion(self, spec: CounterSpec) -> Portion:
        if spec.key not in self._portions:
            self._portions[spec.key] = self.scope.splitter(spec).portion(self.stretch.start_ms, self.stretch.end_ms)
        return self._portions[spec.key]

    def profile(self, spec: CounterSpec, cuts: Sequence[int]) -> list[int]:
        """The energy between neighbouring `cuts` inside the stretch."""
        return self.scope.splitter(spec).profile(self.stretch.start_ms, self.stretch.end_ms, cuts)

    def intervals(self, spec: CounterSpec) -> list[int]:
        """Energy per interval; intervals are aligned to whole multiples of their length in UTC."""
        return self.profile(spec, self.aligned(self.inputs.interval_s * 1000))

    def aligned(self, length_ms: int) -> range:
        """The multiples of a length inside the stretch, its ends left out."""
        return range(self.stretch.start_ms // length_ms * length_ms + length_ms, self.stretch.end_ms, length_ms)

    def per_segment(self, spec: CounterSpec, spans: Sequence[Segment]) -> tuple[int, ...]:
        if len(spans) == 1:
            return (self.portion(spec).amount,)
        return tuple(self.profile(spec, [span.start_ms for span in spans[1:]]))
