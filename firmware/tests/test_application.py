"""The application with its real parts on a simulated flash: what it publishes, what it takes, what it keeps."""

import struct
from pathlib import Path

import pytest

from firmware.application import LATCH_SAVE_MS, Application
from firmware.block_slot import BlockLog, BlockSlot
from firmware.carried import BYTES, Carried
from firmware.clock import MeterClock
from firmware.counter_journal import TEN_SECONDS, CounterJournal
from firmware.front_ends.test_signal import SyntheticSignal, Waveform, calibration
from firmware.load_profile import LoadProfile
from firmware.metrology import int32_model
from firmware.metrology.calibration_store import CalibrationStore
from firmware.metrology.energy import KINDS, Counters
from firmware.parts import Parts
from firmware.profile_window import ProfileWindow
from firmware.quality import Quality
from firmware.register_image import RegisterImage
from firmware.register_map import PROFILE_RECORD
from firmware.settings import Settings, SettingsStore
from firmware.tests.flash_bench import allowed, new_flash
from firmware.update import Update
from protocols.pdu import ILLEGAL_VALUE
from tools.bench.journal_trial import RtcMemory
from tools.board.flash import SimulatedFlash

FACTORY = Settings(b"", 1, 9600, 1, 1)
STEP_US = 20_000
POWER_W = 230 * 10
BLOCKS = 100


