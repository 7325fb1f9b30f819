"""One figure with everything it was made from, as a document that a stranger's script recomputes.

It states verdicts (which readings were accepted, what each pair advanced, how a pair was divided) beside the raw
readings and declarations they rest on; `tools/recompute_figure.py` checks each against the others.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gateway.carbon.bridge import kind_of
from gateway.carbon.declaration import Break, Declaration, Swap, breaks_of
from gateway.carbon.exact import text
from gateway.carbon.factor import Factor
from gateway.carbon.inputs import CounterKey, CounterReading, CounterSpec, SiteInputs
from gateway.carbon.scope import Scope, SiteCounters
from gateway.carbon.split import Division, Splitter
from protocols.amount import outside
from protocols.quantity import QUANTITIES
from protocols.reading import iso, milliseconds_of

FORMAT = 1
Document = dict[str, Any]
Readings = Mapping[CounterKey, Sequence[CounterReading]]


def evidence(inputs: SiteInputs, readings: Readings, declarations: Sequence[Declaration], figure: Mapping[str, Any]) -> Document:
    """`readings` and `declarations` are those that the figure was made from, as known then."""
    return evidence_of(SiteCounters(inputs, readings, declarations), readings, declarations, figure)


def evidence_of(site: SiteCounters, readings: Readings, declarations: Sequence[Declaration], figure: Mapping[str, Any]) -> Document:
    """The same from counters that are decided already; of the readings those from just before the stretch to just after it do."""
    inputs = site.inputs
    start, end = milliseconds_of(figure["start"]), milliseconds_of(figure["end"])
    scope = Scope(site, figure["production_line"]).without(site.silent(end))
    return {
        "format": FORMAT,
        "site": inputs.site,
        "figure": dict(figure),
        "counters": [_counter(scope.splitter(spec), readings.get(spec.key, ()), declarations, start, end) for spec in scope.listed],
        "factors": [_factor(factor) for factor in _factors(inputs, figure)],
        "calorific": {spec.meter: _calorific(spec) for spec in scope.specs if spec.calorific is not None},
    }


def _counter(splitter: Splitter, readings: Iterable[CounterReading], declarations: Sequence[Declaration], start: int, end: int) -> Document:
    """From the accepted reading before the stretch to the one after it; without one after it, all that came."""
    history, spec = splitter.history, splitter.history.spec
    times = history.times
    low, high = max(0, bisect_right(times, start) - 1), min(bisect_left(times, end), len(times) - 1)
    begin = times[low] if times else start
    until = times[high] if times and times[high] >= end else max((reading.time_ms for reading in readings), default=end)
    raw = sorted(
        {(reading.time_ms, reading.value) for reading in readings if reading.value is not None and begin <= reading.time_ms <= until}
    )
    return {
        "meter": spec.meter,
        "quantity": spec.quantity,
        "decimals": QUANTITIES[spec.quantity].decimals,
        "modulus": None if spec.modulus_thousandths is None else outside(spec.quantity, spec.modulus_thousandths),
        "gap_limit_s": spec.gap_limit_ms // 1000,
        "readings": [{"time": iso(time_ms), "value": outside(spec.quantity, value)} for time_ms, value in raw],
        "pairs": [
            {
                "from": iso(times[pair]),
                "to": iso(times[pair + 1]),
                "advance": None if history.is_unknown(pair) else outside(spec.quantity, history.advance(pair)),
            }
            for pair in range(low, high)
        ],
        "breaks": [_break(spec, each) for each in breaks_of(spec.meter, spec.quantity, declarations) if begin < each.time_ms <= until],
        "events": [
            {"kind": event.kind, "time": iso(event.time_ms), "adjustment": outside(spec.quantity, event.adjustment)}
            for event in history.events
            if begin < event.time_ms <= until
        ],
        "divisions": [_division(splitter, each) for each in splitter.divisions(start, end)],
    }


def _break(spec: CounterSpec, each: Break) -> Document:
    values = {"old_final": each.old_final, "new_start": each.new_start} if isinstance(each, Swap) else {}
    return {
        "kind": kind_of(each),
        "time": iso(each.time_ms),
        "id": each.id,
        **{name: outside(spec.quantity, value) for name, value in values.items()},
    }


def _division(splitter: Splitter, division: Division) -> Document:
    times = splitter.history.times
    return {
        "from": iso(times[division.pair]),
        "to": iso(times[division.pair + 1]),
        "edges": [iso(edge) for edge in division.edges],
        "weights": [str(weight) for weight in division.weights],
        "method": division.method,
    }


def _factors(inputs: SiteInputs, figure: Mapping[str, Any]) -> Iterator[Factor]:
    """Those that the lines name by their hash, each once."""
    named = {line["factor"]["sha256"]: line["factor"]["id"] for line in figure["carbon"]["lines"] if line["factor"]}
    ids = set(named.values())
    for factor in dict.fromkeys(_candidates(inputs, ids)):
        if factor.id in ids and factor.sha256 in named:
            yield factor


def _candidates(inputs: SiteInputs, ids: set[str]) -> Iterator[Factor]:
    yield from inputs.factors
    for series in inputs.factor_series:
        for name in sorted(ids):
            stem, _, instant = name.rpartition("@")
            factor = series.at(milliseconds_of(instant)) if stem == series.id else None
            if factor is not None:
                yield factor
    for certificate in inputs.certificates:
        yield from (certificate.as_factor(gases) for gases in ("CO2", "CO2e"))


def _factor(factor: Factor) -> Document:
    """The row over which its hash goes, and the hash."""
    return {"sha256": factor.sha256, "row": factor.row()}


def _calorific(spec: CounterSpec) -> Document | None:
    value = spec.calorific
    return None if value is None else {"megajoules": text(value.megajoules), "quantity": value.quantity, "basis": value.basis}
