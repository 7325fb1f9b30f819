"""Power rows are thinned with age, and under pressure of space earlier: a batch at a time, in small slices, each signed.

What stays is real: of each meter the first row with values in each minute, later in each quarter of an hour. Records of other
kinds are never touched, and a batch whose rows are not those that were sealed is left alone: thinning must hide no tampering.
"""

import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlite_utils import Database

from gateway.buffer import rows, sealed
from gateway.retention import DAY_MS, Retention
from protocols.batch import Sign, marks
from protocols.reading import Reading, Record
from protocols.thinning import NOTHING_LEFT, Thinned, contents_digest, seal_thinning

log = logging.getLogger(__name__)

MINUTE_S, QUARTER_S = 60, 900
# One slice holds the writer for some tenths of a second on a Pi, and frees a page or so of each batch's seven.
SLICE_RECORDS = 2_000
SLICE_BATCHES = 40
# How many batches a quarter of an hour may span: where its first row is looked for.
LOOK_BACK_BATCHES = 100
# Free pages are filled by new rows; beyond a tenth of the file, or when space is short, they are given back, 1 MB a slice.
FREE_SHARE_MAX = 10
VACUUM_PAGES = 500

_FROM_BATCH = f"select {sealed.COLUMNS}, coalesce(grain_s, 0) as grain_s, contents from batch left join thinning using (number)"  # noqa: S608 - constants


class Stage(NamedTuple):
    """Thin batches that were sealed before `until_ms` to `grain_s`."""

    grain_s: int
    until_ms: int
    acknowledged_only: bool
    early: bool


class Slice(NamedTuple):
    """What one slice did. `tombstones`: batches that no hub had yet; `early`: space asked for it, no age."""

    dropped: int
    tombstones: int
    early: bool


NOTHING = Slice(0, 0, early=False)


