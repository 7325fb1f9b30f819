"""Energy = mean power times clock time, in integers: what is less than 1 mWh is carried to the next window, never lost or rounded.

Import and export, active and reactive, per phase and in total. The total is that of the powers added over the phases, so phases
that feed back are set against those that draw. Where a chip or another meter has counted by itself its amounts are added instead.
Storing the counters is the journal's matter.
"""

from firmware.metrology.quantities import Measurement

MICROSECONDS_PER_HOUR = 3600000000
# Longer than any window and any erase; if no window closed for this long, the energy in between is not known, so none is counted.
WINDOW_US_MAX = 5000000

ACTIVE_IMPORT, ACTIVE_EXPORT, REACTIVE_IMPORT, REACTIVE_EXPORT = range(4)
KINDS = 4
PIECES = KINDS  # the counter of a pulse input, in thousandths of a piece; it stands where a phase would
_NANO = 3600  # mW times microseconds in one nWh


def entries(phases: int) -> int:
    return KINDS * (phases + 1) if phases else KINDS + 1


class Counters:
    """`counters_mwh` holds KINDS values for the total, then for each phase; they only grow. 64 bits hold 1 GW for 2000 years.

    `rests` are what is less than a whole one of each, in parts of whoever adds to it.
    """

    def __init__(self, phases: int, counters_mwh: "list[int] | None" = None) -> None:
        length = entries(phases)
        self.counters_mwh = [0] * length if counters_mwh is None else list(counters_mwh)
        assert len(self.counters_mwh) == length
        self.rests = [0] * length  # in mW times microseconds, less than an mWh each

    def add(self, measurement: Measurement, window_us: int) -> int:
        """Returns the microseconds for which no energy was counted."""
        counted_us = min(window_us, WINDOW_US_MAX)
        self._add(0, measurement.active_power_mw, measurement.reactive_power_mvar, counted_us)
        place = KINDS
        for phase in measurement.phases:
            self._add(place, phase.active_power_mw, phase.reactive_power_mvar, counted_us)
            place += KINDS
        return window_us - counted_us

    def add_energies(self, energies: "list[tuple[int, int | None]]") -> None:
        """Of each phase, active and reactive, in nWh; the total is what they are together."""
        reactives = [reactive for _, reactive in energies if reactive is not None]
        self._add(0, sum([active for active, _ in energies]), sum(reactives) if len(reactives) == len(energies) else None, _NANO)
        place = KINDS
        for active, reactive in energies:
            self._add(place, active, reactive, _NANO)
            place += KINDS

    def add_pulses(self, entry: int, pulses: int, whole: int, per: int) -> None:
        """`per` pulses are `whole` of what the entry counts."""
        more, self.rests[entry] = divmod(self.rests[entry] + pulses * whole, per)
        self.counters_mwh[entry] += more

    def _add(self, place: int, active: int, reactive: "int | None", window_us: int) -> None:
        self._count(place + (ACTIVE_IMPORT if active >= 0 else ACTIVE_EXPORT), abs(active) * window_us)
        if reactive is None:
            return
        self._count(place + (REACTIVE_IMPORT if reactive >= 0 else REACTIVE_EXPORT), abs(reactive) * window_us)

    def _count(self, entry: int, amount: int) -> None:
        whole, self.rests[entry] = divmod(self.rests[entry] + amount, MICROSECONDS_PER_HOUR)
        self.counters_mwh[entry] += whole
