"""What people do to meters of the factory: a current transformer turned round, a meter exchanged. Pure, on measured values."""

from collections.abc import Collection, Mapping
from math import isqrt

_SIGNED = ("active_power", "reactive_power", "power_factor")
_HALF_TURN_MDEG = 180_000
_PHASES = ("l1", "l2", "l3")


def turned(values: dict[str, int], phases: Collection[str]) -> dict[str, int]:
    """With these phases' transformers mounted backwards; the counters go on as they did before the mistake."""
    if not phases:
        return values
    changed = dict(values)
    for phase in phases:
        for quantity in _SIGNED:
            changed[f"{quantity}_{phase}"] = -values[f"{quantity}_{phase}"]
        angle = values[f"phase_angle_{phase}"]
        changed[f"phase_angle_{phase}"] = angle - _HALF_TURN_MDEG if angle > 0 else angle + _HALF_TURN_MDEG
    active, reactive = (sum(changed[f"{quantity}_{phase}"] for phase in _PHASES) for quantity in ("active_power", "reactive_power"))
    apparent = isqrt(active**2 + reactive**2)
    total = {"active_power": active, "reactive_power": reactive, "apparent_power": apparent}
    return changed | total | {"power_factor": active * 1_000 // apparent if apparent else 1_000}


def counters_of(values: Mapping[str, int]) -> dict[str, int]:
    return {quantity: value for quantity, value in values.items() if "_energy_" in quantity}


def begun(values: dict[str, int], at_exchange: Mapping[str, int]) -> dict[str, int]:
    """Counters since then; all else as it is."""
    return values | {quantity: values[quantity] - value for quantity, value in at_exchange.items()}
