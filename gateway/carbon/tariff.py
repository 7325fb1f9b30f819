"""C25: the bought energy of a stretch by tariff period; the periods sum to the amount exactly."""

from datetime import datetime, timedelta
from typing import Any

from gateway.carbon.inputs import CounterSpec
from gateway.carbon.scope import Window
from gateway.carbon.shift_calendar import instant, local
from gateway.carbon.tariff_calendar import period_at
from protocols.amount import outside

# Clocks of all zones are put forward and back at a quarter of an hour of UTC: between two of them local time is steady.
_STEADY_MS = 15 * 60_000
_DAY = timedelta(days=1)


def bought_by(window: Window) -> tuple[CounterSpec, ...]:
    """The meters that energy is bought through; where none is, those that stand at the top of the loads."""
    return window.plant.by_stream["import"] or window.plant.top


def tariffs_of(window: Window, reasons: list[str]) -> dict[str, Any]:
    """The key `tariffs` of a figure, or nothing where no tariff is declared."""
    given, stretch, specs = window.inputs, window.stretch, bought_by(window)
    if not given.tariffs or not specs:
        return {}
    cuts = _cuts(window)
    bounds = [stretch.start_ms, *cuts, stretch.end_ms]
    periods = [period_at(given.tariffs, local(given.zone, begin), given.work_calendar) for begin in bounds[:-1]]
    unknown = [spec.meter for spec in specs if not window.portion(spec).known]
    if unknown:
        reasons.append(f"tariffs: {', '.join(unknown)} is not known in this time")
    profiles = [] if unknown else [window.profile(spec, cuts) for spec in specs]
    elapsed: dict[str, int] = {}
    energy: dict[str, int] = {}
    for number, period in enumerate(periods):
        elapsed[period] = elapsed.get(period, 0) + bounds[number + 1] - bounds[number]
        energy[period] = energy.get(period, 0) + sum(profile[number] for profile in profiles)
    order = [period for period in dict.fromkeys([*(rule.period for rule in given.tariffs), *periods]) if period in elapsed]
    kwh = {period: None if unknown else outside("active_energy_import", energy[period]) for period in order}
    return {"tariffs": [{"period": period, "elapsed_s": elapsed[period] // 1000, "kwh": kwh[period]} for period in order]}


def _cuts(window: Window) -> list[int]:
    """Where a period may end: at the rules' own times and wherever local time may jump."""
    zone, stretch = window.inputs.zone, window.stretch
    first, last = (local(zone, edge).date() for edge in (stretch.start_ms, stretch.end_ms))
    dates = [first + number * _DAY for number in range((last - first).days + 1)]
    times = {bound for rule in window.inputs.tariffs for bound in rule.bounds}
    marks = {instant(zone, datetime.combine(day, bound)) for day in dates for bound in times}
    return sorted({mark for mark in marks if stretch.start_ms < mark < stretch.end_ms}.union(window.aligned(_STEADY_MS)))
