"""Requests that are no poll and wait for their turn on one line: a person's, a scan's, an update's, our own submeters'.

Who is polled when is the schedule's matter; sending is the owner's. Pure: instants are seconds handed in.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import inf

from gateway.acquire.answer import Answer
from gateway.acquire.schedule import BULK, PERSON
from gateway.acquire.unit import Unit
from protocols.errors import OurMistake
from protocols.pdu import Request

# Who asks waits for the answer before the next request; more at once is a programme gone wrong.
ERRANDS_MAX = 64
# What can wait waits for a line that has nothing else to do, but not for ever on one that is full: one a ten seconds is some percent of it.
BULK_WAIT_S_MAX = 10.0


@dataclass
class Errand:
    """`make` gives the request at the moment at which it is sent: some tell the time."""

    priority: int
    unit: Unit
    make: Callable[[], Request]
    asked_at: float
    timeout_s: float | None
    answer: "asyncio.Future[Answer]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def end(self, answer: Answer | Exception) -> None:
        """Nobody may wait for it any more."""
        if self.answer.done():
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


class Errands:
    def __init__(self) -> None:
        self._waiting: list[Errand] = []

    def add(self, errand: Errand) -> None:
        if len(self._waiting) >= ERRANDS_MAX:
            raise OurMistake(f"{ERRANDS_MAX} requests wait for this line already")
        self._waiting.append(errand)

    def take(self, now: float, other: int | None) -> Errand | None:
        """The most urgent one whose unit may be spoken to, if it goes before a job of priority `other`."""
        ready = [errand for errand in self._of_each_unit() if errand.unit.condition.ready_at <= now and _goes_first(errand, now, other)]
        if not ready:
            return None
        found = min(ready, key=lambda errand: errand.priority)
        self._waiting.remove(found)
        return found

    def wake_at(self) -> float:
        """When the next one may go on a line with nothing else to do."""
        return min((errand.unit.condition.ready_at for errand in self._of_each_unit()), default=inf)

    def give_up(self, error: Exception) -> None:
        waiting, self._waiting = self._waiting, []
        for errand in waiting:
            errand.end(error)

    def _of_each_unit(self) -> Iterator[Errand]:
        """The first of every unit that somebody still waits for: what one asks a unit in turn is answered in turn."""
        self._waiting = [errand for errand in self._waiting if not errand.answer.done()]
        seen: set[tuple[int, int | str]] = set()
        for errand in self._waiting:
            key = (errand.priority, errand.unit.address)
            if key not in seen:
                seen.add(key)
                yield errand


def _goes_first(errand: Errand, now: float, other: int | None) -> bool:
    if other is None or errand.priority == PERSON:
        return True
    return errand.priority < other or (errand.priority == BULK and now - errand.asked_at >= BULK_WAIT_S_MAX)
