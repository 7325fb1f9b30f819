"""The entry: from a site's inputs, readings and declarations to one draft for every stretch of time.

Everything that does not depend on the wanted window is prepared once, so that a window gives the same
documents as the whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cached_property

from gateway.carbon.balance import EXPORT, Balance, Plant, balance_of, plant_of
from gateway.carbon.declaration import Declaration, Production
from gateway.carbon.emission import Activity, Line, Segment, export_lines, lines_of, outside_sums, segments, sum_of
from gateway.carbon.epoch import history_of
from gateway.carbon.exact import text
from gateway.carbon.factor import ELECTRICITY, HEAT, LOCATION, RESIDUAL, SCOPE1, FactorBook
from gateway.carbon.figure import Document, FigureDraft, completeness, figure_key, head, meter_entry
from gateway.carbon.history import History
from gateway.carbon.inputs import CounterKey, CounterReading, CounterSpec, ProductRule, SiteInputs
from gateway.carbon.intensity import NodeEnergy, SiteCarbon, intensity_document
from gateway.carbon.series import series_of
from gateway.carbon.shape import shape_finder
from gateway.carbon.shift_calendar import Stretch, stretches
from gateway.carbon.split import Portion, Splitter

_NO_UNCERTAINTY = "uncertainty_95_pct, worst_case_pct: not known, the accuracy classes of the meters do not enter this figure"


def figures(
    inputs: SiteInputs,
    readings: Mapping[CounterKey, Sequence[CounterReading]],
    declarations: Sequence[Declaration],
    now_ms: int,
    from_ms: int | None = None,
    to_ms: int | None = None,
) -> list[FigureDraft]:
    """A draft for every stretch that shares time with [first reading, last reading] and with [from, to).

    A stretch that begins exactly at the last reading is included while it runs at `now_ms`.
    """
    site = _Site(inputs, readings, declarations)
    if site.span is None:
        return []
    drafts = []
    for line in site.production_lines:
        calendar = _Calendar(site, line)
        for stretch in calendar.stretches:
            wanted = (from_ms is None or stretch.end_ms > from_ms) and (to_ms is None or stretch.start_ms < to_ms)
            begins_now = stretch.start_ms == site.span[1] > site.span[0] and not stretch.start_ms <= now_ms < stretch.end_ms
            if wanted and not begins_now:
                drafts.append(calendar.draft(stretch))
    return sorted(drafts, key=lambda draft: (draft.start_ms, draft.production_line or "", draft.key))


def pending(
    counters: Sequence[CounterSpec], readings: Mapping[CounterKey, Sequence[CounterReading]], declarations: Sequence[Declaration]
) -> list[CounterKey]:
    """C8: the counters whose newest readings are not decided; they are to be polled at the power pace."""
    histories = (history_of(spec, series_of(readings.get(spec.key, ())), declarations) for spec in counters)
    return [history.spec.key for history in histories if history.is_pending]


class _Site:
    """The decided histories of all counters, and which calendar each belongs to."""

    def __init__(
        self, inputs: SiteInputs, readings: Mapping[CounterKey, Sequence[CounterReading]], declarations: Sequence[Declaration]
    ) -> None:
        self.inputs = inputs
        self.production = [each for each in declarations if isinstance(each, Production)]
        self.book = FactorBook(inputs.factors, inputs.region_chain, inputs.factor_policy)
        histories = {spec.key: history_of(spec, series_of(readings.get(spec.key, ())), declarations) for spec in inputs.counters}
        self.specs = _counted(inputs.counters, histories)
        self.histories = {spec.key: histories[spec.key] for spec in self.specs}
        self.own_lines = {rule.production_line for rule in inputs.shifts if rule.production_line}

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


def _counted(counters: Sequence[CounterSpec], histories: Mapping[CounterKey, History]) -> list[CounterSpec]:
    """Without the export register of an import meter that was never read, where nothing could be exported."""
    plant = plant_of(counters)
    if plant.has_own_source:
        return list(counters)
    silent = {spec.key for spec in plant.by_stream[EXPORT] if spec.role == "import" and histories[spec.key].first_seen_ms is None}
    return [spec for spec in counters if spec.key not in silent]


class _Calendar:
    """One production line's stretches (None: the whole site's) and the figures in them."""

    def __init__(self, site: _Site, production_line: str | None) -> None:
        self._site = site
        self._line = production_line
        self._inputs = site.inputs
        self._scope = [spec for spec in site.specs if production_line is None or spec.production_line == production_line]
        self._listed = [spec for spec in site.specs if site.calendar_of(spec) == production_line]
        self._plant: Plant = plant_of(self._scope)
        self._site_has_own_source = plant_of(site.specs).has_own_source
        self._splitters: dict[CounterKey, Splitter] = {}

    @cached_property
    def stretches(self) -> list[Stretch]:
        first, last = self._site.span or (0, 0)
        inputs = self._inputs
        return stretches(inputs.zone, inputs.shifts, self._line, inputs.production_day_start, first, last + 1)

    @cached_property
    def _cuts(self) -> list[int]:
        return [stretch.start_ms for stretch in self.stretches]

    def draft(self, stretch: Stretch) -> FigureDraft:
        reasons: list[str] = []
        portions: dict[CounterKey, Portion] = {}

        def portion_of(spec: CounterSpec) -> Portion:
            if spec.key not in portions:
                portions[spec.key] = self._splitter(spec).portion(stretch.start_ms, stretch.end_ms)
            return portions[spec.key]

        span_start = (self._site.span or (0, 0))[0]
        meters = [meter_entry(stretch, self._splitter(spec), portion_of(spec), span_start) for spec in self._listed]
        listed = [portions[spec.key] for spec in self._listed]
        reasons.extend(self._doubts(listed))
        balance = balance_of(self._plant, portion_of, lambda spec: self._intervals(spec, stretch))
        reasons.extend(balance.reasons)
        lines, carbon = self._carbon(stretch, balance, reasons)
        document: Document = {
            **head(stretch),
            "meters": meters,
            "balance": balance.document(),
            "carbon": carbon,
            "products": self._products(stretch, balance, lines, portions, reasons),
            **completeness(listed, self._inputs.estimated_share_max),
            "time_zone_data": self._inputs.time_zone_data,
        }
        return FigureDraft(figure_key(stretch), self._line, stretch.start_ms, stretch.end_ms, document, tuple(dict.fromkeys(reasons)))

    def _doubts(self, portions: Sequence[Portion]) -> Iterator[str]:
        for spec, portion in zip(self._listed, portions, strict=True):
            if not portion.known:
                yield f"{spec.meter} {spec.quantity}: no accepted pair of readings covers any of this time"
            if spec.rating_thousandths_per_hour is None:
                yield f"{spec.meter} {spec.quantity}: no rating is declared, so nothing was held back as implausible"

    def _splitter(self, spec: CounterSpec) -> Splitter:
        if spec.key not in self._splitters:
            finder = shape_finder(spec, self._site.histories, self._inputs.zone)
            self._splitters[spec.key] = Splitter(self._site.histories[spec.key], self._cuts, finder)
        return self._splitters[spec.key]

    def _intervals(self, spec: CounterSpec, stretch: Stretch) -> list[int]:
        """Energy per interval; intervals are aligned to whole multiples of their length in UTC."""
        length = self._inputs.interval_s * 1000
        cuts = range(stretch.start_ms // length * length + length, stretch.end_ms, length)
        return self._splitter(spec).profile(stretch.start_ms, stretch.end_ms, cuts)

    def _carbon(self, stretch: Stretch, balance: Balance, reasons: list[str]) -> tuple[list[Line], Document]:
        spans = segments(self._inputs.zone, self._site.book, stretch.start_ms, stretch.end_ms)
        lines: list[Line] = []
        for activity in self._activities(stretch, spans, balance, reasons):
            lines.extend(lines_of(self._site.book, spans, activity, reasons))
        location = sum_of(LOCATION, lines, reasons)
        exported = self._plant.by_stream[EXPORT]
        if exported and balance.streams[EXPORT]:
            lines.extend(export_lines(self._site.book, spans, self._electricity(exported, stretch, spans), location))
        known = {f"{SCOPE1}_kg": sum_of(SCOPE1, lines, reasons), f"{LOCATION}_kg": location}
        known[f"{RESIDUAL}_kg"] = sum_of(RESIDUAL, lines, reasons)
        names = {line.name for line in lines}
        if SCOPE1 not in names:
            reasons.append("scope1_kg: no fuel is metered here")
        if LOCATION not in names:
            reasons.append("scope2_location_kg, scope2_market_kg: the bought electricity is not known")
        reasons.append(_NO_UNCERTAINTY)
        return lines, {
            **{name: None if kg is None else text(kg) for name, kg in known.items()},
            "outside_kg": outside_sums(lines, reasons),
            "lines": [dict(line.document) for line in lines],
            "uncertainty_95_pct": None,
            "worst_case_pct": None,
        }

    def _activities(self, stretch: Stretch, spans: Sequence[Segment], balance: Balance, reasons: list[str]) -> Iterator[Activity]:
        split_off = self._line is not None and self._site_has_own_source and not self._plant.has_own_source
        if split_off:
            reasons.append("scope2: the site generates, and how much of that this production line used is not declared")
        elif balance.purchased:
            yield self._electricity(balance.purchased, stretch, spans)
        for spec in self._scope:
            if spec.role in ("fuel", "heat"):
                if self._splitter(spec).portion(stretch.start_ms, stretch.end_ms).known:
                    name = spec.fuel if spec.role == "fuel" else HEAT
                    yield Activity(name, spec.meter, spec.quantity, self._per_segment(spec, stretch, spans), spec.calorific)
                else:
                    reasons.append(f"{spec.meter}: the {spec.role} used is not known, so its carbon is not in this figure")

    def _electricity(self, specs: Sequence[CounterSpec], stretch: Stretch, spans: Sequence[Segment]) -> Activity:
        parts = zip(*(self._per_segment(spec, stretch, spans) for spec in specs), strict=True)
        subject = ", ".join(dict.fromkeys(spec.meter for spec in specs))
        return Activity(ELECTRICITY, subject, "active_energy_import", tuple(sum(part) for part in parts))

    def _per_segment(self, spec: CounterSpec, stretch: Stretch, spans: Sequence[Segment]) -> tuple[int, ...]:
        splitter = self._splitter(spec)
        if len(spans) == 1:
            return (splitter.portion(stretch.start_ms, stretch.end_ms).amount,)
        return tuple(splitter.profile(stretch.start_ms, stretch.end_ms, [span.start_ms for span in spans[1:]]))

    def _products(
        self, stretch: Stretch, balance: Balance, lines: Sequence[Line], portions: Mapping[CounterKey, Portion], reasons: list[str]
    ) -> list[Document]:
        carbon = SiteCarbon(balance.load, sum_of(LOCATION, lines, []), _gases(LOCATION, lines))
        found = []
        for rule in self._inputs.products:
            if self._makes(rule):
                node = self._node(rule, balance, lines, portions)
                found.append(dict(intensity_document(rule.name, self._units(rule, stretch), node, carbon, reasons)))
        return found

    def _makes(self, rule: ProductRule) -> bool:
        lines = {self._site.calendar_of(spec) for spec in self._site.specs if spec.meter == rule.node}
        return self._line in (lines or {None})

    def _units(self, rule: ProductRule, stretch: Stretch) -> int | None:
        """From the piece counter if there is one and it is known; else what was declared inside the stretch."""
        for spec in self._site.specs:
            if spec.meter == rule.units_from and spec.role == "pieces":
                portion = self._splitter(spec).portion(stretch.start_ms, stretch.end_ms)
                if portion.known:
                    return portion.amount
        declared = {each for each in self._site.production if each.product == rule.name}
        units = [each.units for each in declared if stretch.start_ms <= each.time_ms < stretch.end_ms]
        return sum(units) if units else None

    def _node(self, rule: ProductRule, balance: Balance, lines: Sequence[Line], portions: Mapping[CounterKey, Portion]) -> NodeEnergy:
        below = self._below(rule.node)
        own = [line for line in lines if line.name == SCOPE1 and (not rule.node or line.document["subject"] in below)]
        kg: Decimal | None = sum_of(SCOPE1, own, [])
        if not rule.node:
            return NodeEnergy(balance.load, kg, _gases(SCOPE1, own))
        counters = [spec for specs in self._plant.by_stream.values() for spec in specs if spec.meter == rule.node]
        consuming = [spec for spec in counters if spec not in self._plant.by_stream[EXPORT]]
        used = portions.get(consuming[0].key) if consuming else None
        return NodeEnergy(used.amount if used and used.known else None, kg, _gases(SCOPE1, own))

    def _below(self, node: str) -> set[str]:
        """The meters of a subtree, its top included."""
        below, grew = {node}, True
        while grew:
            more = {spec.meter for spec in self._site.specs if spec.parent in below} - below
            below, grew = below | more, bool(more)
        return below


def _gases(name: str, lines: Sequence[Line]) -> str | None:
    return next((line.gases for line in lines if line.name == name), None)
