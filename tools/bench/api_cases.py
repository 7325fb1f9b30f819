"""The read API of gateway and hub against its own description: schemathesis makes requests from /openapi.json, right ones
and wrong ones, and holds every answer against what the description promises.

`python -m tools.bench.api_cases --cases 300` is the long run; the tests run a few of each.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.applications import Starlette

from gateway.buffer.source import Description
from gateway.buffer.store import Store
from gateway.deliver.api import routes
from gateway.deliver.key import GatewayKey, gateway_key
from gateway.deliver.rate import Rate, Turns
from gateway.deliver.tokens import READ, WRITE, Grant, authoriser, fingerprint
from protocols.reading import Event, Figure, Reading, SiteDescription, iso
from tools.hub.app import application
from tools.hub.receipt import receipt, unpack
from tools.hub.registry import Registry
from tools.hub.server import open_database
from tools.hub.store import BatchStore

NOW_MS = 1_774_735_200_000
TOKEN = "sw_cases"  # noqa: S105 - opens nothing but the server made here
_QUARTER_MS = 900_000
# Nothing here is about pace.
_FREELY = Rate(per_s=1e9, at_once=10**9)


# Not asked for: a cursor is good only if the server gave it, a period must not end before it begins, a batch must be signed.
# No schema says such a thing, so what fits the schema may still be refused.


class Outcome(NamedTuple):
    requests: int
    failures: list[str]


def _stored(folder: Path) -> tuple[Store, GatewayKey]:
    """A store with some of everything."""
    key = gateway_key(folder, lambda count: b"\1" * count)
    store = Store(folder, key.gateway, key.sign, Description("works", key.public_key, _QUARTER_MS))
    store.add([SiteDescription(NOW_MS, {"site": "works", "meters": [{"meter": "main"}]})])
    for number in range(40):
        time_ms = NOW_MS + number * _QUARTER_MS
        values = {"active_power": number, "active_energy_import": 10**6 * number}
        store.add([Reading("main", store.boot, number, time_ms, values, {"frequency": "exception_2"}, 20)])
        store.add([Event("swap", "main", 'a "new" meter', store.boot, number, time_ms)])
        figure = {"date": "2026-03-28", "shift": "night", "start": iso(time_ms), "end": iso(time_ms + 1), "version": 1}
        store.add([Figure("night", time_ms, time_ms + 1, 1, time_ms, figure)])
    store.commit(NOW_MS)
    store.outbox.seal(NOW_MS)
    return store, key


@contextmanager
def gateway_app(folder: Path) -> Iterator[Starlette]:
    store, _ = _stored(folder)
    grant = Grant("cases", (READ, WRITE), fingerprint(TOKEN))
    with closing(store):
        yield Starlette(routes=routes(store.records, authoriser(lambda: [grant]), turns=Turns(_FREELY, time.monotonic)))


@contextmanager
def hub_app(folder: Path) -> Iterator[Starlette]:
    """With one gateway that has delivered a batch."""
    store, key = _stored(folder)
    with closing(store), closing(open_database(f"sqlite:///{folder}/hub.db")) as database:
        registry = Registry(database, lambda: NOW_MS)
        bearer = registry.enrol({"token": registry.invite("works"), "gateway": key.gateway, "public_key": key.public_key})["token"]
        grant = registry.find(fingerprint(bearer))
        assert grant is not None
        (batch,) = store.outbox.waiting(1)
        body, packed = unpack(batch.content, "gzip")
        BatchStore(database, lambda: NOW_MS).receive(receipt(body, packed, registry.keys(key.gateway).of), grant)
        with database.writing() as session:
            session.run("insert into tokens values (?, 'cases', 'read', '')", fingerprint(TOKEN))
        yield application(database, lambda: NOW_MS, rate=_FREELY)


APPS: dict[str, Callable[[Path], AbstractContextManager[Starlette]]] = {"gateway": gateway_app, "hub": hub_app}


def run(app: Starlette, cases: int, number: int) -> Outcome:
    """`cases` right and as many wrong requests for every operation, made from the seed `number`."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    failures: list[str] = []
    counted = [0]
    for found, mode in product(schema.get_all_operations(), (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)):
        operation = found.ok()
        if mode is GenerationMode.NEGATIVE and not (operation.query or operation.body):
            continue  # nothing of it can be wrong

        @seed(number)
        @settings(max_examples=cases, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: schemathesis.Case[Any]) -> None:
            counted[0] += 1
            case.call_and_validate(excluded_checks=[positive_data_acceptance], headers={"Authorization": f"Bearer {TOKEN}"})

        try:
            check()
        except (FailureGroup, AssertionError) as failure:
            failures.append(f"{operation.label}: {failure}")
    return Outcome(counted[0], failures)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    given_ = parser.parse_args()
    failed = False
    for name, served in APPS.items():
        with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as app:
            outcome = run(app, given_.cases, given_.seed)
        print(f"{name}: {outcome.requests} requests made from its own description (seed {given_.seed}), {len(outcome.failures)} failures")
        print("\n".join(outcome.failures))
        failed = failed or bool(outcome.failures)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
