"""How the store's file is opened: one writing connection, and reading ones per thread. No tables are known here."""

import sqlite3
import threading
from pathlib import Path

from sqlite_utils import Database

FILE = "shiftwatt.db"
# A reader never waits for the writer in WAL mode; this covers another program's checkpoint or backup.
BUSY_MS = 5_000


# A commit of 32 rows fills two pages and starts a third, which the next commit writes again: small pages write less.
PAGE_BYTES = 2048
# The log is copied into the file when it has 4 MB: a page that many commits have filled is then copied once.
LOG_PAGES = 2000
# Each of a dozen threads has a connection: SQLite's 2 MB of pages each would be a third of the gateway's memory.
READER_CACHE_KB = 256
# Freed pages are kept for new rows and given back in slices, not at once with each deletion.
INCREMENTAL = 2


def writing(path: Path) -> Database:
    """synchronous=FULL: a commit that returned survives a power cut; one every ten seconds costs a card little."""
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute(f"pragma busy_timeout={BUSY_MS}")
    if connection.execute("pragma auto_vacuum").fetchone()[0] != INCREMENTAL:
        _lay_out(connection)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"wal_autocheckpoint={LOG_PAGES}"):
        connection.execute(f"pragma {pragma}")
    return Database(connection, execute_plugins=False)


def _lay_out(connection: sqlite3.Connection) -> None:
    """A new file is made with these; one from before 0.2 is rewritten once."""
    for statement in ("journal_mode=DELETE", f"page_size={PAGE_BYTES}", f"auto_vacuum={INCREMENTAL}"):
        connection.execute(f"pragma {statement}")
    connection.execute("vacuum")


class Readers:
    """One read-only connection per thread; that of a thread that has ended is closed when another one comes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._open: dict[threading.Thread, sqlite3.Connection] = {}
        self._lock = threading.Lock()

    def get(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(f"file:{self._path.as_posix()}?mode=ro", uri=True, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            connection.execute(f"pragma busy_timeout={BUSY_MS}")
            connection.execute(f"pragma cache_size=-{READER_CACHE_KB}")
            self._local.connection = connection
            with self._lock:
                for thread in [each for each in self._open if not each.is_alive()]:
                    self._open.pop(thread).close()
                self._open[threading.current_thread()] = connection
        return connection

    def close(self) -> None:
        with self._lock:
            for thread, connection in self._open.items():
                # Closed under a query that still runs, a connection takes the whole process with it; that one ends with its thread.
                if thread is threading.current_thread() or not thread.is_alive():
                    connection.close()
            self._open.clear()
