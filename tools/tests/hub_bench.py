"""A hub on a real socket with a real store, and gateways that are enrolled there: what the hub's tests share."""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import requests

from gateway.deliver.key import GatewayKey
from gateway.deliver.rate import Rate
from gateway.deliver.tests.fakes import START_MS, a_key
from protocols.batch import SealedBatch, canonical, digest, reading_documents
from tools.hub.app import application
from tools.hub.database import HubDatabase
from tools.hub.quota import Quota
from tools.hub.registry import Registry
from tools.hub.server import open_database, serving
from tools.hub.source import HubRecords

NOW_MS = START_MS + 86_400_000
# Here consumers ask again at once; how a hub slows one down is another test.
FREELY = Rate(per_s=1e6, at_once=10**6)


def now() -> int:
    return NOW_MS


class Hub:
    """The running hub; `session` keeps its connection as a gateway does."""

    def __init__(self, url: str, database: HubDatabase, session: requests.Session) -> None:
        self.url, self.database, self.session = url, database, session
        self.registry, self.records = Registry(database, now), HubRecords(database, now)

    def enrolled(self, key: GatewayKey, name: str = "works") -> str:
        """The bearer token of a gateway that was invited and enrolled."""
        request = {"token": self.registry.invite(name), "gateway": key.gateway, "public_key": key.public_key}
        token: str = self.registry.enrol(request)["token"]
        return token

    def post(self, content: bytes, bearer: str, encoding: str = "gzip") -> requests.Response:
        headers = {"Authorization": f"Bearer {bearer}", "Content-Encoding": encoding}
        return self.session.post(f"{self.url}/v1/batches", data=content, headers=headers, timeout=20)

    def push(self, batch: SealedBatch | Mapping[str, Any], bearer: str) -> requests.Response:
        body = batch.body if isinstance(batch, SealedBatch) else batch
        return self.post(gzip.compress(canonical(dict(body))), bearer)

    def get(self, path: str) -> Any:
        return self.session.get(self.url + path, timeout=20).json()

    def everything(self, kind: str, limit: int = 1000) -> list[dict[str, Any]]:
        """All documents of a kind, followed page by page."""
        found: list[dict[str, Any]] = []
        page = {"more": True, "cursor": ""}
        while page["more"]:
            after = f"&after={page['cursor']}" if page["cursor"] else ""
            page = self.get(f"/v1/{kind}?limit={limit}{after}")
            found += page[kind]
        return found

    def sequences(self, key: GatewayKey) -> list[int]:
        """Of all records that are held of this gateway."""
        others = self.rows("select sequence from records where gateway = ?", key.gateway)
        bodies = self.rows("select body from bodies where gateway = ?", key.gateway)
        readings = [reading["sequence"] for (body,) in bodies for reading in reading_documents(json.loads(gzip.decompress(body)))]
        return sorted([sequence for (sequence,) in others] + readings)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self.database.reading() as session:
            return [tuple(row.values()) for row in session.rows(query, *values)]


@contextmanager
def hub(store: str | Path, *, public_read: bool = True, now_ms: Callable[[], int] = now, quota: Quota | None = None) -> Iterator[Hub]:
    """`store` is the address of one, or a folder for an SQLite file."""
    with (
        closing(open_database(store if isinstance(store, str) else f"sqlite:///{store}/hub.db")) as database,
        serving(application(database, now_ms, public_read=public_read, quota=quota, rate=FREELY)) as url,
        requests.Session() as session,
    ):
        yield Hub(url, database, session)


_SEEDS = count(10)


def fresh_key(folder: Path) -> GatewayKey:
    """The key of a gateway that no other test has."""
    return a_key(folder, next(_SEEDS) % 256)


def gateways(folder: Path) -> tuple[GatewayKey, GatewayKey]:
    return a_key(folder / "one", 1), a_key(folder / "two", 2)


def signed(body: Mapping[str, Any], key: GatewayKey, **changes: Any) -> dict[str, Any]:
    """The body with changes, honestly hashed and signed again: what a faulty gateway would send."""
    changed = {**json.loads(canonical(dict(body))), **changes}
    changed["hash"] = digest(changed)
    changed["signature"] = key.sign(bytes.fromhex(changed["hash"])).hex()
    return changed
