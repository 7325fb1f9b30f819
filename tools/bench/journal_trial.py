"""One meter's counters on simulated flash, cut off at every step: what must hold after each restart.

`Trial` runs the journal; at every program and erase step it takes the flash as it would be had the power gone
there, starts a second journal on it (whose own start may be cut off again) and compares with the truth.
Needs no test runner. Runs on MicroPython.
"""

import io

from firmware.counter_journal import TEN_SECONDS, CounterJournal, JournalPlan
from firmware.flash_record import RECORD_BYTES
from tools.board.flash import BLOCK_BYTES, ImpossibleWrite, PowerCut, SimulatedFlash, make_blank

COUNTERS = 16
BLOCKS = 8  # small, so that the ring goes round often
WINDOWS_IN_BOUND = 5  # the meter measures every 0.2 s; for the bound of ten seconds the calls are as late as 2 s
# Where the counters stand at first: at zero, just below what the low part of a record holds, and beyond it.
STARTS = (0, 2**40 - 50_000, 2**40 * 7 - 1, 2**62)
WATT_MAX = 3_000_000
NESTED_ONE_IN = 4  # restarts that are cut off themselves
FLIPPED_ONE_IN = 2  # cuts after which bits have flipped as well, one in a record at most
IMPOSSIBLE = "the journal asked of the flash what it cannot do"
QUIET_ONE_IN = 3  # windows in which an erase is allowed

TYPE_CHECKING = False  # MicroPython has no typing module
if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random


def small(plan: JournalPlan) -> JournalPlan:
    return JournalPlan(plan.loss_bound_ms, plan.save_every_ms, BLOCKS)


class Truth:
    """What readers have been told, the totals a loss bound ago, and the totals now; epoch None before the first start ended."""

    def __init__(self, published: list[int], load: "Load", epoch: int | None) -> None:
        self.published = list(published)
        self.lower = load.bound_ago()
        self.upper = list(load.totals)
        self.epoch = epoch


class RtcMemory:
    def __init__(self) -> None:
        self.data = b""

    def read(self) -> bytes:
        return self.data

    def write(self, data: bytes | bytearray) -> None:
        self.data = bytes(data)


class Load:
    """Energy that really flowed, in mWh: a few loads that change, some directions idle. It flows while the flash stalls, too."""

    def __init__(self, random: "Random", plan: JournalPlan) -> None:
        self.now_ms = 0
        self.totals = [0] * COUNTERS
        self.bound_ms = plan.loss_bound_ms
        self._window_ms = plan.loss_bound_ms // WINDOWS_IN_BOUND
        self._random = random
        self._watts = [0] * COUNTERS
        self._past = [(0, list(self.totals))]

    def stall(self, milliseconds: int) -> None:
        self.now_ms += milliseconds

    def pass_window(self) -> None:
        self.now_ms += self._window_ms
        if not self._random.randrange(20):
            self._watts[self._random.randrange(COUNTERS)] = self._random.randrange(WATT_MAX) * self._random.randrange(2)
        duration_ms = self.now_ms - self._past[-1][0]
        for index, watts in enumerate(self._watts):
            self.totals[index] += watts * duration_ms // 3_600
        self._past.append((self.now_ms, list(self.totals)))
        while self._past[1][0] <= self.now_ms - self.bound_ms:
            self._past.pop(0)

    def bound_ago(self) -> list[int]:
        for at_ms, totals in reversed(self._past):
            if at_ms <= self.now_ms - self.bound_ms:
                return totals
        return self._past[0][1]

    def loss_ms(self, totals: list[int]) -> int:
        """How long ago the totals were these, at most."""
        for at_ms, then in reversed(self._past):
            if all(total >= then[index] for index, total in enumerate(totals)):
                return self.now_ms - at_ms
        return self.now_ms

    def restart(self, totals: list[int]) -> None:
        self.totals = list(totals)
        self._past = [(self.now_ms, list(totals))]


def faults(truth: Truth, journal: CounterJournal) -> list[str]:
    found = []
    if truth.epoch is None:
        return [] if not any(journal.saved) else [f"a first start invented energy: {journal.saved}"]
    if journal.epoch != truth.epoch or not journal.continued:
        found.append(f"epoch {truth.epoch} became {journal.epoch} although nothing was lost")
    for index, total in enumerate(journal.saved):
        if total < truth.published[index]:
            found.append(f"counter {index} fell from {truth.published[index]} to {total}")
        if total < truth.lower[index]:
            found.append(f"counter {index} lost {truth.upper[index] - total}, more than the bound")
        if total > truth.upper[index]:
            found.append(f"counter {index} invented {total - truth.upper[index]}")
    return found


