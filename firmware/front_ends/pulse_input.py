"""S0 pulses of another meter (IEC 62053-31: on and off at least 30 ms each, contact bounce under 5 ms).

Two ways to count. `CountedPulses`: the chip's pulse counter behind an RC and Schmitt stage, exact at any rate S0 allows;
it runs free and differences are taken, because reading and clearing it is not one act. `PolledPulses`: a pin that is looked at.
Polled at most 10 ms apart it is exact up to the 16 pulses a second of S0. A flash erase stalls it for 80 ms: pulses whose on and off
times are each 100 ms or more (5 a second) survive that; at the highest rate one erase costs at most two pulses.

A pulse counts at its end, and lies in RTC memory before anything else is done: a reset takes back none, and one that lasts through
the start counts at its end. The chip's counter goes on while the firmware restarts (`counted_since`), so what comes meanwhile is not
lost where it counts; looked at, what begins and ends while no firmware runs is. Runs on MicroPython.
"""

from collections import namedtuple

from firmware.front_ends.front_end import MEASURED
from firmware.front_ends.tally import Tally
from firmware.metrology.energy import ACTIVE_IMPORT, PIECES
from firmware.metrology.integers import divide_nearest
from firmware.metrology.window import empty_window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from firmware.metrology.calibration import Calibration
    from firmware.metrology.energy import Counters
    from firmware.metrology.window import Window

    class Pulses(Protocol):
        blind_us: int
        """For how long in all nobody looked often enough."""

        @property
        def note(self) -> int:
            """Goes with the pulses into RTC memory."""

        def poll(self, elapsed_us: int) -> int: ...


LEAST_US = 30000  # of on and of off, by the standard
BOUNCE_US = 5000  # a level is believed once it was seen unchanged for as long as a contact may bounce
LOOK_US = 10000  # looked at less often than this the fastest pulses may go unseen
INTERVAL_US = 1000000
COUNTER_MODULUS = 32000  # edges at which the chip's counter is told to begin again; at 16 pulses a second that takes 1000 s
COUNTER_FILTER = 1023  # the longest there is, in 12.5 ns: it takes needles away, no bouncing
MWH_PER_KWH = 1000000
_MILLI = 1000
# Where a chip's first counter keeps its limits and its count. A reset of the processors alone (a restart, an update, the
# watchdog) leaves it running, pin and all; making it anew clears it.
_COUNTER_AT = {"ESP32": (0x3FF57008, 0x3FF57060), "ESP32S3": (0x60017008, 0x60017030)}
_LIMITS = (-COUNTER_MODULUS & 0xFFFF) << 16 | COUNTER_MODULUS


def still_counted(registers: "Mapping[int, int]", chip: str) -> "int | None":
    """The count of a counter that has our limits; None if it has not gone on, or if we do not know where this chip has it."""
    at = _COUNTER_AT.get(chip)
    if at is None or registers[at[0]] & 0xFFFFFFFF != _LIMITS:
        return None
    return registers[at[1]] & 0xFFFF


