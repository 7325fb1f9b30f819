"""Energy = mean power times clock time, in integers: what is less than 1 mWh is carried to the next window, never lost or rounded.

Import and export, active and reactive, per phase and in total. The total is that of the powers added over the phases, so phases
that feed back are set against those that draw. Storing the counters is the journal's matter.
"""

from firmware.metrology.quantities import Measurement

MICROSECONDS_PER_HOUR = 3600000000
# Longer than any window and any erase; if no window closed for this long, the energy in between is not known, so none is counted.
WINDOW_US_MAX = 5000000

ACTIVE_IMPORT, ACTIVE_EXPORT, REACTIVE_IMPORT, REACTIVE_EXPORT = range(4)
KINDS = 4


class Counters:
    """`counters_mwh` holds KINDS values for the total, then for each phase; they only grow. 64 bits hold 1 GW for 2000 years."""

    def __init__(self, phases: int, counters_mwh: "list[int] | None" = None) -> None:
        length = KINDS * (phases + 1)
        self.counters_mwh = [0] * length if counters_mwh is None else list(counters_mwh)
        assert len(self.counters_mwh) == length
        self._rests = [0] * length  # in mW times microseconds, less than an mWh each

    def add(self, measurement: Measurement, window_us: int) -> int:
        """Returns the microseconds for which no energy was counted."""
        counted_us = min(window_us, WINDOW_US_MAX)
        self._add(0, measurement.active_power_mw, measurement.reactive_power_mvar, counted_us)
        place = KINDS
        for phase in measurement.phases:
            self._add(place, phase.active_power_mw, phase.reactive_power_mvar, counted_us)
            place += KINDS
        return window_us - counted_us

    def _add(self, place: int, active: int, reactive: "int | None", window_us: int) -> None:
        self._count(place + (ACTIVE_IMPORT if active >= 0 else ACTIVE_EXPORT), abs(active) * window_us)
        if reactive is None:
            return
        self._count(place + (REACTIVE_IMPORT if reactive >= 0 else REACTIVE_EXPORT), abs(reactive) * window_us)

    def _count(self, entry: int, amount: int) -> None:
        whole, self._rests[entry] = divmod(self._rests[entry] + amount, MICROSECONDS_PER_HOUR)
        self.counters_mwh[entry] += whole
