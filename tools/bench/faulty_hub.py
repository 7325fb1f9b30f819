"""A hub and the way to it under a seed: the real application and file, with faults in the store and on the link.

Nothing here knows what is sent, or what must hold afterwards.
"""

import asyncio
import io
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from requests.adapters import BaseAdapter
from starlette.types import Message

from tools.hub.app import application
from tools.hub.database import Session
from tools.hub.sqlite_database import SqliteDatabase

# What may happen to one request or to one step; the rest goes well.
TROUBLES = ("request lost", "answer lost", "twice", "late", "disk full at the hub", "hub killed before commit", "hub killed after commit")
CALM_AFTER = 400  # requests; a link that is never calm proves nothing about the end


class Killed(BaseException):
    """The process ends here: nothing below may catch it as an error."""


class FaultySession:
    """The real session, until its `left` statements are used up: then the fault strikes."""

    def __init__(self, session: Session, left: int, fault: Callable[[], BaseException]) -> None:
        self._session = session
        self._left = left
        self._fault = fault

    def __getattr__(self, name: str) -> Any:
        self._left -= 1
        if self._left < 0:
            raise self._fault()
        return getattr(self._session, name)


class FaultyDatabase(SqliteDatabase):
    """The real file; `armed` is what happens to the next transaction that writes."""

    armed = ""
    statements = 0

    @contextmanager
    def writing(self, time_ms: int = 0) -> Iterator[Session]:
        armed, self.armed = self.armed, ""
        with super().writing(time_ms) as session:
            if armed == "disk full at the hub":
                yield FaultySession(session, self.statements, lambda: sqlite3.OperationalError("database or disk is full"))
            elif armed == "hub killed before commit":
                yield FaultySession(session, self.statements, Killed)
                raise Killed
            else:
                yield session
        if armed == "hub killed after commit":
            raise Killed


class Hub:
    """The hub over its file; it comes up again after each kill."""

    def __init__(self, path: Path, now_ms: Callable[[], int], runner: asyncio.Runner) -> None:
        self._path = path
        self._runner = runner
        self._now_ms = now_ms
        self._start()

    def _start(self) -> None:
        self.database = FaultyDatabase(self._path)
        self._app = application(self.database, self._now_ms, public_read=True)

    def restart(self) -> None:
        self.database.close()
        self._start()

    def handle(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        try:
            return self._runner.run(self._call(request))
        except BaseExceptionGroup as group:
            raise Killed from group

    async def _call(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        path = request.path_url
        headers = [(name.lower().encode(), str(value).encode()) for name, value in request.headers.items()]
        body = request.body.encode() if isinstance(request.body, str) else bytes(request.body or b"")
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
        }
        scope |= {"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers}
        scope |= {"client": ("127.0.0.1", 1), "server": ("hub.invalid", 80)}
        said: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            said.append(message)

        await self._app(scope, receive, send)
        answer = {name.decode(): value.decode() for name, value in said[0]["headers"]}
        return said[0]["status"], answer, b"".join(message.get("body", b"") for message in said[1:])


class Link(BaseAdapter):
    """The way to the hub, by a seed; late requests arrive when others are on their way, in any order."""

    def __init__(self, hub: Hub, chance: random.Random, met: Counter[str]) -> None:
        super().__init__()
        self.requests = 0
        self._hub = hub
        self._chance = chance
        self._met = met
        self._late: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.requests += 1
        trouble = self._chance.choice(TROUBLES) if self.requests < CALM_AFTER and self._chance.random() < 0.5 else ""
        self._met[trouble or "good"] += 1
        while self._late and self._chance.random() < 0.3:
            self._deliver(self._late.pop(self._chance.randrange(len(self._late))))
        if trouble == "late":
            self._late.append(request)
        if trouble in ("late", "request lost"):
            raise requests.ReadTimeout(trouble)
        if trouble == "twice":
            self._deliver(request)
        elif trouble and trouble != "answer lost":
            self._hub.database.armed, self._hub.database.statements = trouble, self._chance.randrange(12)
        answer = self._deliver(request)
        self._hub.database.armed = ""
        if answer is None or trouble == "answer lost":
            raise requests.ConnectionError("no answer")
        return answer

    def _deliver(self, request: requests.PreparedRequest) -> requests.Response | None:
        try:
            status, headers, body = self._hub.handle(request)
        except Killed:
            self._hub.restart()
            return None
        answer = requests.Response()
        answer.status_code = status
        answer.headers.update(headers)
        answer.raw = io.BytesIO(body)
        answer.request = request
        return answer

    def close(self) -> None:
        """Nothing is open."""
