"""What a person does to a hub's store from the command line; the hub may run meanwhile."""

import gzip
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tools.hub import forks
from tools.hub.database import HubDatabase
from tools.hub.registry import Registry
from tools.hub.server import now_ms, open_database
from tools.hub.source import HubRecords


def enrol(db: str, name: str) -> str:
    """The one-time token with which a gateway introduces itself; it is shown once."""
    with _opened(db) as database:
        return Registry(database, now_ms).invite(name)


def replace(db: str, wanted: str) -> str:
    """The one-time token with which a new device takes the place of a dead one; ValueError if that is not known."""
    with _opened(db) as database:
        return Registry(database, now_ms).replace(wanted)


def settle(db: str, gateway: str, save: Path | None) -> tuple[int, int]:
    """Forget other branches of a gateway: how many were named, how many bodies went to `save`; ValueError if they had nowhere to go."""
    with _opened(db) as database, database.writing() as session:
        count, bodies = forks.settle(session, gateway)
        if bodies and save is None:
            raise ValueError(
                f"{len(bodies)} batches of the other device were taken in before the fork was seen; name a file for them (--save)"
            )
        if bodies and save is not None:
            save.write_bytes(b"".join(gzip.decompress(body) + b"\n" for body in bodies))
        return count, len(bodies)


def list_gateways(db: str) -> list[dict[str, Any]]:
    """One document per gateway, as in /v1/completeness."""
    with _opened(db) as database:
        gateways: list[dict[str, Any]] = HubRecords(database, now_ms).completeness(None, None)["gateways"]
        return gateways


def add_reader(db: str, name: str) -> str:
    with _opened(db) as database:
        return Registry(database, now_ms).add_reader(name)


def revoke(db: str, name: str) -> int:
    """How many tokens of this name were ended."""
    with _opened(db) as database:
        return Registry(database, now_ms).revoke(name)


@contextmanager
def _opened(db: str) -> Iterator[HubDatabase]:
    with closing(open_database(db)) as database:
        yield database
