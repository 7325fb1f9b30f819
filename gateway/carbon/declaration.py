"""What numbers alone cannot know: a swapped meter, a reset, a new transformer ratio, the pieces made.

Values only. `time_ms` is the first instant of the new state: a reading taken exactly then is of the new meter.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Swap:
    """The old counter ended at `old_final`, the new one began at `new_start` (inner thousandths)."""

    meter: str
    quantity: str
    time_ms: int
    old_final: int
    new_start: int
    id: str = ""


@dataclass(frozen=True)
class Reset:
    meter: str
    quantity: str
    time_ms: int
    id: str = ""


@dataclass(frozen=True)
class Ratio:
    """From `time_ms` on the transformers have these ratios; it concerns every counter of the meter."""

    meter: str
    time_ms: int
    ct: str
    vt: str = ""
    id: str = ""


@dataclass(frozen=True)
class Production:
    """Good units of a product, in thousandths, counted where `time_ms` lies."""

    product: str
    time_ms: int
    units: int
    id: str = ""


Break = Swap | Reset | Ratio
Declaration = Swap | Reset | Ratio | Production


def breaks_of(meter: str, quantity: str, declarations: Iterable[Declaration]) -> list[Break]:
    """The declared ends of one counter's segments in order of time; the same declaration twice counts once."""
    found = {
        each
        for each in declarations
        if not isinstance(each, Production) and each.meter == meter and (isinstance(each, Ratio) or each.quantity == quantity)
    }
    return sorted(found, key=lambda each: (each.time_ms, type(each).__name__, repr(each)))
