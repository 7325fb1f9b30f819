"""Viewers of both languages and a real server with fake sources on a free port of 127.0.0.1."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import uvicorn
from starlette.applications import Starlette

from gateway.language import CHINESE, ENGLISH, language_of
from gateway.pages import routes
from gateway.pages.tests.fakes import NOW_MS, ZONE, FakeFigures, FakeStatus
from gateway.pages.viewer import Viewer

# A server that has not started by then on this machine never will.
START_TIMEOUT_S = 10


@pytest.fixture
def viewer() -> Viewer:
    return Viewer(language_of(ENGLISH), ZONE, NOW_MS)


@pytest.fixture
def chinese() -> Viewer:
    return Viewer(language_of(CHINESE), ZONE, NOW_MS)


@dataclass
class Site:
    """A served site; its clock starts at NOW_MS and passes like the real one."""

    status: FakeStatus = field(default_factory=FakeStatus)
    figures: FakeFigures = field(default_factory=FakeFigures)
    language: str = "en"
    address: str = ""
    stop: Callable[[], None] = lambda: None


@pytest.fixture
def site() -> Iterator[Site]:
    served = Site()
    began = time.monotonic()
    pages = routes(
        served.status,
        served.figures,
        lambda: NOW_MS + round((time.monotonic() - began) * 1000),
        ZONE,
        "Hangzhou Works",
        served.language,
        closing=lambda: server.should_exit,
    )
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=pages), log_level="warning"))
    # Named TCP, or asyncio leaves Nagle's delay of 40 ms on every answer.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        _wait(lambda: server.started)
        served.address = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def stop() -> None:
            server.should_exit = True
            thread.join(START_TIMEOUT_S)
            assert not thread.is_alive()

        served.stop = stop
        yield served
        stop()


def _wait(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)
