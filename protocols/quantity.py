"""The canonical quantities: what a reading may hold, and in which unit it leaves the house.

Only the table lives here. Inside, every value is an integer in thousandths of the inner unit
(mWh, mW, mV ...); `decimals` says how many decimals turn that integer into the outer unit.
Runs on MicroPython.
"""

from collections import namedtuple

# A counter only grows and is booked as energy or amount; a level is looked at; a fact hardly changes.
COUNTER = "counter"
LEVEL = "level"


class Quantity(namedtuple("Quantity", ("name", "unit", "decimals", "kind"))):
    """One row of the table; `unit` is the outer one (kWh for an inner mWh with six decimals)."""

    name: str
    unit: str
    decimals: int
    kind: str


_PHASES = ("", "_l1", "_l2", "_l3")
_LINES = ("_l1_n", "_l2_n", "_l3_n", "_l1_l2", "_l2_l3", "_l3_l1")
_SINGLE = ("",)

_FAMILIES = (
    # stem, suffixes, outer unit, decimals, kind
    ("active_energy_import", _PHASES, "kWh", 6, COUNTER),
    ("active_energy_export", _PHASES, "kWh", 6, COUNTER),
    ("reactive_energy_import", _PHASES, "kvarh", 6, COUNTER),
    ("reactive_energy_export", _PHASES, "kvarh", 6, COUNTER),
    ("apparent_energy", _PHASES, "kVAh", 6, COUNTER),
    ("volume", _SINGLE, "m³", 3, COUNTER),
    ("heat", _SINGLE, "GJ", 6, COUNTER),
    ("mass", _SINGLE, "kg", 3, COUNTER),
    ("pieces", _SINGLE, "pieces", 3, COUNTER),
    ("running_time", _SINGLE, "h", 3, COUNTER),
    ("active_power", _PHASES, "kW", 6, LEVEL),
    ("reactive_power", _PHASES, "kvar", 6, LEVEL),
    ("apparent_power", _PHASES, "kVA", 6, LEVEL),
    ("power_factor", _PHASES, "", 3, LEVEL),
    ("voltage", _LINES, "V", 3, LEVEL),
    ("current", ("_l1", "_l2", "_l3", "_n"), "A", 3, LEVEL),
    ("phase_angle", ("_l1", "_l2", "_l3"), "degrees", 3, LEVEL),
    ("frequency", _SINGLE, "Hz", 3, LEVEL),
    ("thd_voltage", ("_l1", "_l2", "_l3"), "%", 3, LEVEL),
    ("thd_current", ("_l1", "_l2", "_l3"), "%", 3, LEVEL),
    ("temperature", _SINGLE, "°C", 3, LEVEL),
    ("demand_active_power", _SINGLE, "kW", 6, LEVEL),
)

QUANTITIES = {
    stem + suffix: Quantity(stem + suffix, unit, decimals, kind)
    for stem, suffixes, unit, decimals, kind in _FAMILIES
    for suffix in suffixes
}
