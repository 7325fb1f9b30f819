"""The entry: from a site's inputs, readings and declarations to one draft for every stretch of time.

Everything that does not depend on the wanted window is prepared once, so that a window gives the same
documents as the whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from gateway.carbon.account import carbon_of
from gateway.carbon.balance import balance_of
from gateway.carbon.declaration import Declaration
from gateway.carbon.demand import demand_of
from gateway.carbon.epoch import history_of
from gateway.carbon.figure import Document, FigureDraft, completeness, figure_key, head, meter_entry
from gateway.carbon.inputs import CounterKey, CounterReading, CounterSpec, SiteInputs
from gateway.carbon.making import products_of
from gateway.carbon.matching import Matching
from gateway.carbon.meter_tree import tree_of
from gateway.carbon.scope import Scope, SiteCounters, Window
from gateway.carbon.series import series_of
from gateway.carbon.shift_calendar import Stretch
from gateway.carbon.storage import storage_of
from gateway.carbon.tariff import tariffs_of


def figures(
    inputs: SiteInputs,
    readings: Mapping[CounterKey, Sequence[CounterReading]],
    declarations: Sequence[Declaration],
    now_ms: int,
    from_ms: int | None = None,
    to_ms: int | None = None,
    certificates_used: Mapping[str, int] = MappingProxyType({}),
) -> list[FigureDraft]:
    """A draft for every stretch that shares time with [first reading, last reading] and with [from, to).

    A stretch that begins exactly at the last reading is included while it runs at `now_ms`.
    `certificates_used` (mWh by serial number) is what the figures before the first wanted one used: see `used_by`.
    """
    return figures_of(SiteCounters(inputs, readings, declarations, certificates_used), now_ms, from_ms, to_ms)


def figures_of(site: SiteCounters, now_ms: int, from_ms: int | None = None, to_ms: int | None = None) -> list[FigureDraft]:
    if site.span is None:
        return []
    drafts = []
    for line in site.production_lines:
        calendar = Scope(site, line)
        for stretch in calendar.stretches:
            wanted = (from_ms is None or stretch.end_ms > from_ms) and (to_ms is None or stretch.start_ms < to_ms)
            begins_now = stretch.start_ms == site.span[1] > site.span[0] and not stretch.start_ms <= now_ms < stretch.end_ms
            if wanted and not begins_now:
                drafts.append(_draft(calendar.without(site.silent(stretch.end_ms)), stretch))
    return sorted(drafts, key=lambda draft: (draft.start_ms, draft.production_line or "", draft.key))


def pending(
    counters: Sequence[CounterSpec], readings: Mapping[CounterKey, Sequence[CounterReading]], declarations: Sequence[Declaration]
) -> list[CounterKey]:
    """C8: the counters whose newest readings are not decided; they are to be polled at the power pace."""
    histories = (history_of(spec, series_of(readings.get(spec.key, ())), declarations) for spec in counters)
    return [history.spec.key for history in histories if history.is_pending]


def _draft(scope: Scope, stretch: Stretch) -> FigureDraft:
    window = Window(scope, stretch)
    reasons = list(_doubts(window))
    balance = balance_of(scope.plant, window.portion, window.intervals)
    reasons.extend(balance.reasons)
    matching = Matching(window)
    lines, carbon = carbon_of(window, balance, reasons, matching.match)
    span_start = (scope.site.span or (0, 0))[0]
    document: Document = {
        **head(stretch),
        "meters": [meter_entry(stretch, scope.splitter(spec), window.portion(spec), span_start) for spec in scope.listed],
        "balance": balance.document(),
        **tree_of(window, reasons),
        **demand_of(window, reasons),
        **tariffs_of(window, reasons),
        "carbon": carbon,
        **storage_of(window, balance, lines, reasons),
        **matching.document(reasons),
        "products": products_of(window, balance, lines, reasons),
        **completeness([window.portion(spec) for spec in scope.listed], scope.inputs.estimated_share_max),
        "time_zone_data": scope.inputs.time_zone_data,
    }
    return FigureDraft(figure_key(stretch), scope.line, stretch.start_ms, stretch.end_ms, document, tuple(dict.fromkeys(reasons)))


def _doubts(window: Window) -> Iterator[str]:
    for spec in window.scope.listed:
        if not window.portion(spec).known:
            yield f"{spec.meter} {spec.quantity}: no accepted pair of readings covers any of this time"
        if spec.rating_thousandths_per_hour is None:
            yield f"{spec.meter} {spec.quantity}: no rating is declared, so nothing was held back as implausible"