def counted_since(tally: Tally, count: "int | None") -> bool:
    """Takes the pulses that the chip's counter has counted since the last one that was kept; True if one was on its way.

    `count` is None where the counter has not gone on. Afterwards nothing relies on it, so that it may be cleared.
    """
    edges = (count - tally.note + 1) % COUNTER_MODULUS if tally.found and tally.note and count is not None else 0
    tally.add(0, edges // 2)
    tally.note = 0
    tally.keep()
    return edges % 2 == 1


class CountedPulses:
    """`count` is the counter of both edges, `modulus` the value at which it begins again.

    `was_on`: a pulse was on its way before the counter was made anew.
    """

    blind_us = 0

    def __init__(self, count: "Callable[[], int]", modulus: int, is_on: "Callable[[], bool]", was_on: bool = False) -> None:  # noqa: FBT001, FBT002 - a fact
        self._count = count
        self._modulus = modulus
        self._last = count()
        # The first edge of a pulse that is on its way was before the start; of one that ended just now both were.
        self._edges = 1 if is_on() else 2 * was_on
        self.pulses = 0
        self.rejected = 0

    @property
    def note(self) -> int:
        """Where the counter stood at the end of the last pulse, and one more so that 0 is none."""
        return 1 + (self._last - self._edges) % self._modulus

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
        self._level = is_on()  # the one believed
        self._phase_us = LEAST_US  # how long it may have lasted; what was before the start counts as long enough
        self._other_us = -1  # for how long the other level has been seen; negative: not at all
        self._sight_us = 0  # how long before its first sight the edge may have been
        self._off_enough = True
        self.blind_us = self.note = 0
        self.pulses = 0
        self.rejected = 0

    def poll(self, elapsed_us: int) -> int:
        """New pulses."""
        if elapsed_us > LOOK_US:
            self.blind_us += elapsed_us
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


class Worth(namedtuple("Worth", ("entry", "whole", "per", "counted"))):
    """`per` pulses are `whole` mWh or thousandths of a piece, in this entry of the counters, under this name."""

    entry: int
    whole: int
    per: int
    counted: str


def worth(pulses_per_kwh: "int | None", pulses_per_piece: "int | None") -> Worth:
    if pulses_per_kwh and pulses_per_piece:
        raise ValueError("A pulse input counts energy or pieces: give pulses_per_kwh or pulses_per_piece, not both.")
    if pulses_per_kwh:
        return Worth(ACTIVE_IMPORT, MWH_PER_KWH, pulses_per_kwh, "active_energy_import")
    return Worth(PIECES, _MILLI, pulses_per_piece or 1, "pieces")


class PulseInput:
    """The front end without phases: a count, and behind a meter the mean power between its last two pulses."""

    trust = MEASURED
    phases = 0
    restarts = 0

    def __init__(self, pulses: "Pulses", value: Worth, tally: Tally) -> None:
        self.counted: tuple[str, ...] = (value.counted,)
        self.extras: tuple[tuple[str, int | None], ...] = ()
        self.tally = tally
        self._pulses, self._worth = pulses, value
        self._keep()
        self._pending_us = self._blind_us = 0
        self._apart_us: int | None = None  # between the last two pulses
        self._since_us: int | None = None  # the last one

    def poll(self, elapsed_us: int) -> "Window | None":
        new = self._pulses.poll(elapsed_us)
        if self._since_us is not None:
            self._since_us += elapsed_us
        if new:
            self.tally.add(0, new)
            self._keep()
            self._apart_us = None if self._since_us is None else self._since_us // new
            self._since_us = 0
        self._pending_us += elapsed_us
        return self._window() if self._pending_us >= INTERVAL_US else None

    def _keep(self) -> None:
        self.tally.note = self._pulses.note
        self.tally.keep()

    def settle(self, counters: "Counters", calibration: "Calibration") -> None:  # noqa: ARG002 - siblings have the same shape
        counters.add_pulses(self._worth.entry, self.tally.take()[0], self._worth.whole, self._worth.per)

    def _window(self) -> "Window":
        window_us, self._pending_us = self._pending_us, 0
        blind_us = self._pulses.blind_us - self._blind_us
        self._blind_us += blind_us // 1000 * 1000
        if self._worth.entry == ACTIVE_IMPORT:
            self.extras = (("active_power", self._power_mw()),)
        return empty_window(window_us, min(blind_us, window_us) // 1000)

    def _power_mw(self) -> "int | None":
        """mW are mWh in an hour; while the next pulse is late it is at most what it would be if it came now."""
        if self._apart_us is None or self._since_us is None:
            return None
        apart_us = max(self._apart_us, self._since_us, 1)
        return divide_nearest(MWH_PER_KWH * 3600000000, self._worth.per * apart_us)