class Meter:
    """One phase of 230 V and 10 A; time passes in `run`."""

    def __init__(self, flash: SimulatedFlash) -> None:
        self.flash = flash
        self.image = RegisterImage()
        self.clock = MeterClock(lambda: STEP_US)
        self.front_end = SyntheticSignal((Waveform(230_000, 10_000, 0, 0),), 50_000, int32_model)
        self.journal = CounterJournal(flash, 0, TEN_SECONDS, RtcMemory(), lambda: 77)
        self.profile = LoadProfile(flash, 16)
        self.log = BlockLog(flash, (90, 91))
        slots = [BlockSlot(flash, block) for block in (92, 93, 94, 95)]
        self.settings = SettingsStore((slots[0], slots[1]), FACTORY)
        counters = Counters(1, self.journal.saved[: 2 * KINDS])
        self.application = Application(
            Parts(
                self.image,
                self.clock,
                self.front_end,
                CalibrationStore((slots[2], slots[3]), self.log.append, calibration(1)),
                counters,
                self.journal,
                self.profile,
                ProfileWindow(self.profile, self.image),
                Quality(),
                self.settings,
                Carried(bytearray(BYTES), counters, None),
                Update(self.image, "bench", "0.1.0", b"", 9_000),
            )
        )

    def run(self, seconds: int) -> None:
        for _ in range(seconds * 1_000_000 // STEP_US):
            window = self.front_end.poll(self.clock.advance())
            if window:
                self.application.take(window)
                while self.application.proceed(allowed):
                    pass
        self.application.refresh()

    def energy_mwh(self) -> int:
        octets = self.image.span(147, 4)
        assert octets is not None
        return int(struct.unpack(">Q", octets)[0])


def new_meter() -> Meter:
    return Meter(new_flash(BLOCKS))


def test_only_saved_energy_is_published_and_a_restart_goes_on_from_it() -> None:
    """The counter steps with the journal; after a cut it stands where it stood, not lower, not higher."""
    meter = new_meter()
    meter.run(30)
    published = meter.energy_mwh()
    again = Meter(meter.flash)

    assert published == meter.journal.saved[0] == again.energy_mwh()
    assert POWER_W * 20_000 / 3600 < published < POWER_W * 30_000 / 3600


def test_quality_and_ages_are_fresh_at_each_reading() -> None:
    """Coverage, ages and the uptime belong to the moment of the request."""
    meter = new_meter()
    before = meter.image.number("coverage")
    meter.run(10)

    assert before is None
    assert 9_900 < (meter.image.number("coverage") or 0) < 10_000  # the part of a cycle before the first crossing is missing
    assert meter.image.number("uptime_s") == 10
    assert (meter.image.number("values_age_ms") or 0) < 1_000
    assert (meter.image.number("journal_age_ms") or 0) < 10_000


def test_settings_take_hold_after_the_answer_and_are_kept_twice() -> None:
    """A write shows at once, leaves its erases to quiet moments, and both copies give it back."""
    meter = new_meter()
    code = meter.application.write([("unit_address", 9), ("baud_hundreds", 384), ("name", b"press 3" + bytes(25))])
    shown = meter.image.number("unit_address"), meter.image.number("baud_hundreds"), bytes(meter.image.octets("name"))[:8]
    changed, waiting = meter.application.line_changed, len(meter.application.jobs)
    for job in meter.application.jobs:
        job()
    again = Meter(meter.flash).settings.current

    assert (code, shown) == (0, (9, 384, b"press 3\0"))
    assert (changed, waiting) == (True, 2)
    assert again == Settings(b"press 3", 9, 38_400, 1, 1)


def test_calibration_over_modbus_is_checked_counted_and_logged() -> None:
    """What is written together counts once, is logged with its person and erases nothing before the answer; what cannot be is refused."""
    meter = new_meter()
    meter.application.write([("calibration_person", b"M. Weber" + bytes(8))])
    marks = meter.image.number("marks")
    codes = [
        meter.application.write([("current_l1_gain_nano", 4_900_000), ("creep_ma", 20)]),
        meter.application.write([("current_l1_gain_nano", 5_000_000)]),
        meter.application.write([("current_l2_gain_nano", 5_000_000)]),
        meter.application.write([("creep_ma", 20_000)]),
    ]
    erases = sum(meter.flash.erases[92:])
    for job in meter.application.jobs:
        job()

    assert (codes, erases) == ([0, 0, ILLEGAL_VALUE, ILLEGAL_VALUE], 0)
    assert (marks, meter.image.number("marks"), meter.image.number("calibration_changes")) == (1, 0, 1)
    assert meter.image.number("current_l1_gain_nano") == 5_000_000
    assert [line.split()[2:4] for line in meter.log.lines()] == [["M._Weber", "I1.gain_nano"], ["M._Weber", "creep_ma"]]


def test_a_full_quarter_is_recorded_only_with_a_clock() -> None:
    """Without a clock there are no quarters; with one, the record stands in the window beside the gap before it."""
    meter = new_meter()
    meter.application.write([("profile_select", 5)])
    without = meter.image.number("profile_count")
    meter.run(2)
    quarter = 1_780_000_000 // 900
    meter.application.write([("clock_ms", quarter * 900_000 - 3_000)])
    meter.run(6)
    meter.application.write([("profile_select", quarter - 1)])
    window = bytes(meter.image.octets("profile_data"))
    size = struct.calcsize(PROFILE_RECORD)
    records = [struct.unpack_from(PROFILE_RECORD, window, each * size) for each in range(meter.image.number("profile_count") or 0)]

    assert without == 0
    assert [(record[0], record[2]) for record in records] == [(quarter - 1, 1), (quarter, 0)]
    assert records[1][1] == 78
    assert 0 < records[1][4] <= meter.energy_mwh()


def test_an_update_waits_for_quiet_moments_as_other_jobs_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command is answered at once; its work is one job at a time, and ends."""
    monkeypatch.chdir(tmp_path)
    meter = new_meter()
    refused = meter.application.write([("update_command", 1)])
    begun = meter.application.write([("update_size_bytes", 5), ("update_digest", bytes(32)), ("update_command", 1)])
    state = meter.image.number("update_state")
    waiting = len(meter.application.jobs)
    while meter.application.jobs:
        meter.application.jobs.pop(0)()
    meter.application.write([("update_command", 0)])
    receiving = meter.image.number("update_state")
    while meter.application.jobs:
        meter.application.jobs.pop(0)()

    assert (refused, begun, state, waiting, receiving) == (ILLEGAL_VALUE, 0, 0, 1, 1)
    assert (meter.image.number("update_state"), list(tmp_path.glob("received/*"))) == (0, [])


def test_guided_steps_move_the_values_to_the_reference() -> None:
    """Known load, then acceptance: after both the meter shows what the reference shows; a reference far off is refused."""
    meter = new_meter()
    unknown = meter.application.write([("calibration_step", 2)])
    reference = [("known_voltage_mv", 231_000), ("known_current_ma", 10_100), ("known_active_power_mw", 2_333_100)]
    meter.application.write([*reference, ("known_reactive_power_mvar", 0), ("accepted_error", 50)])
    steps = []
    for step, current_ma in ((2, 10_100), (5, 10_100), (5, 11_000), (2, 15_000)):
        meter.application.write([("known_current_ma", current_ma), ("calibration_step", step)])
        meter.run(4)
        for job in meter.application.jobs:
            job()
        meter.application.jobs.clear()
        steps.append(meter.image.number("calibration_step_state"))
    absent = meter.application.write([("calibration_step", 3)])
    meter.run(2)
    octets = meter.image.span(106, 2)
    assert octets is not None

    assert (unknown, absent) == (ILLEGAL_VALUE, ILLEGAL_VALUE)
    assert steps == [2, 2, 2, 3]
    assert abs(struct.unpack(">I", octets)[0] - 10_100) <= 2


def latched_mwh(meter: Meter) -> int:
    octets = meter.image.span(1147, 4)
    assert octets is not None
    return int(struct.unpack(">Q", octets)[0])


def latch(meter: Meter) -> None:
    """As the server does it."""
    meter.application.before_latch()
    meter.application.refresh()
    meter.image.freeze()


def test_a_latch_saves_first() -> None:
    """What is frozen was measured just now, not when the journal saved last."""
    meter = new_meter()
    meter.run(15)
    published = meter.energy_mwh()
    age_ms = meter.image.number("journal_age_ms")
    latch(meter)

    assert age_ms is not None
    assert age_ms > LATCH_SAVE_MS
    assert latched_mwh(meter) - published >= POWER_W * (age_ms - 1_000) // 3600
    assert (meter.image.number("journal_age_ms") or 0) < 1_000


def test_a_master_that_latches_all_the_time_does_not_wear_out_the_flash() -> None:
    """Within four seconds of a save nothing is saved; the age of what is frozen says so."""
    meter = new_meter()
    meter.run(15)
    latch(meter)
    frozen = latched_mwh(meter)
    meter.run(3)
    latch(meter)

    assert latched_mwh(meter) == frozen
    assert 3_000 <= (meter.image.number("journal_age_ms") or 0) < LATCH_SAVE_MS


def test_ages_count_from_the_closing_of_the_window() -> None:
    """A window that waited for a quiet line is as old as it is; its counters too."""
    meter = new_meter()
    window = None
    while window is None:
        window = meter.front_end.poll(meter.clock.advance())
    meter.application.take(window, held_ms=400)
    while meter.application.proceed(allowed):
        pass
    meter.application.refresh()

    assert (meter.image.number("values_age_ms"), meter.image.number("journal_age_ms")) == (400, 400)
