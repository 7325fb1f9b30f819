"""The rules: for each kind of alarm what is bad, what is good again, and how long it must last. One table; nothing is remembered here.

Between bad and good an alarm stays as it is: that is the hysteresis. Bounds are those of the standards named beside them.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from gateway.alarms.scene import PHASES, Scene
from gateway.status import MeterStatus
from protocols.amount import decimal_text

BAD, BETWEEN, GOOD = "bad", "between", "good"
URGENT, WARNING = "urgent", "warning"

# EN 50160: 10 % about the nominal voltage, measured over ten minutes; one per cent less is well again.
VOLTAGE_BAND_PCT, VOLTAGE_WELL_PCT = 10, 9
PHASE_LOST_PCT = 50  # what a lost phase still shows is induced
# The rating is what the meter, its transformers and its fuse are made for.
CURRENT_MAX_PCT, CURRENT_WELL_PCT = 100, 95
# Below 0.90 utilities charge for reactive energy (China, much of Europe); it only counts under a real load.
POWER_FACTOR_MIN, POWER_FACTOR_WELL, LOADED_PCT = 900, 920, 10
# Half a kilowatt-hour is five times the coarsest step of common counters (0.1 kWh).
STANDING_MWH = 500_000
CHILDREN_MAX_PCT, CHILDREN_WELL_PCT = 105, 102
# What the store writes in some days; below it the technician has time to act, but not much.
FREE_MIN_BYTES, FREE_WELL_BYTES = 500_000_000, 700_000_000
SYNC_LAG_MS, SYNC_WELL_MS = 30 * 60_000, 5 * 60_000
# A forgotten compressor or oven shows as a fifth more than in other nights, and at least half a kilowatt.
BASE_LOAD_PCT, BASE_LOAD_WELL_PCT, BASE_LOAD_MW = 120, 110, 500_000
ABSENT_INTERVALS_PCT = 150  # one answer missed and half the wait for the next: the alarm is there within two intervals


class Sight(NamedTuple):
    """What a rule sees of one subject; who is not seen stays as before. `evidence` fills the holes of the sentence."""

    subject: str
    state: str
    evidence: Mapping[str, str]


class Rule(NamedTuple):
    kind: str
    severity: str
    raise_after_s: int
    clear_after_s: int
    look: Callable[[Scene], Iterable[Sight]]


def _above(value: int, bad: int, good: int) -> str:
    return BAD if value > bad else GOOD if value <= good else BETWEEN


def _kilo(thousandths: int) -> str:
    return decimal_text(round(thousandths, -5) // 100_000, 1)


def _absent(scene: Scene) -> Iterable[Sight]:
    for meter in scene.status.meters:
        if meter.state == "imported":
            continue
        since_ms = scene.status.started_ms if meter.time_ms is None else meter.time_ms
        silent = 100 * (scene.status.time_ms - since_ms) > ABSENT_INTERVALS_PCT * scene.interval_ms
        yield Sight(meter.name, BAD if silent and meter.reason else GOOD, {"reason": meter.reason})


def _standing(scene: Scene) -> Iterable[Sight]:
    for name, unbooked_mwh in scene.unbooked_mwh.items():
        yield Sight(name, _above(unbooked_mwh, STANDING_MWH, 0), {"energy": _kilo(unbooked_mwh)})


def _voltages(meter: MeterStatus) -> dict[str, int]:
    return {phase: meter.values[f"voltage_{phase}_n"] for phase in PHASES if f"voltage_{phase}_n" in meter.values}


def _voltage_band(scene: Scene) -> Iterable[Sight]:
    for meter in scene.live():
        present = [value for value in _voltages(meter).values() if 100 * value >= PHASE_LOST_PCT * scene.nominal_mv]
        if present:
            worst = max(present, key=lambda value: abs(value - scene.nominal_mv))
            away_pct = 100 * abs(worst - scene.nominal_mv) / scene.nominal_mv
            state = BAD if away_pct > VOLTAGE_BAND_PCT else GOOD if away_pct <= VOLTAGE_WELL_PCT else BETWEEN
            yield Sight(meter.name, state, {"voltage": decimal_text(worst // 100, 1)})


def _phase_missing(scene: Scene) -> Iterable[Sight]:
    for meter in scene.live():
        voltages = _voltages(meter)
        lost = [phase.upper() for phase, value in voltages.items() if 100 * value < PHASE_LOST_PCT * scene.nominal_mv]
        if len(voltages) > 1:
            yield Sight(meter.name, BAD if lost else GOOD, {"phases": ", ".join(lost)})


def _over_current(scene: Scene) -> Iterable[Sight]:
    for meter in scene.live():
        rating_mw = scene.facts[meter.name].rating_mw
        currents = {phase: abs(meter.values[f"current_{phase}"]) for phase in PHASES if f"current_{phase}" in meter.values}
        if rating_mw and currents:
            limit_ma = rating_mw * 1000 // (len(currents) * scene.nominal_mv)
            phase, current = max(currents.items(), key=lambda each: each[1])
            state = _above(100 * current, CURRENT_MAX_PCT * limit_ma, CURRENT_WELL_PCT * limit_ma)
            evidence = {"phase": phase.upper(), "current": decimal_text(current // 100, 1), "limit": decimal_text(limit_ma // 100, 1)}
            yield Sight(meter.name, state, evidence)


def _power_factor(scene: Scene) -> Iterable[Sight]:
    for meter in scene.live():
        facts, factor, power = scene.facts[meter.name], meter.values.get("power_factor"), meter.values.get("active_power")
        if facts.role != "import" or factor is None or power is None:
            continue
        loaded = facts.rating_mw is not None and 100 * power >= LOADED_PCT * facts.rating_mw
        if loaded:
            yield Sight(meter.name, _above(-abs(factor), -POWER_FACTOR_MIN, -POWER_FACTOR_WELL), {"factor": decimal_text(abs(factor), 3)})


def _children_above(scene: Scene) -> Iterable[Sight]:
    powers = {meter.name: abs(meter.values["active_power"]) for meter in scene.live() if "active_power" in meter.values}
    for name, power in powers.items():
        children = [each for each, facts in scene.facts.items() if facts.parent == name and facts.role in ("load", "import")]
        if children and all(each in powers for each in children):
            total = sum(powers[each] for each in children)
            state = _above(100 * total, CHILDREN_MAX_PCT * power, CHILDREN_WELL_PCT * power)
            yield Sight(name, state, {"children": _kilo(total), "power": _kilo(power)})


def _clock(scene: Scene) -> Iterable[Sight]:
    yield Sight("", BAD if scene.status.clock.state == "unset" else GOOD, {})


def _store(scene: Scene) -> Iterable[Sight]:
    store = scene.status.store
    state = BAD if store.state != "ok" else _above(-store.free_bytes, -FREE_MIN_BYTES, -FREE_WELL_BYTES)
    yield Sight("", state, {"free": str(store.free_bytes // 1_000_000)})


def _sync_lag(scene: Scene) -> Iterable[Sight]:
    outbox = scene.status.outbox
    if outbox.hub != "none":
        lag_ms = 0 if outbox.oldest_ms is None else scene.status.time_ms - outbox.oldest_ms
        yield Sight("", _above(lag_ms, SYNC_LAG_MS, SYNC_WELL_MS), {"minutes": str(lag_ms // 60_000), "records": str(outbox.records)})


def _base_load(scene: Scene) -> Iterable[Sight]:
    found = scene.base_load
    if found is not None:
        more_mw = found.last_mw - found.usual_mw
        state = _above(100 * found.last_mw, BASE_LOAD_PCT * found.usual_mw, BASE_LOAD_WELL_PCT * found.usual_mw)
        state = BETWEEN if state == BAD and more_mw < BASE_LOAD_MW else state
        yield Sight("", state, {"last": _kilo(found.last_mw), "usual": _kilo(found.usual_mw)})


_MINUTE_S, _QUARTER_S = 60, 900
RULES = (
    Rule("meter_absent", URGENT, 0, 0, _absent),
    Rule("counter_standing", URGENT, 0, 0, _standing),
    Rule("phase_missing", URGENT, 10, _MINUTE_S, _phase_missing),
    Rule("over_current", URGENT, _MINUTE_S, _MINUTE_S, _over_current),
    Rule("voltage_band", WARNING, 10 * _MINUTE_S, _MINUTE_S, _voltage_band),
    Rule("power_factor", WARNING, _QUARTER_S, _QUARTER_S, _power_factor),
    Rule("children_above_parent", WARNING, _QUARTER_S, _QUARTER_S, _children_above),
    Rule("base_load", WARNING, 0, 0, _base_load),
    Rule("clock_untrusted", URGENT, _MINUTE_S, 0, _clock),
    Rule("store_near_full", URGENT, 0, _MINUTE_S, _store),
    Rule("sync_lag", WARNING, 0, 0, _sync_lag),
)
