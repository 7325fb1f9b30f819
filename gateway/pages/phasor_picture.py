"""Voltages and currents of one meter as arrows: length is the share of the largest, angle is where they point. Pure geometry.

The supply is drawn turning L1, L2, L3, as it should: voltages stand 120 degrees apart by convention, and each
current lags its own voltage by the measured angle. A current whose lead or lag the meter does not say is drawn dashed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import acos, atan2, cos, degrees, radians, sin

from gateway.pages.phase_table import outside
from gateway.pages.viewer import Viewer

PHASES = ("l1", "l2", "l3")
RADIUS = 100
_VOLTAGE_LENGTH, _CURRENT_LENGTH = 96.0, 70.0
_LABEL_AT = 1.14
# Shorter arrows hide their own head.
_LENGTH_MIN = 4.0


@dataclass(frozen=True)
class Arrow:
    phase: str
    kind: str  # voltage or current
    x: float
    y: float
    label_x: float
    label_y: float
    title: str
    is_sure: bool = True


@dataclass(frozen=True)
class PhasorPicture:
    arrows: tuple[Arrow, ...]
    summary: str


def phasor_picture(values: Mapping[str, int], viewer: Viewer) -> PhasorPicture | None:
    """None for a meter that says no voltage of a phase."""
    present = [phase for phase in PHASES if values.get(f"voltage_{phase}_n")]
    if not present:
        return None
    volts = max(values[f"voltage_{phase}_n"] for phase in present)
    amperes = max((abs(values.get(f"current_{phase}", 0)) for phase in present), default=0)
    arrows = []
    for phase in present:
        turn = -120.0 * PHASES.index(phase)
        voltage = values[f"voltage_{phase}_n"]
        arrows.append(_arrow(phase, "voltage", turn, _VOLTAGE_LENGTH * voltage / volts, _volts(phase, voltage, viewer)))
        current, angle = abs(values.get(f"current_{phase}", 0)), angle_of(values, phase)
        if current and angle is not None:
            title = viewer.say(
                "phasor.current",
                phase=phase.upper(),
                current=outside(current, f"current_{phase}", 2, viewer),
                angle=viewer.number(round(angle[0])),
            )
            arrows.append(_arrow(phase, "current", turn - angle[0], _CURRENT_LENGTH * current / amperes, title, is_sure=angle[1]))
    return PhasorPicture(tuple(arrows), viewer.say("number.list_joint").join(arrow.title for arrow in arrows))


def angle_of(values: Mapping[str, int], phase: str) -> tuple[float, bool] | None:
    """Degrees by which the current lags, and whether the meter says lead or lag."""
    active, reactive = values.get(f"active_power_{phase}"), values.get(f"reactive_power_{phase}")
    if active is None:
        return None
    if reactive is not None:
        return (degrees(atan2(reactive, active)), True) if active or reactive else None
    apparent = values.get(f"voltage_{phase}_n", 0) * abs(values.get(f"current_{phase}", 0))
    return (degrees(acos(max(-1.0, min(1.0, active * 1000 / apparent)))), False) if apparent else None


def _arrow(phase: str, kind: str, turn: float, length: float, title: str, *, is_sure: bool = True) -> Arrow:
    long, angle = max(length, _LENGTH_MIN), radians(turn)
    x, y = long * sin(-angle), -long * cos(angle)  # up is 0; a positive turn goes against the clock
    reach = (_LABEL_AT * long + (3 if kind == "current" else 0)) / long
    return Arrow(phase, kind, round(x, 1), round(y, 1), round(x * reach, 1), round(y * reach, 1), title, is_sure)


def _volts(phase: str, millivolts: int, viewer: Viewer) -> str:
    return viewer.say("phasor.voltage", phase=phase.upper(), voltage=outside(millivolts, f"voltage_{phase}_n", 1, viewer))
