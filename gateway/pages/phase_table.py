"""What a meter says of each phase, and its counters, as tables. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from gateway.pages.viewer import UNKNOWN, Viewer
from protocols.quantity import COUNTER, QUANTITIES

_PHASES = ("l1", "l2", "l3")
_LINES = ("l1_l2", "l2_l3", "l3_l1")
# (word, places, quantity of a place, quantity of the whole, decimals that a person reads)
_ROWS = (
    ("voltage", _PHASES, "voltage_{}_n", "", 1),
    ("voltage_line", _LINES, "voltage_{}", "", 1),
    ("current", _PHASES, "current_{}", "", 2),
    ("current_neutral", (), "", "current_n", 2),
    ("active_power", _PHASES, "active_power_{}", "active_power", 3),
    ("reactive_power", _PHASES, "reactive_power_{}", "reactive_power", 3),
    ("apparent_power", _PHASES, "apparent_power_{}", "apparent_power", 3),
    ("power_factor", _PHASES, "power_factor_{}", "power_factor", 3),
    ("thd_voltage", _PHASES, "thd_voltage_{}", "", 1),
    ("thd_current", _PHASES, "thd_current_{}", "", 1),
    ("frequency", (), "", "frequency", 2),
    ("temperature", (), "", "temperature", 1),
)


@dataclass(frozen=True)
class PhaseRow:
    """`cells` are L1, L2, L3 and the whole, "" where the meter says none."""

    name: str
    unit: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class CounterRow:
    name: str
    amount: str
    unit: str


def phase_rows(values: Mapping[str, int], viewer: Viewer) -> tuple[PhaseRow, ...]:
    rows = []
    for word, places, pattern, whole, decimals in _ROWS:
        names = [*(pattern.format(place) for place in places), *("" for _ in range(3 - len(places))), whole]
        known = [name for name in names if name in values]
        if known:
            cells = tuple(outside(values[name], name, decimals, viewer) if name in values else "" for name in names)
            rows.append(PhaseRow(viewer.word("measured", word), QUANTITIES[known[0]].unit, cells))
    return tuple(rows)


def counter_rows(values: Mapping[str, int], viewer: Viewer) -> tuple[CounterRow, ...]:
    """Counters of the whole meter as its display has them; those of single phases are in the export."""
    counted = [name for name in values if QUANTITIES[name].kind == COUNTER and not name.endswith(_PHASES)]
    return tuple(
        CounterRow(viewer.word("measured", name), outside(values[name], name, 3, viewer), viewer.word("unit", QUANTITIES[name].unit))
        for name in counted
    )


def outside(value: int | None, quantity: str, decimals: int, viewer: Viewer) -> str:
    return UNKNOWN if value is None else viewer.number(Decimal(value).scaleb(-QUANTITIES[quantity].decimals), decimals)
