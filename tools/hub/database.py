"""The hub's SQLite file: one writer, as many readers as there are requests. Knows no tables but through the migrations."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlite_utils import Database

from gateway.deliver.refusal import Refused
from tools.hub.schema import migrations

log = logging.getLogger(__name__)

# A reader never waits in WAL mode; this covers `shiftwatt hub enrol` writing while the hub runs.
BUSY_S = 5.0


RETRY_S = 30  # a full disk is not emptied within seconds


class StoreFailing(Refused):
    """The store takes or gives nothing now; whoever sent something keeps it and comes again."""

    def __init__(self, sentence: str) -> None:
        super().__init__(503, sentence, {"Retry-After": str(RETRY_S)})


class HubDatabase:
    def __init__(self, path: Path) -> None:
        """Open or make the file; StoreFailing with a sentence if that is not possible."""
        self.path = path
        self._lock = threading.Lock()
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(path, timeout=BUSY_S)) as connection:
                connection.execute("pragma journal_mode=wal")
                migrations.apply(Database(connection, execute_plugins=False))
            self._writer = sqlite3.connect(path, timeout=BUSY_S, check_same_thread=False, isolation_level=None)
            # An acknowledgement is given after a commit and must outlive a power cut.
            self._writer.execute("pragma synchronous=full")
            self._writer.row_factory = sqlite3.Row

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: it is on the disk when the block has ended, or nothing of it is."""
        with self._lock, self._explained():
            self._writer.execute("begin immediate")
            try:
                yield self._writer
                self._writer.execute("commit")
            except BaseException:
                if self._writer.in_transaction:  # a full disk may have rolled back already
                    self._writer.execute("rollback")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One unchanging view. A connection of its own each time: worker threads come and go, opening costs little."""
        with self._explained():
            uri = f"{self.path.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)) as connection:
                connection.row_factory = sqlite3.Row
                connection.execute("begin")
                yield connection

    def close(self) -> None:
        with self._lock:
            self._writer.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            log.exception("the store %s failed", self.path)
            raise StoreFailing(
                f"the hub's store {self.path} cannot be used now ({error}); check its disk and owner. Gateways keep what they cannot send"
            ) from error
