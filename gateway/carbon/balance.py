"""C14: the electricity of a site or production line in one stretch of time, from the streams of its meters.

Load = import + generation + discharge - export - charge. Self-consumption is the sum over intervals of what
generation and storage gave to the load in that interval. Nothing here knows calendars or factors.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from gateway.carbon.inputs import CounterKey, CounterSpec
from gateway.carbon.split import Portion
from protocols.amount import outside

_CONSUMED, _GIVEN = "active_energy_import", "active_energy_export"
_OTHER = {_CONSUMED: _GIVEN, _GIVEN: _CONSUMED}
IMPORT, EXPORT, GENERATION, CHARGE, DISCHARGE, LOAD = "import", "export", "generation", "charge", "discharge", "load"
# Role -> register that counts -> stream. The first row of a role stands in where the meter has no such register.
_STREAMS: dict[str, dict[str, str]] = {
    "import": {_CONSUMED: IMPORT, _GIVEN: EXPORT},
    "export": {_GIVEN: EXPORT},
    "generation": {_GIVEN: GENERATION},
    "charge": {_CONSUMED: CHARGE, _GIVEN: DISCHARGE},
    "discharge": {_GIVEN: DISCHARGE, _CONSUMED: CHARGE},
    "load": {_CONSUMED: LOAD},
}
_SIGNS = {IMPORT: 1, GENERATION: 1, DISCHARGE: 1, EXPORT: -1, CHARGE: -1}
_INSIDE = {GENERATION: 1, DISCHARGE: 1, CHARGE: -1}


def streams_of(specs: Sequence[CounterSpec]) -> dict[CounterKey, str]:
    """The stream of each electricity counter; a `reversed` meter counts consumption in its export register."""
    found: dict[CounterKey, str] = {}
    electric = sorted((spec for spec in specs if spec.role in _STREAMS and spec.quantity in _OTHER), key=lambda spec: spec.key)
    for _, group in groupby(electric, key=lambda spec: spec.meter):
        counters = {_OTHER[spec.quantity] if spec.reversed else spec.quantity: spec for spec in group}
        streams = _STREAMS[next(iter(counters.values())).role]
        main = next(iter(streams))
        if set(counters) == {_OTHER[main]} and main != _CONSUMED:
            streams = {_OTHER[main]: streams[main]}
        found.update({spec.key: streams[register] for register, spec in counters.items() if register in streams})
    return found


def top_loads(specs: Sequence[CounterSpec], streams: Mapping[CounterKey, str]) -> list[CounterSpec]:
    """The load counters with no other load counter of `specs` above them."""
    loads = [spec for spec in specs if streams.get(spec.key) == LOAD]
    parents = {spec.meter: spec.parent for spec in specs}
    metered = {spec.meter for spec in loads}

    def is_top(spec: CounterSpec) -> bool:
        seen, above = {spec.meter}, spec.parent
        while above and above not in seen:
            if above in metered:
                return False
            seen.add(above)
            above = parents.get(above, "")
        return True

    return [spec for spec in loads if is_top(spec)]


@dataclass(frozen=True)
class Balance:
    """mWh; None is not known, its sentence stands in `reasons`. `purchased` is what scope 2 is charged for."""

    streams: Mapping[str, int | None]
    load: int | None
    self_consumption: int | None
    unmetered: int | None
    purchased: tuple[CounterSpec, ...] | None
    reasons: tuple[str, ...] = field(default=())

    def document(self) -> dict[str, str | None]:
        values = {
            "load_kwh": self.load,
            "import_kwh": self.streams[IMPORT],
            "export_kwh": self.streams[EXPORT],
            "generation_kwh": self.streams[GENERATION],
            "charge_kwh": self.streams[CHARGE],
            "discharge_kwh": self.streams[DISCHARGE],
            "self_consumption_kwh": self.self_consumption,
            "unmetered_kwh": self.unmetered,
        }
        return {name: None if value is None else outside(_CONSUMED, value) for name, value in values.items()}


@dataclass(frozen=True)
class Plant:
    """The electricity counters of a site or production line, sorted into streams once for all figures."""

    by_stream: Mapping[str, tuple[CounterSpec, ...]]
    top: tuple[CounterSpec, ...]

    @property
    def has_own_source(self) -> bool:
        return bool(self.by_stream[GENERATION] or self.by_stream[DISCHARGE])


def plant_of(specs: Sequence[CounterSpec]) -> Plant:
    streams = streams_of(specs)
    by_stream = {name: tuple(spec for spec in specs if streams.get(spec.key) == name) for name in (*_SIGNS, LOAD)}
    return Plant(by_stream, tuple(top_loads(specs, streams)))


PortionOf = Callable[[CounterSpec], Portion]
ProfileOf = Callable[[CounterSpec], list[int]]


def balance_of(plant: Plant, portion_of: PortionOf, profile_of: ProfileOf) -> Balance:
    """`profile_of` gives a counter's energy per interval; it is asked only where there is something to consume oneself."""
    reasons: list[str] = []
    streams = {name: _total(name, plant.by_stream[name], portion_of, reasons) for name in _SIGNS}
    submetered = _total("unmetered", plant.top, portion_of, reasons)
    if not plant.by_stream[IMPORT]:
        return _without_import(plant, streams, submetered, reasons)
    load = None
    sources = [portion_of(spec) for name in _SIGNS for spec in plant.by_stream[name]]
    if any(value is None for value in streams.values()):
        reasons.append("load_kwh: a stream of the balance is not known")
    elif not _same_time(plant, sources):
        reasons.append("load_kwh: the meters of the balance do not cover the same time")
    else:
        load = sum(_SIGNS[name] * (value or 0) for name, value in streams.items())
    return Balance(
        streams,
        load,
        _self_consumption(plant, load, streams[EXPORT], profile_of, reasons),
        None if load is None or submetered is None else load - submetered,
        plant.by_stream[IMPORT] if streams[IMPORT] is not None else None,
        tuple(reasons),
    )


