"""S0 pulses of another meter (IEC 62053-31: on and off at least 30 ms each, contact bounce under 5 ms).

Two ways, one result, `pulses`. `CountedPulses`: the chip's pulse counter behind an RC and Schmitt stage, exact at any rate S0 allows;
it runs free and differences are taken, because reading and clearing it is not one act. `PolledPulses`: a pin that is looked at.
Polled at most 10 ms apart it is exact up to the 16 pulses a second of S0. A flash erase stalls it for 80 ms: pulses whose on and off
times are each 100 ms or more (5 a second) survive that; at the highest rate one erase costs at most two pulses.
"""

from firmware.metrology.integers import divide_nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LEAST_US = 30000  # of on and of off, by the standard
BOUNCE_US = 5000  # a level is believed once it was seen unchanged for as long as a contact may bounce
MWH_PER_KWH = 1000000


class CountedPulses:
    """`count` is the counter of both edges, `modulus` the value at which it begins again."""

    def __init__(self, count: "Callable[[], int]", modulus: int) -> None:
        self._count = count
        self._modulus = modulus
        self._last = count()
        self._edges = 0
        self.pulses = 0
        self.rejected = 0

    def poll(self, elapsed_us: int) -> int:  # noqa: ARG002 - siblings have the same shape
        """New pulses; an edge without its partner waits."""
        now = self._count()
        self._edges += (now - self._last) % self._modulus
        self._last = now
        new, self._edges = divmod(self._edges, 2)
        self.pulses += new
        return new


class PolledPulses:
    """`is_on` reads the pin. Both edges are timed; a pulse that cannot have been on, or off before, for 30 ms is rejected.

    An edge may be as much older than its first sight as the last poll is ago and a contact bounces; that is counted in its favour.
    """

    def __init__(self, is_on: "Callable[[], bool]") -> None:
        self._is_on = is_on
        self._level = False  # the one believed
        self._phase_us = LEAST_US  # how long it may have lasted; what was before the start counts as long enough
        self._other_us = -1  # for how long the other level has been seen; negative: not at all
        self._sight_us = 0  # how long before its first sight the edge may have been
        self._off_enough = True
        self.pulses = 0
        self.rejected = 0

    def poll(self, elapsed_us: int) -> int:
        """New pulses."""
        self._phase_us += elapsed_us
        if self._is_on() == self._level:
            self._other_us = -1
            return 0
        if self._other_us < 0:
            self._other_us, self._sight_us = 0, elapsed_us + BOUNCE_US
            return 0
        self._other_us += elapsed_us
        return self._believe() if self._other_us >= BOUNCE_US else 0

    def _believe(self) -> int:
        enough = self._phase_us - self._other_us >= LEAST_US
        self._phase_us = self._other_us + self._sight_us
        self._level, self._other_us = not self._level, -1
        if self._level:
            self._off_enough = enough
            return 0
        if not (enough and self._off_enough):
            self.rejected += 1
            return 0
        self.pulses += 1
        return 1


class PulseEnergy:
    """Pulses to mWh by the other meter's constant; what does not make a whole mWh is carried."""

    def __init__(self, impulses_per_kwh: int, energy_mwh: int = 0) -> None:
        self._impulses_per_kwh = impulses_per_kwh
        self._rest = 0
        self.energy_mwh = energy_mwh

    def add(self, pulses: int) -> None:
        whole, self._rest = divmod(self._rest + pulses * MWH_PER_KWH, self._impulses_per_kwh)
        self.energy_mwh += whole

    def power_mw(self, apart_us: int) -> int:
        """The mean between two pulses `apart_us` apart; mW are mWh in an hour."""
        return divide_nearest(MWH_PER_KWH * 3600000000, self._impulses_per_kwh * apart_us)
