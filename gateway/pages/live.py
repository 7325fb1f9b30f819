"""Server-sent events: to each browser the fragments that changed since it was last told.

Knows the board and how many listen; no HTTP.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from gateway.language import Language
from gateway.pages.board import TICK_MS, Board, Content, NoSnapshot

# A site has a few wall screens and phones. Each listener costs a socket and up to 10 kB a tick;
# forty are 2 % of what a Raspberry Pi's network carries.
LISTENERS_MAX = 40
# A browser beyond the limit is told to come back this late: about as often as without JavaScript.
TURNED_AWAY_S = 20
# After a lost connection: short enough for a person at the screen, long enough for a restart.
RETRY_MS = 2_000
# A listener looks this often whether the server wants to end: a shutdown waits no longer for it.
CLOSING_CHECK_S = 0.25

Sleep = Callable[[float], Awaitable[None]]


@dataclass
class Live:
    board: Board
    closing: Callable[[], bool]
    sleep: Sleep = asyncio.sleep
    listeners: int = 0

    async def stream(self, language: Language) -> AsyncGenerator[str, None]:
        events = self._once(language) if self.listeners >= LISTENERS_MAX else self._all(language)
        async with aclosing(events):
            async for event in events:
                yield event

    async def _all(self, language: Language) -> AsyncGenerator[str, None]:
        self.listeners += 1
        shown: dict[str, str] = {}
        try:
            yield f"retry: {RETRY_MS}\n\n"
            while not self.closing():
                content = await self.board.content(language)
                yield _event(content, _changes(content, shown), TICK_MS // 1000)
                shown = dict(content.fragments)
                await self._tick()
        except NoSnapshot:
            return  # the board has logged why; the browser says that it hears nothing, and comes again
        finally:
            self.listeners -= 1

    async def _once(self, language: Language) -> AsyncGenerator[str, None]:
        """Everything once, the reason, and when to come again."""
        yield f"retry: {TURNED_AWAY_S * 1000}\n\n"
        try:
            content = await self.board.content(language)
        except NoSnapshot:
            return
        yield _event(content, dict(content.fragments), TURNED_AWAY_S, language.say("page.full", count=LISTENERS_MAX, seconds=TURNED_AWAY_S))

    async def _tick(self) -> None:
        for _ in range(round(TICK_MS / 1000 / CLOSING_CHECK_S)):
            if self.closing():
                return
            await self.sleep(CLOSING_CHECK_S)


def _changes(content: Content, shown: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in content.fragments.items() if shown.get(name) != text}


def _event(content: Content, html: dict[str, str], next_s: int, notice: str = "") -> str:
    """Sent even if nothing changed: silence means that the line to the gateway is lost."""
    data = json.dumps({"page": content.page, "next_s": next_s, "notice": notice, "html": html}, ensure_ascii=False, separators=(",", ":"))
    return f"event: change\ndata: {data}\n\n"
