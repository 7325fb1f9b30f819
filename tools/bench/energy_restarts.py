"""The processor is reset at every transfer to the metering IC, every write to RTC memory and every step of the flash: no step is lost.

`python -m tools.bench.energy_restarts [--lives 5000] [--seed 1]`. The real application with its journal runs on a simulated
ATM90E32 that goes on counting while the processor is down. In life after life the reset comes one step later than in the one before
it, in the middle of that step: a transfer before or after the chip has acted, a write to RTC memory torn at any byte, a program or an
erase half done. In every fourth life the start that follows is cut off as well; in others bits flip on the wire, or the chip itself
loses its power. After each restart the counters must hold exactly what the chip has counted less what still stands in it.
One JSON line says what came of it; the status is 1 if anything was lost or invented.
"""

import io
import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.progress import Progress

from firmware.application import Application
from firmware.block_slot import BlockLog, BlockSlot
from firmware.carried import BYTES, Carried
from firmware.clock import MeterClock
from firmware.counter_journal import CounterJournal, JournalPlan
from firmware.front_ends.atm90e32 import Atm90e32, calibration
from firmware.front_ends.atm90e32_chip import Chip, settings
from firmware.load_profile import LoadProfile
from firmware.metrology.calibration_store import CalibrationStore
from firmware.metrology.energy import KINDS, Counters, entries
from firmware.parts import Parts
from firmware.profile_window import ProfileWindow
from firmware.quality import Quality
from firmware.register_image import RegisterImage
from firmware.rtc_areas import RtcAreas
from firmware.rtc_plan import AREAS, COUNTERS, COUNTERS_AREA, FRONT_END_AREA
from firmware.settings import Settings, SettingsStore
from firmware.update import Update
from tools.board.atm90e32 import STEP_MWH, Load, ProcessorReset, SimulatedAtm90e32
from tools.board.flash import PowerCut, SimulatedFlash, make_blank

LIVES = 5_000
TURN_US = 20_000
LIFE_TURNS_MAX = 600  # twelve seconds: every cycle of the chip and a save of the journal
CYCLE_TURNS = 120  # two seconds hold a whole cycle
STEPS_SWEPT = 1_400  # of a life; one more than that is like one before
NESTED_ONE_IN, NOISY_ONE_IN, BROWN_OUT_ONE_IN, WIRE_NOISE_ONE_IN = 4, 5, 25, 2_000
DOWN_US_MAX = 20_000_000
FAULTS_SHOWN = 10
_PLAN = JournalPlan(10_000, 8_000, 4)
_JOURNAL, _PROFILE, _BLOCKS = 0, 8, 80
# Directions stay as they are: what a phase takes and gives within one restart is set against each other.
_LOADS = (
    Load(230_000, 60_000, 13_700_000, 1_200_000, 500),
    Load(231_000, 40_000, -9_100_000, -800_000, -500),
    Load(229_000, 3_000, 650_000, -90_000, 800),
)


class World:
    """What outlives the processor: chip, RTC memory, flash. Each step of any of them is counted; one may be the last."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.steps = 0
        self.cut_at: int | None = None
        self.chip = SimulatedAtm90e32(_LOADS, random)
        contents = io.BytesIO()
        make_blank(contents, _BLOCKS)
        self.flash = SimulatedFlash(contents, _BLOCKS, random)
        self._rtc = b""

    def is_last(self) -> bool:
        self.steps += 1
        return self.steps == self.cut_at

    # -- SPI

    def write_readinto(self, write_buf: bytearray, read_buf: bytearray) -> None:
        if self.is_last():
            self.chip.cut_at, self.chip.cut_after_acting = self.chip.transfers + 1, bool(self.random.getrandbits(1))
        self.chip.write_readinto(write_buf, read_buf)

    # -- RTC memory

    def read(self) -> bytes:
        return self._rtc

    def write(self, data: bytes | bytearray) -> None:
        if self.is_last():
            torn = self.random.randrange(len(data) + 1)
            self._rtc = bytes(data[:torn]) + self._rtc[torn:].ljust(len(data) - torn, b"\0")
            raise ProcessorReset
        self._rtc = bytes(data)

    # -- flash

    def readblocks(self, block: int, buffer: bytearray | memoryview, offset: int = 0) -> None:
        self.flash.readblocks(block, buffer, offset)

    def writeblocks(self, block: int, buffer: bytes | bytearray | memoryview, offset: int | None = None) -> None:
        self._flash_step()
        self.flash.writeblocks(block, buffer, offset)

    def ioctl(self, operation: int, argument: int) -> int:
        self._flash_step()
        return self.flash.ioctl(operation, argument)

    def _flash_step(self) -> None:
        if self.is_last():
            self.flash.cut_at = self.flash.steps + 1


class Life:
    """From one start of the firmware to its end, put together as `firmware.main` does it."""

    def __init__(self, world: World) -> None:
        areas = RtcAreas(world, AREAS).areas
        self.front_end = Atm90e32(Chip(world, world.chip.select, settings(50, 1, [0x8000] * 3, [0x8000] * 3)), areas[FRONT_END_AREA])
        aside = bytearray(BYTES)
        self.journal = CounterJournal(world, _JOURNAL, _PLAN, areas[COUNTERS_AREA], lambda: world.random.getrandbits(16), COUNTERS, aside)
        self.counters = Counters(3, self.journal.saved[: entries(3)])
        carried = Carried(aside, self.counters, self.front_end.tally)
        carried.restore(self.journal.aside_kept)
        image, profile = RegisterImage(), LoadProfile(world, _PROFILE)
        slots = [BlockSlot(world, _BLOCKS - 1 - number) for number in range(4)]
        store = CalibrationStore((slots[0], slots[1]), BlockLog(world, (_BLOCKS - 6, _BLOCKS - 5)).append, calibration(1))
        line = SettingsStore((slots[2], slots[3]), Settings(b"", 1, 9600, 1, 1))
        clock = MeterClock(lambda: TURN_US)
        window = ProfileWindow(profile, image)
        update = Update(image, "bench", "0.1.0", b"", 9_000)
        parts = Parts(image, clock, self.front_end, store, self.counters, self.journal, profile, window, Quality(), line, carried, update)
        self.application = Application(parts)
        self._world, self._clock = world, clock

    def run(self, turns: int) -> None:
        """Ends with a window that has just been taken."""
        while True:
            turns -= 1
            self._world.chip.pass_time(TURN_US)
            window = self.front_end.poll(self._clock.advance())
            if window is None:
                continue
            self.application.take(window)
            while self.application.proceed(lambda: True):
                pass
            if turns <= 0:
                return

    def counted_mwh(self) -> list[int]:
        """In the order of the chip's registers."""
        counters = self.counters.counters_mwh
        return [counters[KINDS * (1 + phase) + kind] for kind in range(KINDS) for phase in range(3)]


