"""The metering IC against its register-level simulation: values, energy through restarts, noise, loss of power."""

from random import Random

import pytest

from firmware.front_ends.atm90e32 import Atm90e32, calibration
from firmware.front_ends.atm90e32_chip import Chip, settings
from firmware.front_ends.tally import AREA_BYTES
from firmware.metrology.calibration import Calibration, Channel
from firmware.metrology.energy import KINDS, Counters
from firmware.metrology.quantities import measure
from firmware.metrology.window import Window
from firmware.rtc_areas import RtcArea, RtcAreas
from tools.bench import energy_restarts
from tools.bench.journal_trial import RtcMemory
from tools.board.atm90e32 import STEP_MWH, Load, SimulatedAtm90e32

SHARE = 25
TURN_US = 10_000
LOADS = (
    Load(230_000, 60_000, 12_000_000, 6_400_000, 2_807),
    Load(231_000, 4_000, -900_000, -100_000, 0),
    Load(229_000, 10, 2_000, 0, 0),
)


class Bench:
    def __init__(self, loads: tuple[Load, ...] = LOADS, memory: RtcMemory | None = None, line_hz: int = 50) -> None:
        self.chip = SimulatedAtm90e32(loads, Random(1))
        self.rows = settings(line_hz, 2, [0x8000, 0x8001, 0x8002], [0x7000, 0x7001, 0x7002])
        self.memory = memory or RtcMemory()
        self.start()

    def start(self) -> None:
        self.front_end = Atm90e32(Chip(self.chip, self.chip.select, self.rows), area(self.memory))

    def run(self, seconds: float) -> list[Window]:
        windows = []
        for _ in range(round(seconds * 1_000_000 / TURN_US)):
            self.chip.pass_time(TURN_US)
            window = self.front_end.poll(TURN_US)
            if window is not None:
                windows.append(window)
        return windows


def area(memory: RtcMemory) -> RtcArea:
    return RtcAreas(memory, (AREA_BYTES,)).areas[0]


def test_the_chips_values_come_in_the_records_of_all_front_ends() -> None:
    """Voltage, current, both powers, frequency per phase and in total; angles and temperature beside them."""
    bench = Bench()
    shown = measure(bench.run(4)[-1], calibration(1))

    first, second = shown.phases[:2]
    assert (first.voltage_mv, first.current_ma, first.active_power_mw, first.reactive_power_mvar) == (
        230_000,
        60_000,
        12_000_000,
        6_400_000,
    )
    assert (second.active_power_mw, second.power_factor, shown.active_power_mw) == (-900_000, -974, 11_102_000)
    assert shown.frequency_mhz == 50_000
    assert dict(bench.front_end.extras) == {
        "phase_angle_l1": 28_000,
        "phase_angle_l2": 0,
        "phase_angle_l3": 0,
        "temperature": 31_000,
    }


def test_beyond_65_amperes_the_gain_scales_values_and_energy() -> None:
    """Behind a larger transformer the chip sees a part of the current; a gain ten times as large makes all ten times as much."""
    bench = Bench()
    counters, scaled = Counters(3), Counters(3)
    windows = bench.run(30)
    shown = measure(windows[-1], calibration(10))
    tally = bench.front_end.tally
    bench.front_end.settle(counters, calibration(1))
    tally.taken[:] = [0] * len(tally.taken)
    bench.front_end.settle(scaled, calibration(10))

    assert (shown.phases[0].current_ma, shown.phases[0].active_power_mw) == (600_000, 120_000_000)
    assert counters.counters_mwh[KINDS] > 90_000
    assert [10 * energy for energy in counters.counters_mwh] == scaled.counters_mwh


