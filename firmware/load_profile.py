"""The load profile: how four counters stood at every full quarter of an hour, kept for 60 days or more.

The place of a record follows from its time alone, so nothing is searched and a quarter without a record is
a gap that stays a gap: the meter was off, or its clock not set. Counters are kept, not differences,
so the energy of a gap is known even where its course is not. A quarter is Unix seconds / 900; the record of
quarter q ends the 15 minutes before it. The clock and permission to erase are arguments.
Runs on MicroPython.
"""

from collections import namedtuple

from firmware.counter_records import complete, pack_low, unpack_low
from firmware.flash_record import BLANK, Record
from firmware.flash_sectors import SLOTS, TITLE, FlashSectors
from protocols.errors import OurMistake

QUARTER_S = 900
PROFILE_TOTALS = 4
BLOCKS = 64  # 82 days: 60 and the time a person needs to notice
BLOCKS_MIN = 48  # 60 days beside the sector being filled and the one ahead
_QUARTERS = SLOTS - 1  # in one sector: a day and eight hours
_OWNER = 0x5001  # changes with the form of the records
_KIND = 1
_BASE_SHIFT = 24  # a title holds the upper 40 bits of each total: together with the low 40 of a record all 64
_PERCENT_MAX = 100

TYPE_CHECKING = False  # the board has no typing module
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from firmware.flash_sectors import BlockDevice


class ProfileRecord(namedtuple("ProfileRecord", ("quarter", "epoch", "coverage_percent", "totals"))):
    """`coverage_percent`: how much of the 15 minutes was really measured."""

    quarter: int
    epoch: int
    coverage_percent: int
    totals: "Sequence[int]"


class Gap(namedtuple("Gap", ("reason",))):
    reason: str


NOT_RECORDED = Gap("not_recorded")
UNREADABLE = Gap("unreadable")


class LoadProfile:
    """`put` at every quarter; `service` in quiet moments does the writing and erases ahead."""

    def __init__(self, device: "BlockDevice", first_block: int, blocks: int = BLOCKS) -> None:
        if blocks < BLOCKS_MIN:
            raise OurMistake("the load profile takes %d blocks or more, not %d: it would not reach back 60 days" % (BLOCKS_MIN, blocks))
        self.erases_forced = 0  # nobody had allowed one for a whole quarter
        self.missed = 0  # records that could not be written; their quarter is a gap
        self._sectors = FlashSectors(device, first_block, blocks, _OWNER)
        self._pending: ProfileRecord | None = None
        self._ahead: ProfileRecord | None = None  # the sector after this one's is to be opened

    def put(self, record: ProfileRecord) -> None:
        if not 0 <= record.coverage_percent <= _PERCENT_MAX or len(record.totals) != PROFILE_TOTALS:
            raise OurMistake("a profile record has %d totals and a coverage of 0 to 100 %%" % PROFILE_TOTALS)
        if self._pending is not None:
            self.erases_forced += 1
            self.service(_now)
        self._pending = record

    def service(self, may_erase: "Callable[[], bool]") -> None:
        if self._pending is not None:
            if self._ready(self._pending, _generation(self._pending.quarter), may_erase):
                self._write(self._pending)
                self._ahead, self._pending = self._pending, None
        elif self._ahead is not None and self._ready(self._ahead, _generation(self._ahead.quarter) + 1, may_erase):
            self._ahead = None

    def read(self, quarter: int) -> ProfileRecord | Gap:
        return self._read(quarter, self._title(_generation(quarter)))

    def records(self, first: int, end: int) -> "Iterator[tuple[int, ProfileRecord | Gap]]":
        """Every quarter from `first` to before `end`, gaps included."""
        title, generation = None, -1
        for quarter in range(first, end):
            if _generation(quarter) != generation:
                generation = _generation(quarter)
                title = self._title(generation)
            yield quarter, self._read(quarter, title)

    def oldest(self, quarter: int) -> int:
        """As far back as the ring surely reaches when `quarter` is the newest."""
        return (_generation(quarter) - self._sectors.count + 2) * _QUARTERS

    def _ready(self, record: ProfileRecord, generation: int, may_erase: "Callable[[], bool]") -> bool:
        """The sector was opened for this generation, or is now; False: not now. A sector that does not open costs gaps."""
        if self._title(generation) is not None:
            return True
        if not may_erase():
            return False
        base = pack_low([total >> _BASE_SHIFT for total in record.totals])
        self._sectors.open(generation % self._sectors.count, Record(generation * SLOTS, record.epoch, TITLE, 0, base))
        return True

    def _write(self, record: ProfileRecord) -> None:
        generation = _generation(record.quarter)
        sector, slot = generation % self._sectors.count, _slot(record.quarter)
        raw = Record(generation * SLOTS + slot, record.epoch, _KIND, record.coverage_percent, pack_low(record.totals))
        title = self._title(generation)
        # A title of another epoch may not complete these totals: then a gap is better than a wrong figure.
        sound = title is not None and _totals(raw, title) == list(record.totals)
        if not (sound and self._sectors.read(sector, slot) is BLANK and self._sectors.write(sector, raw)):
            self.missed += 1

    def _read(self, quarter: int, title: Record | None) -> ProfileRecord | Gap:
        generation = _generation(quarter)
        found = self._sectors.read(generation % self._sectors.count, _slot(quarter), generation)
        if isinstance(found, Record) and title is not None:
            return ProfileRecord(quarter, found.epoch, found.note, _totals(found, title))
        if title is None and not isinstance(found, Record):
            return NOT_RECORDED  # another time's sector, or none
        return NOT_RECORDED if found is BLANK else UNREADABLE

    def _title(self, generation: int) -> Record | None:
        return self._sectors.titled(generation % self._sectors.count, generation)


def _totals(record: Record, title: Record) -> list[int]:
    """Totals only grow within an epoch, so the title's are below; of another epoch nothing is known."""
    if record.epoch != title.epoch:
        return unpack_low(record.body)
    return [complete(low, upper << _BASE_SHIFT) for low, upper in zip(unpack_low(record.body), unpack_low(title.body))]


def _generation(quarter: int) -> int:
    return quarter // _QUARTERS


def _slot(quarter: int) -> int:
    return TITLE + 1 + quarter % _QUARTERS


def _now() -> bool:
    return True
