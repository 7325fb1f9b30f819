"""What Prometheus scrapes: the numbers of `health()`, and at a gateway the present values of its meters, in the text format.

Values are written with all their decimals, straight from integers; a library would make floats of them.
The number of series is bounded by what the site declares, and by SERIES_MAX whatever it declares.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from gateway.status import GatewayStatus, MeterStatus
from protocols.quantity import QUANTITIES
from protocols.reading import outside_values

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "shiftwatt_"
SERIES_MAX = 10_000  # two hundred meters with fifty quantities; a scrape of them has a megabyte
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9_]")
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Sample(NamedTuple):
    """One number of the metric `name`; samples of one metric follow one another."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: str
    kind: str = "gauge"


def text(health: Mapping[str, Any], samples: Iterable[Sample] = ()) -> str:
    numbers = {key: value for key, value in health.items() if isinstance(value, int | float)}
    lines = [_gauge(key, value) for key, value in {"up": 1, **numbers}.items()]
    before = ""
    for _, sample in zip(range(SERIES_MAX), samples, strict=False):
        if sample.name != before:
            lines.append(f"# TYPE {PREFIX}{sample.name} {sample.kind}\n")
            before = sample.name
        lines.append(f"{PREFIX}{sample.name}{_labels(sample.labels)} {sample.value}\n")
    return "".join(lines)


def _gauge(key: str, value: float) -> str:
    name = PREFIX + _NOT_IN_A_NAME.sub("_", key.lower())
    return f"# TYPE {name} gauge\n{name} {int(value) if isinstance(value, bool) else value}\n"


def _labels(labels: Iterable[tuple[str, str]]) -> str:
    pairs = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels)
    return f"{{{pairs}}}" if pairs else ""


def samples_of(status: GatewayStatus) -> Iterator[Sample]:
    """A meter that does not answer now has no values here, rather than old ones that look new."""
    answering = [meter for meter in status.meters if meter.state in ("ok", "slow", "flaky")]
    for meter in answering:
        yield from (_value(meter, quantity, value) for quantity, value in outside_values(meter.values).items())
    for meter in status.meters:
        yield Sample("meter_ok", _of(meter), str(int(meter in answering)))
    for metric, count in _COUNTS:
        yield from (Sample(metric, _of(meter), str(getattr(meter.counters, count)), "counter") for meter in status.meters)
    outbox = status.outbox
    for name, number in (
        ("outbox_waiting_records", outbox.records),
        ("outbox_waiting_batches", outbox.batches),
        ("outbox_refused_batches", outbox.batches_refused),
        ("hub_reachable", int(outbox.hub == "reachable")),
        ("store_free_bytes", status.store.free_bytes),
    ):
        yield Sample(name, (), str(number))
    for each in status.forwards:
        yield Sample("forward_behind_records", (("to", each.name),), str(each.behind))
    for each in status.forwards:
        yield Sample("forward_reachable", (("to", each.name),), str(int(each.state == "reachable")))


_COUNTS = (("polls_total", "requests"), ("answers_total", "answers"), ("timeouts_total", "timeouts"))


def _of(meter: MeterStatus) -> tuple[tuple[str, str], ...]:
    return (("meter", meter.name),)


def _value(meter: MeterStatus, quantity: str, value: str) -> Sample:
    return Sample("value", (*_of(meter), ("quantity", quantity), ("unit", QUANTITIES[quantity].unit)), value)
