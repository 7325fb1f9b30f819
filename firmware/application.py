"""What the meter does with a window, and what stands behind its registers: reading them fresh, and taking what is written.

Ports, frames and the main loop are not known here. Published counters are those the journal has saved: they never fall.
Work that erases flash waits in `jobs` until the main loop finds the line quiet.
"""

from firmware.counter_journal import TEN_SECONDS
from firmware.forgetting import forget
from firmware.front_ends.front_end import ENERGIES
from firmware.load_profile import QUARTER_S, ProfileRecord
from firmware.metrology.calibration import VERSION, CalibrationRefused
from firmware.metrology.energy import KINDS
from firmware.metrology.quantities import measure
from firmware.parts import Facts, Parts
from firmware.settings import BAUD_STEP, with_changes
from protocols.pdu import ILLEGAL_VALUE

# Half of what lies between two saves: at a round of ten seconds every other latch saves, and the ring still lasts ten years.
LATCH_SAVE_MS = TEN_SECONDS.save_every_ms // 2
_QUARTER_MS = QUARTER_S * 1000
_NOT_CALIBRATED = 1  # among the marks
_TOTALS = ("active_power", "reactive_power", "apparent_power", "power_factor", "frequency")
_OF_A_PHASE = ("voltage_l%d_n", "current_l%d", "active_power_l%d", "reactive_power_l%d", "apparent_power_l%d", "power_factor_l%d")
_UPDATE = "update_"
_GUIDE_INPUTS = ("known_voltage_mv", "known_current_ma", "known_active_power_mw", "known_reactive_power_mvar", "accepted_error")
_GUIDE_STATES = ("calibration_step", "calibration_step_state")
_SETTINGS = ("name", "unit_address", "baud_hundreds", "parity", "stop_bits")
CALIBRATING = ("firmware.calibration_registers", "firmware.metrology.calibration_bytes")  # modules that only a change needs
_PIECES = "pieces"  # the counter behind the totals where no phase is measured

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.guided_calibration import GuidedCalibration
    from firmware.metrology.calibration import Calibration
    from firmware.metrology.quantities import Measurement
    from firmware.metrology.window import Window
    from firmware.settings import Settings