def test_our_calibration_turns_and_scales_the_counted_energy() -> None:
    """One percent of gain and ten degrees of angle, per phase; what is less than a mWh is carried."""
    bench = Bench()
    bench.run(61)
    exact, turned = Counters(3), Counters(3)
    tally = bench.front_end.tally
    bench.front_end.settle(exact, calibration(1))
    tally.taken[:] = [0] * len(tally.taken)
    factory = calibration(1).channels
    channels = (Channel(1_010_000, 0, 0), Channel(100_000, 0, 1_000), *factory[2:])
    bench.front_end.settle(turned, Calibration(channels, 0, 0))

    active, reactive = exact.counters_mwh[KINDS], exact.counters_mwh[KINDS + 2]
    assert turned.counters_mwh[KINDS] == pytest.approx(1.01 * (active * 0.984808 + reactive * 0.173648), abs=1)
    assert turned.counters_mwh[2 * KINDS :] == exact.counters_mwh[2 * KINDS :]


@pytest.mark.parametrize("harm", ["brown_out", "corrupt", "mute"])
def test_a_chip_that_is_not_as_it_was_set_up_is_set_up_again(harm: str) -> None:
    """Counted once, its time missing, its energy of that time not believed; then it measures again."""
    bench = Bench()
    bench.run(10)
    before = list(bench.chip.counted)
    if harm == "brown_out":
        bench.chip.brown_out()
    elif harm == "corrupt":
        bench.chip.corrupt(0x61)
    bench.chip.mute = harm == "mute"
    windows = bench.run(3)
    bench.chip.mute = False
    windows += bench.run(6)
    counters = Counters(3)
    bench.front_end.tally.taken[:] = [0] * 12
    bench.front_end.settle(counters, calibration(1))
    chip = bench.chip

    assert bench.front_end.restarts == 1
    assert 500 < sum(window.missing_ms for window in windows) < 5_000
    assert windows[-1].phases
    assert chip.counted[0] > before[0]
    assert counters.counters_mwh[KINDS] == (chip.counted[0] - chip.unread[0] - chip.discarded[0]) * STEP_MWH


def test_a_chip_that_never_answers_leaves_a_living_meter() -> None:
    """Windows without phases, all of their time missing; nothing is counted as a restart, for nothing ever ran."""
    bench = Bench()
    bench.chip.mute = True
    windows = bench.run(10)

    assert len(windows) >= 8
    assert not any(window.phases for window in windows)
    assert sum(window.missing_ms for window in windows) > 8_000
    assert bench.front_end.restarts == 0


def test_one_step_a_turn_never_keeps_modbus_waiting() -> None:
    """At most sixteen transfers of 64 us in one turn, except when the chip is set up."""
    bench = Bench()
    bench.run(3)
    most = 0
    for _ in range(500):
        before = bench.chip.transfers
        bench.front_end.poll(TURN_US)
        most = max(most, bench.chip.transfers - before)

    assert 0 < most <= 16


def test_the_mains_of_60_hz_is_a_setting() -> None:
    """One bit of the chip's mode differs."""
    rows, other = dict(Bench().rows), dict(Bench(line_hz=60).rows)

    assert rows[0x33] ^ other[0x33] == 1 << 12
    assert {key for key in rows if rows[key] != other[key]} == {0x33}


def test_resets_at_every_step_lose_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A share of the long proof, which sweeps every step of every life."""
    lives = energy_restarts.LIVES // SHARE
    trial = energy_restarts.Trial(5)
    for life in range(lives):
        trial.live(1 + life * energy_restarts.STEPS_SWEPT // lives)
    with capsys.disabled():
        print(f"\n{lives} of {energy_restarts.LIVES} lives cut off (1/{SHARE}), {sum(trial.world.chip.counted)} steps of energy")  # noqa: T201 - which share ran

    assert trial.faults == []
    assert trial.resets > lives // 2


def test_a_note_that_is_not_kept_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge is not blind: without the note in RTC memory steps are lost at once."""
    monkeypatch.setattr(Atm90e32, "_read_energy", careless)
    trial = energy_restarts.Trial(5)
    for cut_at in range(10, 60):
        trial.live(cut_at)

    assert trial.faults


def careless(front_end: Atm90e32, entry: int) -> None:
    front_end._chip.clear_last_data()
    count = front_end._chip.read((0x81, 0x85, 0x89, 0x8D)[entry // 3] + entry % 3)
    front_end.tally.add(entry, count)
    front_end.tally.keep()
