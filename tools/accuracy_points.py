"""The points at which the sampled path is proven, and their limits of error. Rows only; running them is `accuracy_bench`'s matter.

Limits: IEC 62053-21:2020 (class 1) and IEC 62053-22:2020 (class 0,5 S), the tables "acceptable percentage error limits" and
"acceptable limits of variation in percentage error due to influence quantities". Not compared with the text of 2020: of class 1 the
influence quantities and single loads were compared with a published excerpt of the edition before, the rest with none.
Class 1 is taken as a directly connected meter (basic current 5 A, maximum 60 A),
class 0,5 S as one behind a current transformer (nominal 5 A, maximum 10 A).
"""

from dataclasses import dataclass
from typing import Any

NOMINAL_V = 230
NOMINAL_HZ = 50.03  # within the 0.3 % of the reference conditions, and no divisor of the sampling rate


@dataclass(frozen=True)
class MeterClass:
    name: str
    standard: str
    current_name: str
    current_a: float
    current_max_a: float
    creep_ma: int  # half the starting current


CLASS_1 = MeterClass("1", "IEC 62053-21:2020", "Ib", 5, 60, 10)
CLASS_05S = MeterClass("0.5S", "IEC 62053-22:2020", "In", 5, 10, 2)


@dataclass(frozen=True)
class Signal:
    """What is put on the meter: `current` in Ib or In; `lag` of the current in degrees; harmonics as a share of the fundamental."""

    current: float
    lag: float = 0
    voltage: float = 1
    frequency: float = 1
    fifth_voltage: float = 0
    fifth_current: float = 0
    reversed_sequence: bool = False
    loaded_phase: int | None = None
    half_wave: bool = False
    dc_share: float = 0  # of full scale, on every channel
    noise_counts: float = 1  # RMS, of 16 bits
    bits: int = 16


@dataclass(frozen=True)
class Point:
    meter_class: MeterClass
    group: str
    signal: Signal
    limit_percent: float
    reference: Signal | None = None  # set: the limit is for the variation of the error from this one
    i2s_only: bool = False  # it changes the I2S converter, so it says nothing of the on-chip one


# Power factor -> by how much the current lags.
LAGS = {"1": 0.0, "0.5 ind": 60.0, "0.8 cap": -36.86989764584402, "0.25 ind": 75.52248781407008, "0.5 cap": -60.0}
POWER_FACTORS = {lag: name for name, lag in LAGS.items()}

BALANCED = "current and power factor, balanced load"
SINGLE = "one phase loaded"
BEYOND = "beyond the standards: "

# class, power factors, currents in Ib or In, limit in %
_LOADS: tuple[tuple[MeterClass, tuple[str, ...], tuple[float, ...], float], ...] = (
    (CLASS_1, ("1",), (0.05,), 1.5),
    (CLASS_1, ("1",), (0.1, 1, 6, 12), 1.0),
    (CLASS_1, ("0.5 ind", "0.8 cap"), (0.1,), 1.5),
    (CLASS_1, ("0.5 ind", "0.8 cap"), (0.2, 1, 6, 12), 1.0),
    (CLASS_1, ("0.25 ind",), (0.2, 1), 3.5),
    (CLASS_1, ("0.5 cap",), (0.2, 1), 2.5),
    (CLASS_05S, ("1",), (0.01,), 1.0),
    (CLASS_05S, ("1",), (0.05, 0.2, 1, 2), 0.5),
    (CLASS_05S, ("0.5 ind", "0.8 cap"), (0.02,), 1.0),
    (CLASS_05S, ("0.5 ind", "0.8 cap"), (0.1, 1, 2), 0.6),
    (CLASS_05S, ("0.25 ind", "0.5 cap"), (0.1, 2), 1.0),
)
_SINGLE_LOADS: tuple[tuple[MeterClass, str, tuple[float, ...], float], ...] = (
    (CLASS_1, "1", (0.1, 1, 12), 2.0),
    (CLASS_1, "0.5 ind", (0.2, 1, 12), 2.0),
    (CLASS_05S, "1", (0.05, 1, 2), 0.6),
    (CLASS_05S, "0.5 ind", (0.1, 1, 2), 1.0),
)
# Voltage and frequency: at both ends of the range of current that the table names, and in its middle.
# class, power factor, currents, limit of the variation with the voltage, and with the frequency, in %
_SUPPLY: tuple[tuple[MeterClass, str, tuple[float, ...], float, float], ...] = (
    (CLASS_1, "1", (0.05, 1, 12), 0.7, 0.5),
    (CLASS_1, "0.5 ind", (0.1, 1, 12), 1.0, 0.7),
    (CLASS_05S, "1", (0.05, 1, 2), 0.2, 0.2),
    (CLASS_05S, "0.5 ind", (0.1, 1, 2), 0.4, 0.2),
)
# class, what, power factor, current, what is changed, limit of the variation in %
_INFLUENCES: tuple[tuple[MeterClass, str, str, float, dict[str, Any], float], ...] = (
    *[
        (meter_class, f"{what} {sign}{share} %", factor, current, {what: 1 + change}, limit)
        for meter_class, factor, currents, *limits in _SUPPLY
        for what, share, limit in (("voltage", 10, limits[0]), ("frequency", 2, limits[1]))
        for current in currents
        for sign, change in (("-", -share / 100), ("+", share / 100))
    ],
    (CLASS_1, "reversed phase sequence", "1", 0.1, {"reversed_sequence": True}, 1.5),
    (CLASS_1, "5th harmonic, 10 % in voltage, 40 % in current", "1", 6, {"fifth_voltage": 0.1, "fifth_current": 0.4}, 0.8),
    (CLASS_1, "direct component and even harmonics (half wave)", "1", 12, {"half_wave": True}, 3.0),
    (CLASS_05S, "reversed phase sequence", "1", 0.1, {"reversed_sequence": True}, 0.1),
    (CLASS_05S, "5th harmonic, 10 % in voltage, 40 % in current", "1", 1, {"fifth_voltage": 0.1, "fifth_current": 0.4}, 0.5),
)
_OWN: tuple[tuple[MeterClass, str, dict[str, Any], float], ...] = tuple(
    (meter_class, what, change, limit)
    for meter_class, limit in ((CLASS_1, 1.0), (CLASS_05S, 0.5))
    for what, change in (
        ("converter offset 2 % of full scale", {"dc_share": 0.02}),
        ("noise 8 counts RMS", {"noise_counts": 8}),
        ("quantisation to 12 bits", {"bits": 12}),
    )
)


def _signal(current: float, power_factor: str, change: dict[str, Any] | None = None) -> Signal:
    return Signal(current, LAGS[power_factor], **(change or {}))


def points() -> tuple[Point, ...]:
    balanced = [
        Point(meter_class, BALANCED, _signal(current, factor), limit)
        for meter_class, factors, currents, limit in _LOADS
        for factor in factors
        for current in currents
    ]
    single = [
        Point(meter_class, SINGLE, _signal(current, factor, {"loaded_phase": 0}), limit)
        for meter_class, factor, currents, limit in _SINGLE_LOADS
        for current in currents
    ]
    influences = [
        Point(meter_class, what, _signal(current, factor, change), limit, _signal(current, factor))
        for meter_class, what, factor, current, change, limit in _INFLUENCES
    ]
    own = [Point(meter_class, BEYOND + what, _signal(0.1, "1", change), limit, i2s_only=True) for meter_class, what, change, limit in _OWN]
    return tuple(sorted(balanced + single + influences + own, key=lambda point: point.meter_class is CLASS_05S))
