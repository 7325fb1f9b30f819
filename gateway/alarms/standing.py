"""Energy that a meter's power says and its counter does not: a counter that stands still under load shows by it."""

from collections.abc import Mapping

from gateway.status import MeterStatus

_MS_PER_HOUR = 3_600_000
# Between two values further apart nobody knows the power; the sum begins anew.
GAP_MS_MAX = 120_000
# A counter is read at interval ends: only one that was read again, and had not moved, stands still.
INTERVALS_MIN = 2


class StandingCounters:
    def __init__(self, energy_interval_ms: int) -> None:
        self._still_ms_min = INTERVALS_MIN * energy_interval_ms
        self._moved: dict[str, int] = {}  # meter -> when its counter showed another value last
        self._seen: dict[str, tuple[int, int, int]] = {}  # meter -> (counter, when its value was seen, power since)
        self._unbooked: dict[str, int] = {}

    def look(self, meter: MeterStatus, counted: tuple[str, ...]) -> int | None:
        """mWh since the counter moved last; None where it cannot be told. Export is booked by another counter and left alone."""
        counter = next((meter.values[name] for name in counted if name in meter.values), None)
        power = meter.values.get("active_power")
        if counter is None or power is None or meter.time_ms is None:
            return None
        before, self._seen[meter.name] = self._seen.get(meter.name), (counter, meter.time_ms, abs(power))
        if before is None or before[0] != counter or not 0 <= meter.time_ms - before[1] <= GAP_MS_MAX or (power < 0 and len(counted) > 1):
            self._unbooked[meter.name] = 0
            self._moved[meter.name] = meter.time_ms
        else:
            self._unbooked[meter.name] += before[2] * (meter.time_ms - before[1]) // _MS_PER_HOUR
        return self._unbooked[meter.name] if meter.time_ms - self._moved[meter.name] > self._still_ms_min else 0

    def all(self, meters: tuple[MeterStatus, ...], counted: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
        found = {meter.name: self.look(meter, counted[meter.name]) for meter in meters if meter.name in counted}
        return {name: unbooked for name, unbooked in found.items() if unbooked is not None}
