"""The counter values in the body of a batch, as integers. Pure: no store."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from protocols.amount import LARGEST
from protocols.quantity import COUNTER, QUANTITIES
from protocols.reading import milliseconds_of


class CounterRead(NamedTuple):
    """`value` in inner thousandths; without `time_ms` the clock record of its boot dates it."""

    sequence: int
    meter: str
    quantity: str
    boot: int
    monotonic_ms: int
    time_ms: int | None
    value: int


def counter_reads(body: Mapping[str, Any]) -> tuple[CounterRead, ...]:
    """In the order in which they were recorded. Quantities of a later gateway, and values that no counter has, are left out."""
    return tuple(sorted(_reads(body), key=lambda read: read.sequence))


def _reads(body: Mapping[str, Any]) -> Iterator[CounterRead]:
    for group in body["readings"]:
        for quantity, texts in group["values"].items():
            known = QUANTITIES.get(quantity)
            if known is None or known.kind != COUNTER:
                continue
            for place, text in enumerate(texts):
                value = None if text is None else int(Decimal(text).scaleb(known.decimals))
                if value is not None and abs(value) <= LARGEST:
                    yield _read(group, place, quantity, value)


def _read(group: Mapping[str, Any], place: int, quantity: str, value: int) -> CounterRead:
    time = group["time"][place]
    time_ms = None if time is None else milliseconds_of(time)
    return CounterRead(
        group["sequence"][place], group["meter"], quantity, group["boot"][place], group["monotonic_ms"][place], time_ms, value
    )
