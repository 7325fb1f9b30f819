"""What a meter shows of each phase at one instant: voltage, current, and the angle by which the current lags."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import acos, atan2, degrees

PHASES = ("l1", "l2", "l3")
# Below this a current transformer shows noise: 2 % of the largest phase, and 50 mA on the wire.
LOADED_SHARE = 0.02
LOADED_MA = 50


@dataclass(frozen=True)
class Phasor:
    """`angle` in degrees, -180 to 180, positive where the current lags; `signed` is False where the meter does not say lead or lag."""

    voltage_mv: int | None
    current_ma: int | None
    active_power_mw: int | None
    angle: float | None
    signed: bool = True


def phasors(values: Mapping[str, int]) -> tuple[Phasor, ...]:
    """One for each phase that the meter measures; thousandths as in a reading."""
    return tuple(_phasor(values, phase) for phase in PHASES if f"current_{phase}" in values or f"voltage_{phase}_n" in values)


def loaded(found: tuple[Phasor, ...]) -> tuple[bool, ...]:
    """Which phases carry enough to be judged."""
    largest = max((each.current_ma or 0 for each in found), default=0)
    return tuple(each.angle is not None and (each.current_ma or 0) >= max(LOADED_MA, LOADED_SHARE * largest) for each in found)


def _phasor(values: Mapping[str, int], phase: str) -> Phasor:
    voltage, current = values.get(f"voltage_{phase}_n"), values.get(f"current_{phase}")
    active, reactive = values.get(f"active_power_{phase}"), values.get(f"reactive_power_{phase}")
    current = None if current is None else abs(current)
    if active is not None and reactive is not None and (active or reactive):
        return Phasor(voltage, current, active, degrees(atan2(reactive, active)))
    if active is not None and voltage and current:
        cosine = max(-1.0, min(1.0, active * 1_000 / (voltage * current)))
        return Phasor(voltage, current, active, degrees(acos(cosine)), signed=False)
    return Phasor(voltage, current, active, None)
