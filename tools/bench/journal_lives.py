"""One meter that is cut off, reset and worn for real, life after life, and what more damage than promised does.

`Lives` goes on with whatever each end left in the flash; `Harm` flips several bits in the newest record, which
no promise covers: then totals must still not be invented, and a fall is to be announced by a new epoch.
Needs no test runner. Runs on MicroPython.
"""

import io

from firmware.counter_journal import TEN_SECONDS, CounterJournal
from firmware.flash_record import RECORD_BYTES
from tools.bench.journal_trial import BLOCKS, COUNTERS, Load, RtcMemory, Truth, faults, small
from tools.board.flash import BLOCK_BYTES, PowerCut, SimulatedFlash, make_blank

_PLAN = small(TEN_SECONDS)
WINDOWS_MAX = 400  # of one life: up to an hour of saves would only be slow
RESET_ONE_IN = 3  # lives that end by the watchdog, which leaves RTC memory as it is
TORN_ONE_IN = 4  # of those, the share that strikes in the middle of writing it
WORN_ONE_IN = 300  # programs that leave a bit unprogrammed
FLIPS_MAX = 4  # the check word tells any four flipped bits from every other record

TYPE_CHECKING = False  # MicroPython has no typing module
if TYPE_CHECKING:
    from random import Random


class Lives:
    def __init__(self, random: "Random") -> None:
        self.random = random
        self.faults: list[str] = []
        self.cuts = 0
        self.resets = 0
        self.rejected = 0  # records that did not read back as written
        self.load = Load(random, TEN_SECONDS)
        contents = io.BytesIO()
        make_blank(contents, BLOCKS)
        self.flash = SimulatedFlash(contents, BLOCKS, random, self.load.stall)
        self.flash.worn_one_in = WORN_ONE_IN
        self.memory = RtcMemory()
        self.journal = self._start()
        self._epoch = self.journal.epoch

    def run(self, lives: int) -> None:
        for _ in range(lives):
            if self.faults:
                return
            self._live()
            self._again()

    def _live(self) -> None:
        windows = 1 + self.random.randrange(WINDOWS_MAX)
        if self.random.randrange(RESET_ONE_IN):
            self.flash.cut_at = self.flash.steps + 1 + self.random.randrange(windows)
        self._published = list(self.journal.saved)
        try:
            for _ in range(windows):
                self.load.pass_window()
                self._published = self.journal.saved
                self._mirrored = self.memory.data
                self.journal.service(self.load.now_ms, self.load.totals, lambda: not self.random.randrange(4))
        except PowerCut:
            return
        if not self.random.randrange(TORN_ONE_IN):
            torn = self.random.randrange(len(self.memory.data))
            self.memory.data = self.memory.data[:torn] + self._mirrored[torn:]

    def _again(self) -> None:
        truth = Truth(self._published, self.load, self._epoch)
        try:
            self.flash.readblocks(0, bytearray(1))
            self.resets += 1
        except PowerCut:
            self.cuts += 1
            self.memory.data = b""
        self.flash.power_on()
        self.rejected += self.journal.rejected
        self.journal = self._start()
        self.faults += faults(truth, self.journal)
        self.load.restart(self.journal.saved)

    def _start(self) -> CounterJournal:
        return CounterJournal(self.flash, 0, _PLAN, self.memory, lambda: self.random.getrandbits(16), COUNTERS)


class Harm:
    def __init__(self, random: "Random") -> None:
        self.random = random
        self.harmed = 0
        self.announced = 0  # by a new epoch
        self.unannounced = 0  # a total fell and nobody was told
        self.faults: list[str] = []

    def run(self, times: int) -> None:
        """Each time a new meter writes for a while, and then the record before its last step is harmed."""
        for _ in range(times):
            self._harm_one()

    def _harm_one(self) -> None:
        load = Load(self.random, TEN_SECONDS)
        contents = io.BytesIO()
        make_blank(contents, BLOCKS)
        flash = SimulatedFlash(contents, BLOCKS, self.random, load.stall)
        newest = []
        flash.witness = lambda place, length: newest.append(place) if length == RECORD_BYTES - 4 else None
        journal = self._start(flash)
        for _ in range(40 + self.random.randrange(60)):
            load.pass_window()
            journal.service(load.now_ms, load.totals, lambda: True)
        self._flip(flash, newest[-1 - self.random.randrange(3)])
        again = self._start(flash)
        self.harmed += 1
        fell = any(total < journal.saved[index] for index, total in enumerate(again.saved))
        self.announced += again.epoch != journal.epoch
        self.unannounced += fell and again.epoch == journal.epoch
        if any(total > load.totals[index] for index, total in enumerate(again.saved)):
            self.faults.append("a harmed record was taken for a whole one")

    def _flip(self, flash: SimulatedFlash, place: int) -> None:
        bits: set[int] = set()
        count = 2 + self.random.randrange(FLIPS_MAX - 1)
        while len(bits) < count:
            bits.add(self.random.randrange(RECORD_BYTES * 8))
        for bit in bits:
            flash.flip(place // BLOCK_BYTES, place % BLOCK_BYTES * 8 + bit)

    def _start(self, flash: SimulatedFlash) -> CounterJournal:
        return CounterJournal(flash, 0, _PLAN, RtcMemory(), lambda: self.random.getrandbits(16), COUNTERS)