class Trial:
    def __init__(self, seed: int) -> None:
        self.world = World(Random(seed))
        self.faults: list[str] = []
        self.resets = self.resets_at_start = self.brown_outs = self.noisy_lives = 0
        self._epoch: int | None = None
        self._published: list[int] = []

    def run(self, lives: int, progress: Callable[[int], object] = lambda _done: None) -> None:
        for life in range(lives):
            self.live(1 + life % STEPS_SWEPT)
            progress(life + 1)
            if len(self.faults) >= FAULTS_SHOWN:
                return

    def live(self, cut_at: int) -> None:
        """Cut off at this step, perhaps again at its start, then compared."""
        world, noisy = self.world, self._one_in(NOISY_ONE_IN)
        world.chip.noise_one_in = WIRE_NOISE_ONE_IN if noisy else 0
        self.noisy_lives += noisy
        if self._start_and_run(cut_at, LIFE_TURNS_MAX) is None:
            self.resets += 1
        while self._one_in(NESTED_ONE_IN):
            if self._start_and_run(1 + world.random.randrange(STEPS_SWEPT // 4), CYCLE_TURNS) is None:
                self.resets_at_start += 1
        world.chip.noise_one_in = 0
        life = self._start_and_run(None, CYCLE_TURNS)
        assert life is not None
        self._compare(life, f"reset at step {cut_at}{', noise' if noisy else ''}")
        if self._one_in(BROWN_OUT_ONE_IN):
            self._lose_power(life)

    def _lose_power(self, life: Life) -> None:
        """The chip's, not the processor's."""
        self.brown_outs += 1
        before = life.front_end.restarts
        self.world.chip.brown_out()
        life.run(CYCLE_TURNS)
        if life.front_end.restarts != before + 1:
            self.faults.append("the chip lost its power and nobody noticed")
        self._compare(life, "the chip's loss of power")

    def _start_and_run(self, cut_at: int | None, turns: int) -> Life | None:
        """None if the reset came."""
        world = self.world
        world.chip.pass_time(world.random.randrange(DOWN_US_MAX))
        world.steps, world.cut_at = 0, cut_at
        try:
            life = Life(world)
            self._watch(life)
            life.run(turns)
        except (ProcessorReset, PowerCut):
            world.chip.cut_at = None
            world.flash.power_on()
            return None
        self._watch(life)
        return life

    def _watch(self, life: Life) -> None:
        """What readers have seen never falls, and nobody is told of lost continuity."""
        saved = life.journal.saved
        if self._published and any(now < then for now, then in zip(saved, self._published, strict=True)):
            self.faults.append("a published counter fell")
        if self._epoch not in (None, life.journal.epoch):
            self.faults.append("the epoch changed")
        self._epoch, self._published = life.journal.epoch, list(saved)

    def _compare(self, life: Life, where: str) -> None:
        chip = self.world.chip
        wanted = [
            (counted - unread - discarded) * STEP_MWH
            for counted, unread, discarded in zip(chip.counted, chip.unread, chip.discarded, strict=True)
        ]
        if life.counted_mwh() != wanted:
            lost = [(there - here) // STEP_MWH for here, there in zip(life.counted_mwh(), wanted, strict=True)]
            self.faults.append(f"after {where}: steps lost (or invented, below zero) by register: {lost}")

    def _one_in(self, times: int) -> bool:
        return not self.world.random.randrange(times)


def run(lives: int, seed: int, progress: Callable[[int], object] = lambda _done: None) -> dict[str, Any]:
    trial = Trial(seed)
    trial.run(lives, progress)
    chip = trial.world.chip
    return {
        "seed": seed,
        "lives": lives,
        "resets": trial.resets,
        "resets_during_start": trial.resets_at_start,
        "noisy_lives": trial.noisy_lives,
        "chip_brown_outs": trial.brown_outs,
        "energy_steps": sum(chip.counted),
        "steps_overflowed": chip.lost,
        "faults": len(trial.faults),
        "first_faults": trial.faults,
    }


def main() -> int:
    parser = ArgumentParser(prog="python -m tools.bench.energy_restarts", description=__doc__)
    parser.add_argument("--lives", type=int, default=LIVES)
    parser.add_argument("--seed", type=int, default=1)
    wishes = parser.parse_args()
    console = Console(stderr=True)
    began = perf_counter()
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("resets", total=wishes.lives)
        found = run(wishes.lives, wishes.seed, lambda done: bar.update(task, completed=done))
    print(json.dumps({"date": f"{datetime.now(UTC):%Y-%m-%d}", **found, "seconds": round(perf_counter() - began)}))
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
