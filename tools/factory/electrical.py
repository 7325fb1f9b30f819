"""What a meter measures at a point of the network: voltages, currents, powers and counters that agree with one another.

A pure function of time over a `Balance`; integers in thousandths. P = U x I x PF holds on every phase, counters
are the exact integral of the power and start from `counter_start_mwh`.
"""

import math
from math import isqrt

from tools.factory.loads import FULL, SLOT_MS, TOTAL, Balance, dice

_PHASES = (1, 2, 3)
_CHANNELS = (TOTAL, *_PHASES)
_MICRO_PER_MILLI = 1_000
_NJ_PER_MWH = 3_600_000_000  # 1 mWh = 3.6 J
_NOMINAL_MV = 230_000
_NOMINAL_MHZ = 50_000
# The supply drifts by a volt and a half and sags by a volt for every 50 kW on the phase.
_DRIFT_MV = 1_500
_SAG_UW_PER_MV = 50_000_000
_DRIFT_MS = 10_000
_DRIFT_MHZ = 30


class Supply:
    """The grid's voltage without load and its frequency, the same for every meter of the site."""

    def __init__(self, seed: int) -> None:
        self._drifts = [dice(seed, f"supply {channel}") for channel in range(4)]

    def voltage_mv(self, phase: int, time_ms: int) -> int:
        return _NOMINAL_MV + self._drift(phase, time_ms, _DRIFT_MV)

    def frequency_mhz(self, time_ms: int) -> int:
        return _NOMINAL_MHZ + self._drift(0, time_ms, _DRIFT_MHZ)

    def _drift(self, channel: int, time_ms: int, most: int) -> int:
        """Straight lines between random points ten seconds apart."""
        number, rest_ms = divmod(time_ms, _DRIFT_MS)
        throw = self._drifts[channel]
        begins, ends = throw(number), throw(number + 1)
        return most * (2 * (begins * (_DRIFT_MS - rest_ms) + ends * rest_ms) - FULL * _DRIFT_MS) // (FULL * _DRIFT_MS)


class MeasuringPoint:
    def __init__(self, supply: Supply, balance: Balance, *, upstream: Balance | None = None, counter_start_mwh: int = 0) -> None:
        """`upstream` is what sags the voltage, the whole site's load as a rule."""
        self._supply = supply
        self._balance = balance
        self._upstream = upstream or balance
        self._counter_start_mwh = counter_start_mwh

    def measure(self, time_ms: int) -> dict[str, int]:
        return self._levels(time_ms) | self.counters(time_ms)

    def counters(self, time_ms: int) -> dict[str, int]:
        return self._counters(time_ms, _CHANNELS)

    def totals(self, time_ms: int) -> dict[str, int]:
        """The counters and the power without phases: much less work, for history."""
        return self._counters(time_ms, (TOTAL,)) | {"active_power": _milli(self._balance.power_uw(TOTAL, time_ms))}

    def _counters(self, time_ms: int, channels: tuple[int, ...]) -> dict[str, int]:
        values: dict[str, int] = {}
        for channel in channels:
            suffix = f"_l{channel}" if channel else ""
            part = 1 if channel == TOTAL else 3
            start = self._counter_start_mwh // part
            gone_in, gone_out = self._balance.energy_nj(channel, time_ms)
            reactive = self._balance.reactive_energy_nvars(channel, time_ms)
            values["active_energy_import" + suffix] = start + gone_in // _NJ_PER_MWH
            values["active_energy_export" + suffix] = gone_out // _NJ_PER_MWH
            values["reactive_energy_import" + suffix] = start // 4 + reactive // _NJ_PER_MWH
            values["reactive_energy_export" + suffix] = 0
        return values

    def _levels(self, time_ms: int) -> dict[str, int]:
        values: dict[str, int] = {"frequency": self._supply.frequency_mhz(time_ms)}
        for channel in _CHANNELS:
            suffix = f"_l{channel}" if channel else ""
            active = _milli(self._balance.power_uw(channel, time_ms))
            reactive = _milli(self._balance.reactive_uvar(channel, time_ms))
            apparent = isqrt(active**2 + reactive**2)
            values["active_power" + suffix] = active
            values["reactive_power" + suffix] = reactive
            values["apparent_power" + suffix] = apparent
            values["power_factor" + suffix] = _quotient(active * FULL, apparent) if apparent else FULL
            if channel != TOTAL:
                values |= self._phase(channel, time_ms, active, reactive, apparent)
        values |= _between_phases([values[f"voltage_l{phase}_n"] for phase in _PHASES], [values[f"current_l{phase}"] for phase in _PHASES])
        values["demand_active_power"] = self._demand_mw(time_ms)
        return values

    def _phase(self, phase: int, time_ms: int, active: int, reactive: int, apparent: int) -> dict[str, int]:
        voltage = self._supply.voltage_mv(phase, time_ms) - self._upstream.power_uw(phase, time_ms) // _SAG_UW_PER_MV
        distortion = 1_800 + self._supply.voltage_mv(phase, time_ms) % 400
        return {
            f"voltage_l{phase}_n": voltage,
            f"current_l{phase}": _quotient(apparent * 1_000, voltage),
            f"phase_angle_l{phase}": round(math.degrees(math.atan2(reactive, active)) * 1_000),
            f"thd_voltage_l{phase}": distortion,
            f"thd_current_l{phase}": 4 * distortion,
        }

    def _demand_mw(self, time_ms: int) -> int:
        """The mean power of the last whole quarter of an hour, 0 before there was one."""
        ends_ms = time_ms // SLOT_MS * SLOT_MS
        begins_ms = ends_ms - SLOT_MS
        if begins_ms < self._balance.first_slot * SLOT_MS:
            return 0
        taken = self._balance.energy_nj(TOTAL, ends_ms)[0] - self._balance.energy_nj(TOTAL, begins_ms)[0]
        return taken // SLOT_MS // _MICRO_PER_MILLI


def _milli(micro: int) -> int:
    return _quotient(micro, _MICRO_PER_MILLI)


def _quotient(numerator: int, denominator: int) -> int:
    """Rounded half-even, so that a sign makes no difference."""
    quotient, rest = divmod(numerator, denominator)
    return quotient + (2 * rest > denominator or (2 * rest == denominator and quotient & 1))


def _between_phases(voltages: list[int], currents: list[int]) -> dict[str, int]:
    """Phases stand 120 degrees apart, so that |a - b|^2 = a^2 + b^2 + ab, and the neutral carries the unbalance."""
    first, second, third = voltages
    pairs = {"voltage_l1_l2": (first, second), "voltage_l2_l3": (second, third), "voltage_l3_l1": (third, first)}
    values = {name: isqrt(one**2 + other**2 + one * other) for name, (one, other) in pairs.items()}
    one, two, three = currents
    values["current_n"] = isqrt(max(0, one**2 + two**2 + three**2 - one * two - two * three - three * one))
    return values
