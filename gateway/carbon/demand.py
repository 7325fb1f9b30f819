"""C25: maximum demand: the highest mean power of the windows (15 minutes) that begin in a stretch, and of a month.

Windows are aligned to whole multiples of their length in UTC. Only a window whose energy was read window by
window counts: the mean of a longer pair would hide its peak. A window belongs where it begins, with all its energy.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from gateway.carbon.exact import amount, product, quotient, text
from gateway.carbon.inputs import CounterSpec
from gateway.carbon.scope import Window
from gateway.carbon.shift_calendar import local
from gateway.carbon.tariff import bought_by
from protocols.reading import iso

# A read at the end of a window may come a little late without the window being another one.
LATE_MS_MAX = 60_000
_ELECTRICITY = "active_energy_import"


def demand_of(window: Window, reasons: list[str]) -> dict[str, Any]:
    """The key `demand` of a figure, or nothing where no demand is declared."""
    rule = window.inputs.demand
    if rule is None:
        return {}
    wanted = [spec for spec in window.scope.specs if spec.meter in rule.meters and spec.quantity == _ELECTRICITY]
    specs = wanted if rule.meters else list(bought_by(window))
    if not specs:
        return {}
    length = rule.window_s * 1000
    starts = _starts(window, length)
    energy = _energy(window, specs, starts, length)
    months = [
        _month(month, list(group), energy, rule.window_s)
        for month, group in groupby(starts, key=lambda start: local(window.inputs.zone, start).strftime("%Y-%m"))
    ]
    windows, measured = len(starts), len(energy)
    if measured < windows or not windows:
        reasons.append(f"demand: {measured} of {windows} windows were measured: the maximum may have been higher")
    return {"demand": {"window_s": rule.window_s, **_highest(months), "windows": windows, "windows_measured": measured, "months": months}}


def monthly_demand(documents: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The highest demand of each month and production line, from the newest version of each figure."""
    entries = [
        (document["production_line"] or "", month["month"], month)
        for document in documents
        for month in document.get("demand", {}).get("months", ())
    ]
    found = []
    for (line, month), group in groupby(sorted(entries, key=lambda each: each[:2]), key=lambda each: each[:2]):
        parts = [part for _, _, part in group]
        counts = {name: sum(part[name] for part in parts) for name in ("windows", "windows_measured")}
        found.append({"month": month, "production_line": line or None, **_highest(parts), **counts})
    return found


def _starts(window: Window, length: int) -> list[int]:
    """The windows that begin in the stretch and were over when the last reading came."""
    first_seen, last_seen = window.site.span or (0, 0)
    first = -(-max(window.stretch.start_ms, first_seen) // length) * length
    return [start for start in range(first, window.stretch.end_ms, length) if start + length <= last_seen]


def _energy(window: Window, specs: Sequence[CounterSpec], starts: Sequence[int], length: int) -> dict[int, int]:
    """By the start of each window in which every counter was read window by window."""
    histories = [window.site.histories[spec.key] for spec in specs]
    measured = [start for start in starts if all(each.is_read_every(start, start + length, length + LATE_MS_MAX) for each in histories)]
    if not measured:
        return {}
    cuts = window.aligned(length)
    begins = [window.stretch.start_ms, *cuts]
    inside = [dict(zip(begins, window.profile(spec, cuts), strict=True)) for spec in specs]
    return {
        start: sum(parts[start] + _after(window, spec, start + length) for parts, spec in zip(inside, specs, strict=True))
        for start in measured
    }


def _after(window: Window, spec: CounterSpec, end_ms: int) -> int:
    """What a window that ends after its stretch takes from the stretches that follow."""
    scope, energy = window.scope, 0
    for stretch in scope.stretches[bisect_left(scope.cuts, window.stretch.end_ms) : bisect_left(scope.cuts, end_ms)]:
        cuts = [end_ms] if end_ms < stretch.end_ms else []
        energy += scope.splitter(spec).profile(stretch.start_ms, stretch.end_ms, cuts)[0]
    return energy


def _month(month: str, starts: Sequence[int], energy: Mapping[int, int], window_s: int) -> dict[str, Any]:
    known = [start for start in starts if start in energy]
    best = max(known, key=lambda start: (energy[start], -start), default=None)
    kilowatts = None if best is None else quotient(product(amount(_ELECTRICITY, energy[best]), Decimal(3600)), Decimal(window_s))
    return {
        "month": month,
        "max_kw": None if kilowatts is None else text(kilowatts),
        "max_at": None if best is None else iso(best),
        "windows": len(starts),
        "windows_measured": len(known),
    }


def _highest(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The first of the highest."""
    known = [part for part in parts if part["max_kw"] is not None]
    best = min(known, key=lambda part: (-Decimal(part["max_kw"]), part["max_at"]), default=None)
    return {name: None if best is None else best[name] for name in ("max_kw", "max_at")}
