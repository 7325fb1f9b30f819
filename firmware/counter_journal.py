"""Counters that survive a power cut: append-only records in a ring of flash sectors, the newest valid one wins.

What is saved is what may be published: only a record that has read back right moves `saved`, so a reader never
sees a total fall. Each sector begins with all counters in full; after that only groups that changed are written.
This file knows numbers, not what they count; time, randomness and permission to erase are arguments.
How it works stands in docs/explanation/counters-that-survive.md. Runs on MicroPython.
"""

import struct
from collections import namedtuple

from firmware.counter_mirror import CounterMirror
from firmware.counter_records import GROUP, LOW_MASK, PAIR, FoundTotals, group_record, pair_record
from firmware.flash_record import BLANK, DAMAGED, Flaw, Record
from firmware.flash_sectors import SLOTS, TITLE, FlashSectors
from protocols.errors import OurMistake

MIRROR_MS = 1000
BLOCKS_MIN = 4  # one in use, one ahead, two behind: what an interrupted erase leaves is never among the newest three
_SECTORS_READ = 3  # the one ahead, the one in use, and the one before, should the head of that not be complete
_SECTORS_TRIED = 3  # each costs an erase that stalls all; if three in a row are bad, the next save goes on from there
_EPOCHS = 65_535  # 16 bits without 0
_INVERTED = 0xFF  # the note is the kind with all bits inverted: a damaged record says what it was only if both agree
_OWNER = 0x4A01  # changes with the form of the records
_TITLE_FORM = "<HH16s"  # counters, blocks of the ring

TYPE_CHECKING = False  # the board has no typing module
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from firmware.counter_mirror import Memory
    from firmware.flash_sectors import BlockDevice


class JournalPlan(namedtuple("JournalPlan", ("loss_bound_ms", "save_every_ms", "blocks"))):
    """The interval leaves room for a late call and for one erase that stalls; the ring is sized for ten years."""

    loss_bound_ms: int
    save_every_ms: int
    blocks: int


TEN_SECONDS = JournalPlan(10_000, 8_000, 16)
ONE_SECOND = JournalPlan(1_000, 700, 160)
# Where the journal lies in files: each save stalls the chip four times, so it comes seldom.
ONE_MINUTE = JournalPlan(60_000, 55_000, BLOCKS_MIN)


