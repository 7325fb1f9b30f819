"""The store of one gateway: the one writer. Records wait in memory and are committed in groups.

Loss bound: what waits in memory is lost when the process is killed or the power fails, which is at most
COMMIT_S of readings (the caller commits at least that often, at once at a shift change, and before it
stops). What `commit` returned is on the disk.
"""

import contextlib
import json
import logging
import shutil
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from gateway.buffer import connection as opening
from gateway.buffer import rows
from gateway.buffer.insertion import Committed, Insertion
from gateway.buffer.memory import Memory
from gateway.buffer.outbox import StoredOutbox
from gateway.buffer.schema import migrations
from gateway.buffer.source import UNDESCRIBED, Description, StoredRecords
from gateway.buffer.thinning import Slice, Thinning
from gateway.retention import Retention
from gateway.status import StoreStatus
from protocols.batch import Sign
from protocols.reading import Figure, Reading, Record

log = logging.getLogger(__name__)

COMMIT_S = 10  # one flush of the card per ten seconds; a power cut costs at most this much
# While the disk is full the waiting records are kept: 200,000 of them are about six hours of 32 meters
# at 10 s, and some 150 MB. Beyond that the oldest power readings go, counted and said.
WAITING_RECORDS_MAX = 200_000
RETENTION = Retention()
FREE_BYTES_LOW = 200 * 2**20  # below this a card is nearly full: SQLite needs room for its log


class StoreError(Exception):
    """The store cannot be used; the sentence says where and what to do."""


class Store:
    def __init__(
        self, folder: Path, gateway: str, sign: Sign, description: Description = UNDESCRIBED, retention: Retention = RETENTION
    ) -> None:
        """Open or make the store in `folder` for writing; StoreError if that is not possible."""
        self.path = folder / opening.FILE
        self._lock = threading.RLock()
        self._waiting: list[Record] = []
        self._dropped = 0
        self._changes = 0  # commits that brought counters, since the start
        self._trouble = ""
        self._last_commit_ms: int | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = opening.writing(self.path)
            migrations.apply(self._db)
            with self._db.atomic():
                self._db.execute("update number set value = value + 1 where name = 'boot'")
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"the store {self.path} cannot be opened for writing ({error}); check the folder's owner and the disk"
            ) from error
        self._insertion = Insertion(self._db)
        self._readers = opening.Readers(self.path)
        self.outbox = StoredOutbox(self._db, self._lock, self._readers, folder, gateway, sign)
        self.records = StoredRecords(self._readers, gateway, description)
        self.memory = Memory(self._readers.get)
        self.boot = self._number("boot")
        self._retention = retention
        self.outbox.keeps_bodies = retention.has_hub
        self._thinning = Thinning(self._db, self._lock, gateway, sign)
        self._stored = self._count_readings()

    def _number(self, name: str) -> int:
        return int(self._db.execute("select value from number where name = ?", (name,)).fetchone()[0])

    def _count_readings(self) -> int:
        tables = ("power", "counter", "undated")
        return sum(int(self._db.execute(f'select count(*) from "{table}"').fetchone()[0]) for table in tables)  # noqa: S608 - names of the schema

    def reader(self) -> sqlite3.Connection:
        """A read-only connection of the calling thread."""
        return self._readers.get()

    def add(self, records: Iterable[Record]) -> None:
        """Take records in; their `sequence` is given when they are committed."""
        with self._lock:
            for record in records:
                self._waiting += rows.split(record) if isinstance(record, Reading) else [record]
            if len(self._waiting) > WAITING_RECORDS_MAX:
                self._drop_oldest_power()

    def _drop_oldest_power(self) -> None:
        """Counters, events and figures are kept whatever happens."""
        surplus = len(self._waiting) - WAITING_RECORDS_MAX * 9 // 10
        kept: list[Record] = []
        for record in self._waiting:
            if surplus > 0 and isinstance(record, Reading) and not rows.is_counter_reading(record):
                surplus -= 1
                self._dropped += 1
            else:
                kept.append(record)
        log.error("the disk takes nothing; %d power readings have been dropped from memory so far", self._dropped)
        self._waiting = kept

    def commit(self, now_ms: int) -> Committed:
        """Write all that waits in one transaction. On a full or failing disk it keeps waiting and `status` says so."""
        with self._lock:
            try:
                with self._db.atomic():
                    committed = self._insertion.write(self._waiting)
                    learnt = self.memory.write(self._db, now_ms)
            except sqlite3.Error as error:
                self._insertion.forget()
                if str(error) != self._trouble:
                    # A full disk is a state, not a fault of this program: its words are enough.
                    log.error("the store %s takes nothing (%s); %d records wait in memory", self.path, error, len(self._waiting))  # noqa: TRY400
                self._trouble = str(error)
                return Committed(0, None)
            self.memory.written(learnt)
            self._changes += committed.changed_from_ms is not None
            self._stored += sum(isinstance(record, Reading) for record in self._waiting)
            self._waiting = []
            self._trouble = ""
            self._last_commit_ms = now_ms
            return committed

    def thin(self, now_ms: int) -> Slice:
        """A bounded piece of what age and space ask for; sqlite3.Error where the disk takes nothing."""
        return self._thinning.slice(now_ms, shutil.disk_usage(self.path.parent).free, self._retention)

    @property
    def trouble(self) -> str:
        """Why the last commit was not possible, "" if it was; its records wait."""
        return self._trouble

    def unbooked(self) -> tuple[int | None, int]:
        """Since when counters have changed that no figure knows of (None: not at all), and what to tell `booked`."""
        with self._lock:
            (from_ms,) = self._db.execute("select value from number where name = 'unbooked_from_ms'").fetchone()
            return from_ms, self._changes

    def booked(self, from_ms: int, changes: int) -> None:
        """Figures from that instant on know of all counters that were there at `changes`."""
        with self._lock:
            if changes == self._changes:
                with self._db.atomic():
                    self._db.execute("update number set value = null where name = 'unbooked_from_ms' and value >= ?", (from_ms,))

    def set_running(self, figures: Sequence[Figure]) -> None:
        """Replace the figures of running shifts; they are no records until their shift has ended."""
        with self._lock, self._db.atomic():
            self._db.execute("delete from running")
            for each in figures:
                row = {"key": each.key, "start_ms": each.start_ms, "end_ms": each.end_ms, "document": json.dumps(each.document)}
                self._db.table("running").insert(row)

    def status(self) -> StoreStatus:
        size = sum(path.stat().st_size for path in self.path.parent.glob(opening.FILE + "*"))
        free = shutil.disk_usage(self.path.parent).free
        with self._lock:
            waiting, stored, trouble, dropped = len(self._waiting), self._stored, self._trouble, self._dropped
        if trouble:
            lost = f" {dropped} power readings had to be dropped." if dropped else " Nothing is lost yet."
            sentence = f"The store takes nothing ({trouble}); {waiting} records wait in memory. Make room on {self.path.parent}.{lost}"
            state = "full" if "full" in trouble else "failing"
        elif free < FREE_BYTES_LOW:
            state, sentence = "full", f"Only {free // 2**20} MB are free on {self.path.parent}; make room soon."
        else:
            state, sentence = "ok", ""
        return StoreStatus(state, sentence, str(self.path), size, free, self._last_commit_ms, stored, waiting)

    def close(self) -> None:
        with self._lock:
            with contextlib.suppress(sqlite3.Error):  # a store that cannot be read any more can still be closed
                self.outbox.note_head()
            self._readers.close()
            self._db.close()
