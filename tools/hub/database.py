"""What the hub asks of a database, whichever it is: transactions, and plain SQL with `?` for values.

The SQL of the hub is written once, in what SQLite and PostgreSQL have in common; what differs stands in
`sqlite_database` and `postgresql_database`, which have the same shape.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from gateway.deliver.refusal import Refused

FULL_RETRY_S = 30  # a full disk is not emptied within seconds
AWAY_RETRY_S = 3  # a database server that restarts is back within seconds


class StoreFailing(Refused):
    """The store takes or gives nothing now; whoever sent something keeps it and comes again."""

    def __init__(self, sentence: str, retry_s: int = FULL_RETRY_S) -> None:
        super().__init__(503, sentence, {"Retry-After": str(retry_s)})


class Session(Protocol):
    """One transaction: it sees one state, and what it writes is there as a whole or not at all."""

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]: ...

    def row(self, sql: str, *values: object) -> dict[str, Any] | None: ...

    def row_to_change(self, sql: str, *values: object) -> dict[str, Any] | None:
        """The row, kept from all other writers until this transaction ends."""
        ...

    def run(self, sql: str, *values: object) -> int:
        """How many rows it touched."""
        ...

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Many rows at once, in the way in which this database takes them fastest."""
        ...


class HubDatabase(Protocol):
    """Called from several threads at once. Every failure of the database is a `StoreFailing` with a sentence."""

    @property
    def name(self) -> str:
        """For people; never with a password in it."""
        ...

    def writing(self, time_ms: int = 0) -> AbstractContextManager[Session]:
        """On the disk when the block has ended, or nothing of it is. `time_ms`: when what is written arrived, if it has a time."""
        ...

    def reading(self) -> AbstractContextManager[Session]:
        """All its statements see one state."""
        ...

    def looking(self) -> AbstractContextManager[Session]:
        """For a single statement, at the least cost."""
        ...

    def close(self) -> None: ...
