"""How the store's file is opened: one writing connection, and reading ones per thread. No tables are known here."""

import sqlite3
import threading
from pathlib import Path

from sqlite_utils import Database

FILE = "shiftwatt.db"
# A reader never waits for the writer in WAL mode; this covers another program's checkpoint or backup.
BUSY_MS = 5_000


def writing(path: Path) -> Database:
    """synchronous=FULL: a commit that returned survives a power cut; one every ten seconds costs a card little."""
    connection = sqlite3.connect(path, check_same_thread=False)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_MS}", "wal_autocheckpoint=1000"):
        connection.execute(f"pragma {pragma}")
    return Database(connection, execute_plugins=False)


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
