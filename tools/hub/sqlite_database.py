"""The hub's store in an SQLite file: one writer, as many readers as there are requests."""

import logging
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

from tools.hub.database import Session, StoreFailing
from tools.hub.schema import Dialect, migrate

log = logging.getLogger(__name__)

# A reader never waits in WAL mode; this covers `shiftwatt hub enrol` writing while the hub runs.
BUSY_S = 5.0
_OURS = (sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.IntegrityError)
_DIALECT = Dialect(bytes="blob", partitioned="")


class SqliteSession:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        cursor = self._connection.execute(sql, values)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def row(self, sql: str, *values: object) -> dict[str, Any] | None:
        return next(iter(self.rows(sql, *values)), None)

    def row_to_change(self, sql: str, *values: object) -> dict[str, Any] | None:
        return self.row(sql, *values)  # there is one writer anyway

    def run(self, sql: str, *values: object) -> int:
        return self._connection.execute(sql, values).rowcount

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        marks = ", ".join("?" * len(columns))
        self._connection.executemany(f"insert into {table} ({', '.join(columns)}) values ({marks})", rows)  # noqa: S608 - our own names


class SqliteDatabase:
    def __init__(self, path: Path) -> None:
        """Open or make the file; StoreFailing with a sentence if that is not possible."""
        self.path = path
        self.name = str(path)
        self._lock = threading.Lock()
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = sqlite3.connect(path, timeout=BUSY_S, check_same_thread=False, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._writer.close()
                raise

    def _prepare(self) -> None:
        self._writer.execute("pragma journal_mode=wal")
        # An acknowledgement is given after a commit and must outlive a power cut.
        self._writer.execute("pragma synchronous=full")
        if self._writer.execute("select 1 from sqlite_master where name = '_sqlite_migrations'").fetchone():
            raise StoreFailing(f"the store {self.path} was made before the first release; move it away, and the gateways enrol again")
        with self.writing() as session:
            migrate(session, _DIALECT)

    @contextmanager
    def writing(self, time_ms: int = 0) -> Iterator[Session]:  # noqa: ARG002 - partitions are PostgreSQL's
        with self._lock, self._explained():
            self._writer.execute("begin immediate")
            try:
                yield SqliteSession(self._writer)
                self._writer.execute("commit")
            except BaseException:
                if self._writer.in_transaction:  # a full disk may have rolled back already
                    self._writer.execute("rollback")
                raise

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A connection of its own each time: worker threads come and go, opening costs little."""
        with self._explained():
            uri = f"{self.path.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)) as connection:
                connection.execute("begin")
                yield SqliteSession(connection)

    def looking(self) -> AbstractContextManager[Session]:
        return self.reading()

    def close(self) -> None:
        with self._lock:
            self._writer.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
            if isinstance(error, _OURS):
                log.exception("the store %s failed", self.path)
            else:
                log.error("the store %s failed: %s", self.path, reason)  # noqa: TRY400 - a full disk is a state, not a fault of ours
            raise StoreFailing(
                f"the hub's store {self.path} cannot be used now ({reason}); check its disk and owner. Gateways keep what they cannot send"
            ) from error
