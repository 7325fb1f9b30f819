"""C8 (i): what lies between two readings when a person declared a swap, a reset or a new ratio between them.

Integers and sentences only; which two readings they are is decided in `epoch`.
"""

from collections.abc import Callable, Sequence

from gateway.carbon.declaration import Break, Ratio, Swap
from gateway.carbon.history import CounterEvent
from protocols.amount import outside
from protocols.quantity import QUANTITIES


def written(quantity: str, value: int) -> str:
    return f"{outside(quantity, value)} {QUANTITIES[quantity].unit}"


# From one level to another, over the modulus if that is plausible; None: it cannot have gone there.
Climb = Callable[[int, int], int | None]


def bridged(last: int, value: int, breaks: Sequence[Break], climb: Climb) -> int | None:
    """(old final - last read) + ... + (new read - new start); None if a break is no swap or a part cannot be."""
    parts, level = [], last
    for each in breaks:
        if not isinstance(each, Swap):
            return None
        parts.append(climb(level, each.old_final))
        level = each.new_start
    parts.append(climb(level, value))
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def break_events(quantity: str, breaks: Sequence[Break], step: int, advance: int | None) -> list[CounterEvent]:
    """One event for each break; their adjustments sum to the raw `step` less what was booked (C7)."""
    left = step - (advance or 0)
    events = []
    for number, each in enumerate(breaks):
        bridge = each.new_start - each.old_final if advance is not None and isinstance(each, Swap) else 0
        adjustment = left if number == len(breaks) - 1 else bridge
        left -= adjustment
        events.append(CounterEvent(kind_of(each), each.time_ms, adjustment, _told(quantity, each, known=advance is not None)))
    return events


def waiting_event(each: Break) -> CounterEvent:
    return CounterEvent(kind_of(each), each.time_ms, 0, "declared, but no reading after it fits yet")


def kind_of(each: Break) -> str:
    return type(each).__name__.lower()


def _told(quantity: str, each: Break, *, known: bool) -> str:
    if isinstance(each, Swap):
        across = "bridged" if known else "the declared values do not fit the readings, the energy across it is not known"
        old, new = written(quantity, each.old_final), written(quantity, each.new_start)
        return f"declared swap: old meter ended at {old}, new began at {new}; {across}"
    if isinstance(each, Ratio):
        return f"declared ratio CT {each.ct}{f' VT {each.vt}' if each.vt else ''}: a new segment, the energy across it is not known"
    return "declared reset: the energy across it is not known"