class Application:
    """`jobs` are done one by one while the line is quiet; `line_changed` and `restart_wanted` are for the main loop."""

    def __init__(self, parts: Parts) -> None:
        self.jobs: list[Callable[[], object]] = []
        self.line_changed = False
        self.restart_wanted = False
        self._parts = parts
        phases = parts.front_end.phases
        self._phase_names = [tuple([name % (phase + 1) for name in _OF_A_PHASE]) for phase in range(phases)]
        suffixes = [""] + ["_l%d" % (phase + 1) for phase in range(phases)]
        # In the order of the counters; what the front end cannot tell has no value, and so no name.
        told = parts.front_end.counted
        names = [(name in told, name + suffix) for suffix in suffixes for name in ENERGIES] + [(_PIECES in told, _PIECES)]
        self._energy_names = [name if is_told else None for is_told, name in names]
        # With all its names from the start: it never grows, which would take a large piece of memory in the middle of the work.
        self._values: dict[str, int | None] = dict.fromkeys(_TOTALS if phases else ())
        for phase_names in self._phase_names:
            self._values.update(dict.fromkeys(phase_names))
        self._unused = [0] * (len(parts.journal.saved) - len(parts.counters.counters_mwh))
        self._measured_ms: int | None = None
        self._quarter: int | None = None
        self._ended: tuple[int, int] | None = None  # a quarter, and how much of it was sampled, until the counters are saved
        self._energies = parts.journal.saved[:]
        self._updating = False
        self._person = ""
        self._wanted: Calibration | None = None
        self._guide: GuidedCalibration | None = None
        for name in _GUIDE_STATES:
            parts.image.put(name, 0)  # none, idle
        self._show_settings()
        self._show_calibration(parts.calibration.current)
        self._publish()

    def take(self, window: "Window", held_ms: int = 0) -> None:
        """A window that closed `held_ms` ago: quantities, energy, registers. What is to be written down waits for `proceed`.

        All ages count from the closing: until then the values and totals say nothing newer.
        """
        parts = self._parts
        now_ms = self._measured_ms = parts.clock.uptime_ms - held_ms
        measurement = measure(window, parts.calibration.current) if window.phases else None
        if parts.front_end.tally is not None:
            parts.front_end.settle(parts.counters, parts.calibration.current)
        elif measurement is not None:
            parts.counters.add(measurement, window.window_us)
        parts.quality.add(window)
        parts.carried.pack()
        self._end_quarter()
        parts.journal.begin_due(now_ms, self._totals())
        values = self._values
        for name in values:
            values[name] = None
        if measurement is not None:
            self._guide_on(window)
            self._show(measurement)
        values.update(parts.front_end.extras)
        self._publish()
        parts.update.measured(now_ms, parts.quality.coverage(), parts.journal.age_ms(now_ms))
        self._go_on_updating()

    def proceed(self, may_erase: "Callable[[], bool]") -> bool:
        """One small piece of what is to be written down, so that an answer waits for no more than that; False if it was the last."""
        parts = self._parts
        if parts.journal.proceed(may_erase):
            return True
        if self._ended is not None:
            quarter, percent = self._ended
            self._ended = None
            parts.profile.put(ProfileRecord(quarter, parts.journal.epoch, percent, parts.journal.saved[:KINDS]))
            return True
        parts.profile.service(may_erase)
        return False

    def _show(self, measurement: "Measurement") -> None:
        values = self._values
        for name, value in zip(_TOTALS, measurement[1:]):
            values[name] = value
        for names, phase in zip(self._phase_names, measurement.phases):
            for name, value in zip(names, phase):
                values[name] = value

    def save(self) -> None:
        """What has been measured becomes what is published, ahead of its time."""
        self._parts.carried.pack()
        self._parts.journal.save(self._as_of_ms(), self._totals())
        while self.proceed(lambda: False):
            pass
        self._publish()

    def before_latch(self) -> None:
        """What is frozen shall be what was measured, but masters that latch all the time may not wear out the flash."""
        age_ms = self._parts.journal.age_ms(self._parts.clock.uptime_ms)
        if age_ms is None or age_ms >= LATCH_SAVE_MS:
            self.save()

    def _as_of_ms(self) -> int:
        """When the totals were measured."""
        return self._parts.clock.uptime_ms if self._measured_ms is None else self._measured_ms

    def _totals(self) -> "list[int]":
        return self._parts.counters.counters_mwh + self._unused

    def _publish(self) -> None:
        if not self._parts.journal.saving:  # totals of one moment belong together
            self._energies = self._parts.journal.saved[:]
        for name, total in zip(self._energy_names, self._energies):
            if name is not None:
                self._values[name] = total
        self._parts.image.put_measured(self._values)

    def _end_quarter(self) -> None:
        parts = self._parts
        unix_ms = parts.clock.unix_ms
        quarter = None if unix_ms is None else unix_ms // _QUARTER_MS
        if quarter == self._quarter:
            return
        sampled_ms = parts.quality.take_quarter_ms()
        if quarter is not None and self._quarter is not None and quarter > self._quarter:
            # Saved first: what the profile says may not be ahead of what the counters say after a power cut.
            parts.journal.begin(self._as_of_ms(), self._totals())
            self._ended = quarter, min(100, sampled_ms * 100 // _QUARTER_MS)
        self._quarter = quarter

    def refresh(self) -> None:
        parts, image, clock = self._parts, self._parts.image, self._parts.clock
        now_ms = clock.uptime_ms
        image.put("coverage", parts.quality.coverage())
        image.put("missing_ms", parts.quality.missing_ms)
        image.put("clipped", parts.quality.clipped)
        image.put("front_end_restarts", parts.front_end.restarts)
        image.put("journal_age_ms", parts.journal.age_ms(now_ms))
        image.put("uptime_s", now_ms // 1000)
        image.put("clock_state", clock.state)
        image.put("clock_ms", clock.unix_ms)
        image.put("values_age_ms", None if self._measured_ms is None else now_ms - self._measured_ms)
        parts.window.bounds(self._newest())

    @property
    def settings(self) -> "Settings":
        return self._parts.settings.current

    def facts(self) -> Facts:
        """For the meter's own page."""
        parts = self._parts
        title = self.settings.name.decode() or "Shiftwatt submeter"
        return Facts(title, parts.front_end.trust, parts.front_end.phases, self._values, parts.image)

    def write(self, changes: "list[tuple[str, int | bytes]]") -> int:
        named = dict(changes)
        if any(name.startswith(_UPDATE) for name in named):  # these have no neighbours of another kind
            code = self._parts.update.write(named)
            self._go_on_updating()
            return code
        settings = {name: named.pop(name) for name in _SETTINGS if name in named}
        clock_ms = named.pop("clock_ms", None)
        selected = named.pop("profile_select", None)
        restart = named.pop("restart", None)
        if "calibration_person" in named:
            self._person = bytes(named.pop("calibration_person")).rstrip(b"\0").decode()
            self._parts.image.put_octets("calibration_person", self._person.encode())
        for name in _GUIDE_INPUTS:
            if name in named:
                self._parts.image.put(name, int(named.pop(name)))
        step = named.pop("calibration_step", None)
        if step is not None and not self._begin_guided(int(step)):
            return ILLEGAL_VALUE
        if named and not self._calibrate({name: int(value) for name, value in named.items()}):
            return ILLEGAL_VALUE
        if settings:
            self._set(settings)
        if clock_ms is not None:
            self._parts.clock.set(int(clock_ms))
        if selected is not None:
            self._parts.window.select(int(selected), self._newest())
        self.restart_wanted = self.restart_wanted or restart is not None
        return 0

    def _go_on_updating(self) -> None:
        if self._parts.update.busy and not self._updating:
            self._updating = True
            self.jobs.append(self._update)

    def _update(self) -> None:
        """One slice; the next one waits behind the other jobs."""
        update = self._parts.update
        update.work()
        self._updating = False
        self._go_on_updating()
        self.restart_wanted = self.restart_wanted or update.restart_wanted

    def _newest(self) -> "int | None":
        unix_ms = self._parts.clock.unix_ms
        return None if unix_ms is None else unix_ms // _QUARTER_MS

    def _calibrate(self, changes: "dict[str, int]") -> bool:
        """Shown at once; stored, and measured with, when the line is quiet: its two erases outlast any answer."""
        from firmware.calibration_registers import changed  # noqa: PLC0415 - costs memory only where a meter is commissioned

        try:
            self._wanted = changed(self._wanted or self._parts.calibration.current, changes)
        except (CalibrationRefused, KeyError):  # out of limits, or a phase this meter has not: the master hears "value"
            return False
        self._show_calibration(self._wanted)
        self.jobs.append(self._store_calibration)
        return True

    def _begin_guided(self, step: int) -> bool:
        from firmware.guided_calibration import GuidedCalibration  # noqa: PLC0415 - costs memory only where a meter is commissioned

        if self._guide is None:
            self._guide = GuidedCalibration(self._parts.image, self._parts.front_end.phases)
        return self._guide.begin(step)

    def _guide_on(self, window: "Window") -> None:
        if self._guide is None:
            return
        found = self._guide.take(window, self._wanted or self._parts.calibration.current)
        if found is not None:
            self._wanted = found
            self.jobs.append(self._store_calibration)

    def _store_calibration(self) -> None:
        """One change for all that was written before the line was quiet."""
        parts = self._parts
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            self._show_calibration(parts.calibration.change(wanted, self._person, (parts.clock.unix_ms or 0) // 1000))
        forget(*CALIBRATING)

    def _set(self, changes: "dict[str, int | bytes]") -> None:
        store = self._parts.settings
        if "name" in changes:
            changes["name"] = bytes(changes["name"]).rstrip(b"\0")
        if "baud_hundreds" in changes:
            changes["baud"] = int(changes.pop("baud_hundreds")) * BAUD_STEP
        store.current = with_changes(store.current, changes)
        self._show_settings()
        self.line_changed = True
        # Never both at once: a power cut in between leaves one of them whole.
        self.jobs.append(lambda: store.put(0))
        self.jobs.append(lambda: store.put(1))

    def _show_settings(self) -> None:
        image, settings = self._parts.image, self._parts.settings.current
        image.put_octets("name", settings.name)
        image.put("unit_address", settings.unit_address)
        image.put("baud_hundreds", settings.baud // BAUD_STEP)
        image.put("parity", settings.parity)
        image.put("stop_bits", settings.stop_bits)

    def _show_calibration(self, calibration: "Calibration") -> None:
        from firmware.calibration_registers import registers  # noqa: PLC0415 - likewise

        parts, image = self._parts, self._parts.image
        image.put("marks", _NOT_CALIBRATED if parts.calibration.is_factory and calibration.channels else 0)
        image.put("calibration_version", VERSION)
        for name, value in registers(calibration).items():
            image.put(name, value)
