"""What was learnt about the registers of a meter, kept in the store: small documents that are replaced, no records.

They wait in memory and are written with the next commit: a line waits for no disk.
"""

import json
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

from sqlite_utils import Database

# A maker's update may add registers: after this long the meter is tried again, at the price of a few refused requests.
FORGOTTEN_MS = 30 * 86_400_000

Learnt = dict[str, tuple[str, dict[str, Any]]]  # meter -> fingerprint, document


class Memory:
    def __init__(self, reader: Callable[[], sqlite3.Connection]) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._waiting: Learnt = {}

    def recall(self, meter: str, fingerprint: str, now_ms: int) -> dict[str, Any] | None:
        query = "select document from learnt where meter = ? and fingerprint = ? and known_at_ms > ?"
        row = self._reader().execute(query, (meter, fingerprint, now_ms - FORGOTTEN_MS)).fetchone()
        found: dict[str, Any] | None = None if row is None else json.loads(row[0])
        return found

    def keep(self, meter: str, fingerprint: str, document: dict[str, Any]) -> None:
        with self._lock:
            self._waiting[meter] = (fingerprint, document)

    def write(self, db: Database, now_ms: int) -> Learnt:
        """Inside the caller's transaction; `written` tells that it held."""
        with self._lock:
            found = dict(self._waiting)
        for meter, (fingerprint, document) in found.items():
            row = {"meter": meter, "fingerprint": fingerprint, "known_at_ms": now_ms, "document": json.dumps(document)}
            db.table("learnt").insert(row, pk="meter", replace=True)
        return found

    def written(self, found: Learnt) -> None:
        with self._lock:
            for meter, kept in found.items():
                if self._waiting.get(meter) == kept:
                    del self._waiting[meter]
