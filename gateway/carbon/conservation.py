"""C7: nothing lost and nothing counted twice, recomputed from the raw readings and the published documents alone.

It uses no verdict of the engine: only raw values, amounts and the adjustments that events declare.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.carbon.bridge import kind_of
from gateway.carbon.declaration import Declaration, breaks_of
from gateway.carbon.inputs import CounterKey, CounterReading, CounterSpec
from gateway.carbon.series import series_of
from protocols.amount import inside, outside
from protocols.quantity import QUANTITIES

Documents = Iterable[Mapping[str, Any]]


def conservation(
    specs: Sequence[CounterSpec],
    readings: Mapping[CounterKey, Sequence[CounterReading]],
    declarations: Sequence[Declaration],
    documents: Documents,
) -> list[str]:
    """Empty if raw last - raw first = amounts + adjustments for every counter, and every declared change is in an event."""
    sentences: list[str] = []
    amounts, adjustments, kinds = _sums(documents)
    for spec in specs:
        series = series_of(readings.get(spec.key, ()))
        if not series.times:
            continue
        raw = series.values[-1] - series.values[0]
        told = amounts.get(spec.key, 0) + adjustments.get(spec.key, 0)
        name = f"{spec.meter} {spec.quantity}"
        if raw != told:
            sentences.append(
                f"{name}: the readings moved by {outside(spec.quantity, raw)}, figures and adjustments say {outside(spec.quantity, told)}"
            )
        for each in breaks_of(spec.meter, spec.quantity, declarations):
            kind = kind_of(each)
            if series.times[0] < each.time_ms <= series.times[-1] and kind not in kinds.get(spec.key, ()):
                sentences.append(f"{name}: a declared {kind} is in no figure")
    return sentences


def _sums(documents: Documents) -> tuple[dict[CounterKey, int], dict[CounterKey, int], dict[CounterKey, set[str]]]:
    amounts: dict[CounterKey, int] = {}
    adjustments: dict[CounterKey, int] = {}
    kinds: dict[CounterKey, set[str]] = {}
    for document in documents:
        for entry in document["meters"]:
            key = (entry["meter"], entry["quantity"])
            if entry["amount"] is not None:
                amounts[key] = amounts.get(key, 0) + _inner(entry["quantity"], entry["amount"])
            for event in entry["events"]:
                adjustments[key] = adjustments.get(key, 0) + _inner(entry["quantity"], event["adjustment"])
                kinds.setdefault(key, set()).add(event["kind"])
    return amounts, adjustments, kinds


def _inner(quantity: str, value: str) -> int:
    return inside(quantity, value, QUANTITIES[quantity].unit)