class CounterJournal:
    """Made once after each start: it finds the totals again and writes them down before anything is published.

    `draw` gives a random number of 16 bits: the epoch, should continuity be lost.
    """

    def __init__(
        self,
        device: "BlockDevice",
        first_block: int,
        plan: JournalPlan,
        memory: "Memory",
        draw: "Callable[[], int]",
        counters: int = 16,
        aside: "bytearray | None" = None,
    ) -> None:
        """`aside` is mirrored with the totals and found again with them, where `aside_kept` says so."""
        if plan.blocks < BLOCKS_MIN or counters % GROUP:
            raise OurMistake("the journal takes %d blocks or more and counters in groups of %d" % (BLOCKS_MIN, GROUP))
        self.saved = [0] * counters
        self.epoch = 0
        self.continued = False
        self.damaged = 0  # records that were whole once and are not any more
        self.erases_forced = 0  # nobody had allowed one in time
        self.failures = 0  # saves that no sector took
        self._sectors = FlashSectors(device, first_block, plan.blocks, _OWNER)
        self._plan = plan
        self._aside = bytearray() if aside is None else aside
        self.aside_kept = False
        self._mirror = CounterMirror(memory, counters, self._aside)
        self._sector = 0
        self._generation = 0
        self._slot = SLOTS
        self._ahead: bool | None = None  # the next sector is open; None: not tried yet
        self._saved_ms: int | None = None
        self._tried_ms: int | None = None
        self._mirrored_ms: int | None = None
        self._wanted: list[int] | None = None  # what is being written down
        self._head: int | None = None  # the next counter in a sector's head; None: groups are being written
        self._tries = 0
        self._recover(draw)

    @property
    def erases(self) -> int:
        return self._sectors.erases

    @property
    def rejected(self) -> int:
        """Records that did not read back as written."""
        return self._sectors.rejected

    def service(self, now_ms: int, totals: "Sequence[int]", may_erase: "Callable[[], bool]") -> None:
        """All that is due, at once."""
        self.begin_due(now_ms, totals)
        while self.proceed(may_erase):
            pass

    def begin_due(self, now_ms: int, totals: "Sequence[int]") -> None:
        """Call after each measuring window: mirrors what is due, and begins a save when one is; `proceed` writes it down."""
        if self._wanted is None and _due(now_ms, self._tried_ms, self._plan.save_every_ms):
            self._begin(now_ms, totals)
        elif _due(now_ms, self._mirrored_ms, MIRROR_MS):
            self._mirror_now(now_ms, totals)

    def proceed(self, may_erase: "Callable[[], bool]") -> bool:
        """One record, or the erase of the sector ahead, so that an answer waits for no more; False if there was nothing to do."""
        if self._wanted is not None:
            self._go_on(self._wanted)
        elif self._ahead is None and may_erase():
            self._ahead = self._open_next()
        else:
            return False
        return True

    @property
    def saving(self) -> bool:
        """`saved` is of two moments."""
        return self._wanted is not None

    def save(self, now_ms: int, totals: "Sequence[int]") -> bool:
        """Write down what has changed; also called before a latch, an update or a restart."""
        self.begin(now_ms, totals)
        failures = self.failures
        self._finish()
        return self.failures == failures

    def begin(self, now_ms: int, totals: "Sequence[int]") -> None:
        """As `save`, but `proceed` writes it down."""
        self._finish()  # a sector without its whole head may not be left behind
        self._begin(now_ms, totals)

    def age_ms(self, now_ms: int) -> int | None:
        """How old `saved` is; None before the first save since start."""
        return None if self._saved_ms is None else now_ms - self._saved_ms

    # -- writing

    def _mirror_now(self, now_ms: int, totals: "Sequence[int]") -> None:
        self._mirror.write(self.epoch, totals)
        self._mirrored_ms = now_ms

    def _begin(self, now_ms: int, totals: "Sequence[int]") -> None:
        for index, total in enumerate(totals):
            if total < self.saved[index]:
                raise OurMistake("counter %d fell from %d to %d; nothing was saved" % (index, self.saved[index], total))
        self._tried_ms = now_ms
        self._mirror_now(now_ms, totals)  # first, so that it is never behind what is published
        self._wanted = list(totals)
        if any(total - self.saved[index] > LOW_MASK for index, total in enumerate(totals)):
            self._begin_head()

    def _finish(self) -> None:
        while self._wanted is not None:
            self._go_on(self._wanted)

    def _begin_head(self) -> None:
        self._head, self._tries = 0, 0

    def _go_on(self, totals: "list[int]") -> None:
        """One record: of a group that has changed, or of a sector's head, which holds all counters."""
        self._put_group(totals) if self._head is None else self._put_pair(totals, self._head)

    def _put_group(self, totals: "list[int]") -> None:
        for first in range(0, len(totals), GROUP):
            if _changed(totals, self.saved, first):
                if self._put(*group_record(totals, first)):
                    self._take(totals, first, GROUP)
                else:
                    self._begin_head()
                return
        self._end(done=True)

    def _put_pair(self, totals: "list[int]", first: int) -> None:
        if (first or self._room() >= len(totals) // PAIR) and self._put(*pair_record(totals, first)):
            self._take(totals, first, PAIR)
            self._head = first + PAIR
            if self._head >= len(totals):
                self._end(done=True)
        elif self._tries == _SECTORS_TRIED:
            self._end(done=False)
        else:  # where a sector does not take it the next is tried
            self._tries += 1
            self._head = 0
            self._move_on()

    def _end(self, *, done: bool) -> None:
        self._wanted = self._head = None
        if done:
            self._saved_ms = self._tried_ms
        else:
            self.failures += 1

    def _put(self, kind: int, body: bytes) -> bool:
        """A slot that does not read back as written is left behind; False at the end of the sector."""
        while self._room():
            sequence = self._generation * SLOTS + self._slot
            self._slot += 1
            if self._sectors.write(self._sector, Record(sequence, self.epoch, kind, kind ^ _INVERTED, body)):
                return True
        return False

    def _take(self, totals: "Sequence[int]", first: int, count: int) -> None:
        for index in range(first, first + count):
            self.saved[index] = totals[index]

    def _room(self) -> int:
        return SLOTS - self._slot

    def _move_on(self) -> None:
        if not self._ahead:
            self.erases_forced += 1
            self._ahead = self._open_next()
        self._sector = self._next()
        self._generation += 1
        self._slot = TITLE + 1 if self._ahead else SLOTS
        self._ahead = None

    def _open_next(self) -> bool:
        body = struct.pack(_TITLE_FORM, len(self.saved), self._sectors.count, b"")
        return self._sectors.open(self._next(), Record((self._generation + 1) * SLOTS + TITLE, self.epoch, TITLE, 0, body))

    def _next(self) -> int:
        return (self._sector + 1) % self._sectors.count

    # -- finding it again

    def _recover(self, draw: "Callable[[], int]") -> None:
        found = FoundTotals(len(self.saved))
        for generation, sector in self._newest_sectors():
            self._read_sector(generation, sector, found)
        if self._sectors.titled(self._next(), self._generation + 1):
            self._ahead = True
        mirrored = self._mirror.read()
        if mirrored is not None and found.epoch in (None, mirrored.epoch):
            found.adopt(mirrored.epoch, mirrored.totals)
            self._aside[:] = mirrored.aside
            self.aside_kept = True
        self.damaged = found.damaged
        self.continued = found.whole()
        self.epoch = found.epoch if found.epoch is not None and self.continued else _unused_epoch(draw(), found.epochs)
        self.saved = found.known_totals()
        self._wanted = list(self.saved)
        self._begin_head()
        self._finish()
        self.erases_forced = 0  # before the first frame nobody is disturbed

    def _newest_sectors(self) -> "list[tuple[int, int]]":
        order = []
        sector = 0
        while sector < self._sectors.count:
            generation = self._sectors.generation(sector)
            if generation is not None:
                order.append((generation, sector))
                title = self._sectors.titled(sector, generation)
                if title:  # a ring may grow by an update; one that was larger is not cut, its newest records may lie there
                    self._sectors.count = max(self._sectors.count, struct.unpack(_TITLE_FORM, title.body)[1])
            sector += 1
        return sorted(order)[-_SECTORS_READ:]

    def _read_sector(self, generation: int, sector: int, found: FoundTotals) -> None:
        title = self._sectors.titled(sector, generation)
        if title:
            found.expect(struct.unpack(_TITLE_FORM, title.body)[0])
        last = TITLE
        for slot in range(TITLE + 1, SLOTS):
            record = self._sectors.read(sector, slot, generation)
            if record is not BLANK:
                last = slot
            if record is DAMAGED:
                kind, note = self._sectors.kind_and_note()
                found.doubt(kind if kind ^ note == _INVERTED else TITLE)
            elif not isinstance(record, Flaw):
                found.apply(record)
        if last > TITLE or self._slot == SLOTS:
            self._sector, self._generation, self._slot = sector, generation, last + 1


def _due(now_ms: int, last_ms: int | None, every_ms: int) -> bool:
    return last_ms is None or now_ms - last_ms >= every_ms


def _changed(totals: "Sequence[int]", saved: "Sequence[int]", first: int) -> bool:
    return any(totals[index] != saved[index] for index in range(first, first + GROUP))


def _unused_epoch(drawn: int, used: "set[int]") -> int:
    epoch = drawn % _EPOCHS + 1
    while epoch in used:
        epoch = epoch % _EPOCHS + 1
    return epoch
