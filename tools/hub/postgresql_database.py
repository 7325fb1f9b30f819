"""The hub's store in PostgreSQL: several processes over one database, none of which remembers anything that matters."""

import logging
import queue
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import dict_row

from protocols.reading import iso
from tools.hub.database import AWAY_RETRY_S, FULL_RETRY_S, Session, StoreFailing
from tools.hub.schema import Dialect, migrate

log = logging.getLogger(__name__)

# More at once only wait for one another: a batch keeps one core of the database busy. Ten processes stay
# below PostgreSQL's usual 100 connections.
CONNECTIONS_MAX = 8
CONNECT_S = 5
# No statement of ours takes seconds; whoever waits longer for a lock waits for something that is stuck.
_OPTIONS = "-c statement_timeout=60s -c lock_timeout=20s -c idle_in_transaction_session_timeout=60s -c timezone=UTC"
# A thousand gateways bring some 50 GB a week: a partition that can be backed up, moved or dropped by itself.
PARTITION_MS = 7 * 86_400_000
_MIGRATION_LOCK = 5_307_160  # any number that no other program on this database takes for its lock
_DIALECT = Dialect(bytes="bytea", partitioned="partition by range (received_ms)")
_Connection = psycopg.Connection[dict[str, Any]]


class PostgresqlSession:
    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def _execute(self, sql: str, values: Sequence[object]) -> psycopg.Cursor[dict[str, Any]]:
        return self._connection.execute(sql.replace("?", "%s"), values or None)

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return self._execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> dict[str, Any] | None:
        return self._execute(sql, values).fetchone()

    def row_to_change(self, sql: str, *values: object) -> dict[str, Any] | None:
        return self.row(f"{sql} for update", *values)

    def run(self, sql: str, *values: object) -> int:
        return self._execute(sql, values).rowcount

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(f"copy {table} ({', '.join(columns)}) from stdin") as copy:
            for row in rows:
                copy.write_row(row)


class PostgresqlDatabase:
    def __init__(self, url: str) -> None:
        """Make or update the tables; StoreFailing with a sentence if the database cannot be used."""
        self.name = without_password(url)
        self._url = url
        self._places: queue.LifoQueue[_Connection | None] = queue.LifoQueue()
        for _ in range(CONNECTIONS_MAX):
            self._places.put(None)
        self._weeks: set[int] = set()  # whose partitions are known to be there
        with self._transaction() as session:
            session.row("select pg_advisory_xact_lock(?)", _MIGRATION_LOCK)
            migrate(session, _DIALECT)

    @contextmanager
    def writing(self, time_ms: int = 0) -> Iterator[Session]:
        week = time_ms // PARTITION_MS
        if time_ms and week not in self._weeks:
            self._make_partition(week)
        with self._transaction() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self._transaction() as session:
            session.run("set transaction isolation level repeatable read, read only")
            yield session

    @contextmanager
    def looking(self) -> Iterator[Session]:
        with self._connected() as connection:
            yield PostgresqlSession(connection)

    def close(self) -> None:
        for _ in range(CONNECTIONS_MAX):
            connection = self._places.get()
            if connection is not None:
                connection.close()

    def _make_partition(self, week: int) -> None:
        """In a transaction of its own, because it keeps everybody out for a moment."""
        from_ms, to_ms = week * PARTITION_MS, (week + 1) * PARTITION_MS
        day = iso(from_ms)[:10].replace("-", "")
        with self._transaction() as session:
            session.row("select pg_advisory_xact_lock(?)", _MIGRATION_LOCK)
            session.run(f"create table if not exists bodies_{day} partition of bodies for values from ({from_ms}) to ({to_ms})")
        self._weeks.add(week)

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        with self._connected() as connection, connection.transaction():
            yield PostgresqlSession(connection)

    @contextmanager
    def _connected(self) -> Iterator[_Connection]:
        with self._explained():
            connection = self._places.get()
            try:
                if connection is None or connection.closed:
                    connection = psycopg.Connection[dict[str, Any]].connect(
                        self._url, autocommit=True, row_factory=dict_row, connect_timeout=CONNECT_S, options=_OPTIONS
                    )
                yield connection
            except psycopg.OperationalError:
                self._forget(connection)
                connection = None
                raise
            finally:
                self._places.put(connection)

    def _forget(self, connection: _Connection | None) -> None:
        """The server went away or came back: what is left of the other idle connections is worth no second refusal."""
        idle = [connection]
        while not self._places.empty():
            try:
                idle.append(self._places.get_nowait())
            except queue.Empty:
                break
        for each in idle:
            if each is not None:
                each.close()
        for _ in idle[1:]:
            self._places.put(None)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            log.error("the store %s failed: %s", self.name, said)  # noqa: TRY400 - a server that is away is a state, not a fault of ours
            retry_s = FULL_RETRY_S if isinstance(error, psycopg.errors.DiskFull) else AWAY_RETRY_S
            raise StoreFailing(
                f"the hub's store {self.name} cannot be used now ({type(error).__name__}); the hub's log says why. "
                "Gateways keep what they cannot send",
                retry_s,
            ) from None


def without_password(url: str) -> str:
    """The address as a person may see it; parameters behind the database's name may hold secrets, too."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "postgresql"
    return f"postgresql://{parts.username + '@' if parts.username else ''}{host}{port}{parts.path}"
