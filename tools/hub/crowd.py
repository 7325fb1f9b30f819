"""How many requests are worked on at once; the others wait at the door with their bodies unread. Knows no endpoint."""

import asyncio

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

# Beyond this nobody's turn comes within the minute that a gateway waits for an answer.
WAITING_MAX = 5_000
RETRY_S = 10


class Crowd:
    """Counts what this process works on now: nothing of it needs to outlive the process."""

    def __init__(self, app: ASGIApp, requests_max: int) -> None:
        self._app = app
        self._turns = asyncio.Semaphore(requests_max)
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._waiting >= WAITING_MAX:
            full = JSONResponse({"error": "too many are waiting at this hub; come again soon"}, 503, {"Retry-After": str(RETRY_S)})
            await full(scope, receive, send)
            return
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._turns.release()