class Thinning:
    def __init__(self, db: Database, lock: threading.RLock, gateway: str, sign: Sign) -> None:
        self._db = db
        self._lock = lock
        self._gateway = gateway
        self._sign = sign
        self._done: dict[tuple[int, bool, bool], int] = {}  # by grain and kind of stage: batches up to this number were looked at
        self._was_short = False

    def slice(self, now_ms: int, free_bytes: int, retention: Retention) -> Slice:
        """A bounded piece of work; NOTHING if there is none."""
        short = free_bytes < retention.free_bytes_min
        with self._lock:
            if short != self._was_short:
                self._was_short = short
                self._done.clear()
            self._db.conn.row_factory = sqlite3.Row
            try:
                done = next((done for stage in _stages(now_ms, short, retention) if (done := self._stage(stage, now_ms)).dropped), NOTHING)
            finally:
                self._db.conn.row_factory = None
            self._give_back(short)
        return done

    def _stage(self, stage: Stage, now_ms: int) -> Slice:
        key = (stage.grain_s, stage.acknowledged_only, stage.early)
        query = f"{_FROM_BATCH} where number > ? and sealed_ms <= ? and sealed_ms > 0 and coalesce(grain_s, 0) < ?"
        query += " and acknowledged_ms is not null" if stage.acknowledged_only else ""
        found = self._db.conn.execute(
            f"{query} order by number limit ?", (self._done.get(key, 0), stage.until_ms, stage.grain_s, SLICE_BATCHES)
        )
        dropped = tombstones = records = 0
        with self._db.atomic():
            for batch in found.fetchall():
                if records >= SLICE_RECORDS:
                    break
                records += batch["last_sequence"] - batch["first_sequence"] + 1
                gone = self._thin(batch, stage.grain_s, now_ms)
                dropped += gone
                tombstones += bool(gone) and self._unburden(batch["number"])
                self._done[key] = batch["number"]
        return Slice(dropped, tombstones, stage.early)

    def _thin(self, batch: sqlite3.Row, grain_s: int, now_ms: int) -> int:
        """How many rows went."""
        found = sealed.records_of(self._db.conn, batch["first_sequence"], batch["last_sequence"])
        levels = [each for each in found if isinstance(each, Reading) and not rows.is_counter_reading(each)]
        if not self._is_sound(batch, found):
            log.error("batch %d is not thinned: its rows are not those sealed; `shiftwatt verify` names the record", batch["number"])
            return 0
        stays = set() if grain_s == NOTHING_LEFT else kept(levels, grain_s * 1000, self._before(batch, grain_s))
        goes = [each.sequence for each in levels if each.sequence not in stays]
        if goes:
            left = [each for each in found if each.sequence not in set(goes)]
            gone = len(goes) + batch["last_sequence"] - batch["first_sequence"] + 1 - len(found)
            record = Thinned(batch["number"], grain_s, now_ms, len(left), gone, contents_digest(left), "")
            self._db.conn.executemany("delete from power where sequence = ?", [(each,) for each in goes])
            signed = seal_thinning(self._gateway, batch["hash"], record, self._sign)
            self._db.conn.execute("update batch set marks = ? where number = ?", (marks(left), batch["number"]))
            self._db.conn.execute(f"insert or replace into thinning ({', '.join(signed._fields)}) values (?, ?, ?, ?, ?, ?, ?)", signed)  # noqa: S608 - names of the schema
        return len(goes)

    def _is_sound(self, batch: sqlite3.Row, found: Sequence[Record]) -> bool:
        if any(isinstance(each, Reading) and each.time_ms is None for each in found):
            return False
        if batch["contents"] is not None:
            return contents_digest(found) == str(batch["contents"])
        return sealed.body_of(self._db.conn, self._gateway, batch) is not None

    def _before(self, batch: sqlite3.Row, grain_s: int) -> list[Reading]:
        """What was left of the batches that may have rows in the same minute or quarter."""
        query = "select min(first_sequence) from batch where number >= ? and number < ? and sealed_ms >= ?"
        since_ms = batch["sealed_ms"] - 2 * grain_s * 1000
        (first,) = self._db.conn.execute(query, (batch["number"] - LOOK_BACK_BATCHES, batch["number"], since_ms)).fetchone()
        return [] if first is None else list(rows.power_within(self._db.conn, first, batch["first_sequence"] - 1))

    def _unburden(self, number: int) -> bool:
        """A batch that no hub had leaves as a tombstone from now on: the body it had goes. Whether it is one."""
        query = "update batch set body = null where number = ? and acknowledged_ms is null and refused is null"
        cursor = self._db.conn.execute(query, (number,))
        return cursor.rowcount > 0

    def _give_back(self, short: bool) -> None:  # noqa: FBT001 - private
        pages, free = (self._db.conn.execute(f"pragma {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
        if free and (short or free * FREE_SHARE_MAX > pages):
            self._db.conn.executescript(f"pragma incremental_vacuum({VACUUM_PAGES})")  # `execute` would stop after one page


def _stages(now_ms: int, short: bool, retention: Retention) -> Iterator[Stage]:  # noqa: FBT001 - private
    """By age first; when space is short what a hub has, coarser and coarser, and at the very last what none has."""
    yield Stage(QUARTER_S, now_ms - retention.minute_days * DAY_MS, retention.has_hub, early=False)
    yield Stage(MINUTE_S, now_ms - retention.every_poll_days * DAY_MS, retention.has_hub, early=False)
    if short:
        for acknowledged_only in (True, False):
            for grain_s in (MINUTE_S, QUARTER_S, NOTHING_LEFT):
                yield Stage(grain_s, now_ms, acknowledged_only, early=True)


def kept(levels: Sequence[Reading], grain_ms: int, before: Sequence[Reading]) -> set[int]:
    """The sequences of the first row with values in each grain of each meter; the first at all where none has values."""
    taken = {(each.meter, (each.time_ms or 0) // grain_ms) for each in before if each.values}
    first: dict[tuple[str, int], Reading] = {}
    for each in sorted(levels, key=lambda reading: (reading.time_ms or 0, reading.sequence)):
        slot = (each.meter, (each.time_ms or 0) // grain_ms)
        if slot not in taken and (slot not in first or (each.values and not first[slot].values)):
            first[slot] = each
    return {each.sequence for each in first.values()}