def _without_import(plant: Plant, streams: dict[str, int | None], submetered: int | None, reasons: list[str]) -> Balance:
    """Only the sum of the load meters is known; it is bought electricity where nothing is generated."""
    streams[IMPORT] = None
    load = submetered if plant.top else None
    reasons.append("import_kwh: no meter here has the role import" + (": the load is the sum of the load meters" if plant.top else ""))
    if plant.has_own_source:
        reasons.append("scope2: without an import meter the share of own generation is not known")
    purchased = plant.top if load is not None and not plant.has_own_source else None
    return Balance(streams, load, None if plant.has_own_source else 0, None, purchased, tuple(reasons))


def _total(name: str, specs: Sequence[CounterSpec], portion_of: PortionOf, reasons: list[str]) -> int | None:
    amount = 0
    for spec in specs:
        portion = portion_of(spec)
        if not portion.known:
            reasons.append(f"{name}_kwh: {spec.meter} {spec.quantity} is not known in this time")
            return None
        amount += portion.amount
    return amount


def _same_time(plant: Plant, portions: Sequence[Portion]) -> bool:
    """Streams may end as far apart as two readings of one counter may."""
    limit = max(spec.gap_limit_ms for name in _SIGNS for spec in plant.by_stream[name])
    missing = [portion.missing_ms for portion in portions]
    return max(missing) - min(missing) <= limit


def _self_consumption(plant: Plant, load: int | None, exported: int | None, profile_of: ProfileOf, reasons: list[str]) -> int | None:
    if not plant.has_own_source:
        if not exported:
            return 0
        reasons.append("load_kwh, self_consumption_kwh: energy is exported, but no meter counts what was generated")
        return None
    if load is None:
        reasons.append("self_consumption_kwh: the load is not known")
        return None
    own, used = _per_interval(plant, _INSIDE, profile_of), _per_interval(plant, _SIGNS, profile_of)
    return sum(max(0, min(given, taken)) for given, taken in zip(own, used, strict=True))


def _per_interval(plant: Plant, signs: Mapping[str, int], profile_of: ProfileOf) -> list[int]:
    signed = [[sign * part for part in profile_of(spec)] for name, sign in signs.items() for spec in plant.by_stream[name]]
    return [sum(parts) for parts in zip(*signed, strict=True)]