class Trial:
    def __init__(self, random: "Random", plan: JournalPlan = TEN_SECONDS) -> None:
        self.random = random
        self.plan = small(plan)
        self.faults: list[str] = []
        self.cuts = 0
        self.nested = 0
        self.flips = 0
        self.records = 0
        self.loss_ms_max = 0
        self.load = Load(random, plan)
        self._contents = io.BytesIO()
        make_blank(self._contents, BLOCKS)
        self.flash = SimulatedFlash(self._contents, BLOCKS, random, self.load.stall)
        self._scratch = io.BytesIO()
        self._newest = 0  # where the last record went
        self._published = [0] * COUNTERS
        self._epoch: int | None = None
        self._forced = 0
        self._busy = False  # the wire has no gap for an erase
        self.flash.witness = self._cut
        self.journal = self._start(self.flash)
        self.flash.witness = None
        self.load.restart([STARTS[index % len(STARTS)] for index in range(COUNTERS)])
        self.journal.save(self.load.now_ms, self.load.totals)
        self.flash.witness = self._cut
        self._epoch = self.journal.epoch

    def draw(self) -> int:
        return self.random.getrandbits(16)

    def run(self, records: int, progress: "Callable[[int], object]" = lambda _done: None) -> None:
        while self.records < records and not self.faults:
            self.load.pass_window()
            self._published = self.journal.saved  # the journal's own list: a total is out as soon as it stands there
            erases = self.journal.erases
            try:
                self.journal.service(self.load.now_ms, self.load.totals, self._may_erase)
            except (ImpossibleWrite, OSError) as error:
                self.faults.append(f"{IMPOSSIBLE}: {error}")
            self._watch_erases(erases)
            progress(self.records)

    def _may_erase(self) -> bool:
        return not self._busy and not self.random.randrange(QUIET_ONE_IN)

    def _watch_erases(self, erases_before: int) -> None:
        if self.journal.erases_forced > self._forced and not self._busy and self.records:
            self.faults.append("an erase was forced although one had been allowed before")
        self._forced = self.journal.erases_forced
        if self.journal.erases > erases_before:
            self._busy = not self.random.randrange(8)  # now and then the wire has no gap for a whole sector

    def _cut(self, place: int, length: int) -> None:
        self.cuts += 1
        self.records += length == RECORD_BYTES - 4
        truth = Truth(self._published, self.load, self._epoch)
        self._contents.seek(0)
        self._scratch.seek(0)
        self._scratch.write(self._contents.read(BLOCKS * BLOCK_BYTES))
        flash = SimulatedFlash(self._scratch, BLOCKS, self.random)
        if not self.random.randrange(FLIPPED_ONE_IN):
            self._flip(flash, place, length)
        if length == RECORD_BYTES - 4:
            self._newest = place
        try:
            restarted = self._restart(flash)
        except (ImpossibleWrite, OSError) as error:
            self.faults.append(f"{IMPOSSIBLE}: {error}")
            return
        self.faults += faults(truth, restarted)
        self.loss_ms_max = max(self.loss_ms_max, self.load.loss_ms(restarted.saved))

    def _restart(self, flash: SimulatedFlash) -> CounterJournal:
        """Perhaps cut off as well, and again."""
        while not self.random.randrange(NESTED_ONE_IN):
            flash.cut_at = flash.steps + 1 + self.random.randrange(COUNTERS + 3)
            try:
                self._start(flash)
            except PowerCut:
                self.nested += 1
            flash.power_on()
        return self._start(flash)

    def _start(self, flash: SimulatedFlash) -> CounterJournal:
        return CounterJournal(flash, 0, self.plan, RtcMemory(), self.draw, COUNTERS)

    def _flip(self, flash: SimulatedFlash, place: int, length: int) -> None:
        """The newest record, a neighbour or any other; never what was being written, and no record twice."""
        here = place - place % RECORD_BYTES
        chosen = {self._newest, here - RECORD_BYTES * (1 + self.random.randrange(20)), self.random.randrange(BLOCKS * 128) * RECORD_BYTES}
        for each in chosen:
            if each >= 0 and not here <= each < here + length:
                self.flips += 1
                flash.flip(each // BLOCK_BYTES, each % BLOCK_BYTES * 8 + self.random.randrange(RECORD_BYTES * 8))
