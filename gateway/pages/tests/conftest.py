"""Viewers of both languages and a real server with fake sources on a free port of 127.0.0.1."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from argon2 import PasswordHasher
from starlette.applications import Starlette

from gateway.accounts import AccountFile
from gateway.language import CHINESE, ENGLISH, language_of
from gateway.pages import Ground, routes
from gateway.pages.tests.fake_commissioning import FakeCommissioning
from gateway.pages.tests.fakes import NOW_MS, ZONE, FakeAlarms, FakeDoctor, FakeFigures, FakeHistory, FakeMeters, FakeShifts, FakeStatus
from gateway.pages.viewer import Viewer

# A server that has not started by then on this machine never will.
START_TIMEOUT_S = 10
# As cheap as the function allows: here nobody guesses.
FAST_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def viewer() -> Viewer:
    return Viewer(language_of(ENGLISH), ZONE, NOW_MS)


@pytest.fixture
def chinese() -> Viewer:
    return Viewer(language_of(CHINESE), ZONE, NOW_MS)


@dataclass
class Site:
    """A served site; its clock starts at NOW_MS and passes like the real one, `later_ms` ahead of it."""

    accounts: AccountFile
    status: FakeStatus = field(default_factory=FakeStatus)
    figures: FakeFigures = field(default_factory=FakeFigures)
    alarms: FakeAlarms = field(default_factory=FakeAlarms)
    history: FakeHistory = field(default_factory=FakeHistory)
    doctor: FakeDoctor = field(default_factory=FakeDoctor)
    meters: FakeMeters = field(default_factory=FakeMeters)
    shifts: FakeShifts = field(default_factory=FakeShifts)
    language: str = "en"
    address: str = ""
    public_read: bool = True
    code: str = "ABCDE23456"
    commission: FakeCommissioning = field(default_factory=FakeCommissioning)
    stop: Callable[[], None] = lambda: None
    closing: Callable[[], bool] = lambda: False
    later_ms: int = 0
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def standing(cls, folder: Path, **changes: Any) -> "Site":
        return cls(AccountFile(folder, FAST_HASHER), **changes)

    def now_ms(self) -> int:
        return NOW_MS + self.later_ms + round((time.monotonic() - self.began) * 1000)


def ground_of(served: Site) -> Ground:
    return Ground(
        status=served.status,
        figures=served.figures,
        alarms=served.alarms,
        history=served.history,
        doctor=served.doctor,
        meters=served.meters,
        shifts=served.shifts,
        accounts=served.accounts,
        now_ms=served.now_ms,
        zone=ZONE,
        site_name="Hangzhou Works",
        language=served.language,
        public_read=served.public_read,
        code=served.code,
        closing=served.closing,
        commission=served.commission,
    )


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    """`@pytest.mark.parametrize("site", [{...}], indirect=True)` changes fields of the site."""
    served = Site.standing(tmp_path, **getattr(request, "param", {}))
    served.closing = lambda: server.should_exit
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes(ground_of(served))), log_level="warning"))
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
