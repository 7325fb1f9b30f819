"""The metering IC ATM90E32AS: three phases, the class 1 path. Registers and transfers are `atm90e32_chip`'s.

Energy comes from the chip's own registers, which clear when they are read and count on while the processor is down. None is lost:
a zero is left in LastSPIData, RTC memory notes which register comes next, the register is read, what LastSPIData then says is added
to the tally, and the note is taken back. After a restart with a note in place LastSPIData still says what was read: zero if it was
not. Only a transfer to the chip in between would destroy it, so that is the first thing asked. Runs on MicroPython.
"""

from firmware.front_ends.atm90e32_chip import (
    ACTIVE_POWER,
    ANGLE,
    CURRENT,
    ENERGIES,
    FREQUENCY,
    POWER_LOW,
    REACTIVE_POWER,
    RMS_LOW,
    TEMPERATURE,
    VOLTAGE,
    Chip,
)
from firmware.front_ends.front_end import ENERGIES as COUNTED
from firmware.front_ends.front_end import MEASURED
from firmware.front_ends.tally import Tally
from firmware.metrology.calibration import Calibration, Channel
from firmware.metrology.energy import Counters
from firmware.metrology.integers import divide_nearest
from firmware.metrology.quantities import phase_energies
from firmware.metrology.window import PhaseSums, Window, empty_window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from firmware.counter_mirror import Memory

PHASES = 3
INTERVAL_US = 1000000
# A count of voltage is 1 mV, one of current 0.1 mA, both as the chip shows them: more than 65.5 A do not fit its register, so behind
# a larger current transformer the chip shows a part of it, and the gain of the current is as many times larger.
GAIN_NANO_VOLTAGE, GAIN_NANO_CURRENT = 1000000, 100000
COUNT_ENERGY = 1000000  # one step of an energy register, 0.1 Wh, in counts of voltage times current times hour
_POWER_COUNTS = 3200  # 0.32 mW


class Atm90e32:
    """`area` is RTC memory; the chip must not be spoken to before this is made."""

    trust = MEASURED
    phases = PHASES
    counted: "tuple[str, ...]" = COUNTED

    def __init__(self, chip: Chip, area: "Memory") -> None:
        self.restarts = 0
        self.extras: tuple[tuple[str, int | None], ...] = ()
        self.tally = Tally(area, PHASES * len(ENERGIES))
        self._chip = chip
        self._pending_us = self._since_us = 0
        self._was_set_up = self.tally.found
        self._steps = self._work()

    def poll(self, elapsed_us: int) -> "Window | None":
        self._pending_us += elapsed_us
        self._since_us += elapsed_us
        return next(self._steps)

    def settle(self, counters: Counters, calibration: Calibration) -> None:
        fresh = self.tally.take()
        energies = []
        for phase in range(PHASES):
            steps = fresh[phase::PHASES]
            channels = calibration.channels[2 * phase : 2 * phase + 2]
            active, reactive = (steps[0] - steps[1]) * COUNT_ENERGY, (steps[2] - steps[3]) * COUNT_ENERGY
            energies.append(phase_energies(active, reactive, *channels))
        counters.add_energies(energies)

    # -- one step in each turn of the main loop, so that Modbus is never kept waiting

    def _work(self) -> "Iterator[Window | None]":
        yield from self._resolved()
        is_sound = not self.tally.note and self._chip.is_set_up()
        while True:
            while self._since_us < INTERVAL_US:
                yield None
            self._since_us = 0
            if not (is_sound and self._chip.holds()):
                yield self._begin_again()
                is_sound = self._was_set_up
                continue
            yield None
            for entry in range(len(self.tally.counts)):
                self._read_energy(entry)
                yield from self._resolved()
                if self.tally.note:
                    break
                yield None
            if self.tally.note:  # speaking of anything else would destroy what it stands for; so much noise is no chip
                is_sound = False
                continue
            sums = []
            for phase in range(PHASES):
                sums.append(self._phase(phase))
                yield None
            yield self._window(tuple(sums))

    def _begin_again(self) -> Window:
        """What the chip counted since it was last seen to be sound is not believed: its settings may have been others."""
        if self._was_set_up:
            self.restarts += 1
        self._was_set_up = self._chip.set_up()
        self.tally.note = 0
        self.tally.keep()
        self.extras = ()
        lost_us, self._pending_us = self._pending_us, 0
        return empty_window(lost_us, lost_us // 1000)

    def _read_energy(self, entry: int) -> None:
        if not self._chip.clear_last_data():
            return  # the register keeps it until next time
        self.tally.note = entry + 1
        self.tally.keep()
        self._chip.read(ENERGIES[entry // PHASES] + entry % PHASES)

    def _resolved(self) -> "Iterator[None]":
        """What was read, or nothing, goes to the entry that the note names; where the line is noisy it is asked again."""
        asked_us = self._since_us
        while self.tally.note and self._since_us - asked_us < INTERVAL_US:
            count = self._chip.last_data()
            if count is None:
                yield None
                continue
            self.tally.add(self.tally.note - 1, count)
            self.tally.note = 0
            self.tally.keep()

    def _phase(self, phase: int) -> PhaseSums:
        """One frame of the chip's own mean values, 8 bits finer than a register."""
        chip = self._chip
        voltage = chip.read(VOLTAGE + phase) << 8 | chip.read(VOLTAGE + RMS_LOW + phase) >> 8
        current = chip.read(CURRENT + phase) << 8 | chip.read(CURRENT + RMS_LOW + phase) >> 8
        voltage, current = divide_nearest(voltage * 10, 256), divide_nearest(current * 10, 256)
        active, reactive = [
            (chip.read_signed(register + phase) << 16 | chip.read(register + POWER_LOW + phase)) * _POWER_COUNTS
            for register in (ACTIVE_POWER, REACTIVE_POWER)
        ]
        return PhaseSums(0, 0, voltage * voltage, current * current, active, reactive)

    def _window(self, sums: "tuple[PhaseSums, ...]") -> Window:
        chip = self._chip
        angles = [("phase_angle_l%d" % (phase + 1), chip.read_signed(ANGLE + phase) * 100) for phase in range(PHASES)]
        self.extras = tuple(angles + [("temperature", chip.read_signed(TEMPERATURE) * 1000)])  # noqa: RUF005 - no star here
        window_us, self._pending_us = self._pending_us, 0
        # A frequency of 0 means no voltage. A quarter of a turn: the shifted product is the reactive power itself.
        return Window(sums, 1, window_us, 0, 0, chip.read(FREQUENCY) * 10 or None, 90000, 0)


def calibration(current_scale: int) -> Calibration:
    """The one that shows the chip's own values; `current_scale`: how many times the current is larger than the chip sees."""
    return Calibration((Channel(GAIN_NANO_VOLTAGE, 0, 0), Channel(GAIN_NANO_CURRENT * current_scale, 0, 0)) * PHASES, 0, 0)
