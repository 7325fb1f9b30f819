"""Chooses the bench and hands out chains on it; whatever was started is stopped, however a test ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.bench import Bench, PhysicalBench, VirtualBench
from hil_tests.chain import Chain


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bench", type=Path, default=None, help="bench.toml of real meters; default: the virtual factory")


@pytest.fixture(scope="session")
def bench(request: pytest.FixtureRequest) -> Bench:
    path: Path | None = request.config.getoption("--bench")
    return VirtualBench() if path is None else PhysicalBench(path)


@pytest.fixture
def chain(bench: Bench, tmp_path: Path) -> Iterator[Chain]:
    """A site file on the bench; nothing runs yet."""
    with Chain(bench, tmp_path) as found:
        yield found
