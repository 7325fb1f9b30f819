"""The one shared snapshot behind every browser: taken at most once per tick, made into HTML once per language.

Status and figures are asked from one worker thread of its own, one at a time, so that a slow disk
holds up neither the server's loop nor the poller. Knows no request.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import tzinfo

from gateway.interfaces import AlarmSource, FigureSource, ShiftBook, ShiftTarget, StandingAlarm, StatusSource
from gateway.language import CODES, Language, language_of
from gateway.pages.overview import overview
from gateway.pages.rendering import Rendering
from gateway.pages.shift_figure import ShiftFigure, shift_figure
from gateway.pages.shifts import DAYS_SHOWN, current
from gateway.pages.usual import Usual, same_shift_before, usual
from gateway.pages.viewer import DAY_MS, Viewer
from gateway.status import GatewayStatus

# Power is measured every 10 s by default; a fifth of that is as live as an eye asks for.
TICK_MS = 2_000
# Figures move with the counters, which are read every quarter of an hour, and at a shift change.
FIGURES_EVERY_MS = 20_000

_log = logging.getLogger(__name__)


class NoSnapshot(Exception):
    """The gateway could not say how it is; the log has the cause."""


@dataclass(frozen=True)
class Content:
    """The live fragments of one language; `page` changes where a browser must load the page anew."""

    page: str
    fragments: Mapping[str, str]


@dataclass
class _Snapshot:
    time_ms: int
    status: GatewayStatus
    figures: list[ShiftFigure]
    usuals: Mapping[str, Usual]
    alarms: Sequence[StandingAlarm]
    targets: Sequence[ShiftTarget]
    contents: dict[str, Content] = field(default_factory=dict)


class Board:
    def __init__(
        self,
        status: StatusSource,
        figures: FigureSource,
        alarms: AlarmSource,
        shifts: ShiftBook,
        now_ms: Callable[[], int],
        zone: tzinfo,
        rendering: Rendering,
        tag: str,
    ) -> None:
        self._status, self._figures, self._alarms, self._shifts, self._now_ms, self._zone = status, figures, alarms, shifts, now_ms, zone
        self._rendering, self._tag = rendering, tag
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pages")
        self._snapshot: _Snapshot | None = None
        self._failed_ms: int | None = None
        self._figures_taken: tuple[int, list[ShiftFigure]] | None = None
        self._usuals: dict[tuple[str, int], Usual] = {}  # by production line and start of the running shift

    async def content(self, language: Language) -> Content:
        """What a browser should show now; raises NoSnapshot."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._content, language)

    async def warm(self) -> None:
        """Everything that is made at its first use, for every language; what cannot be shown yet is told later."""
        for code in CODES:
            with suppress(NoSnapshot):
                await self.content(language_of(code))

    def _content(self, language: Language) -> Content:
        now_ms = self._now_ms()
        if _recent(self._failed_ms, now_ms, TICK_MS):
            raise NoSnapshot
        try:
            return self._current(now_ms).contents.get(language.code) or self._made(language)
        except Exception as error:
            # Whatever is broken behind the page, the page has to say so, and to be there when it is mended.
            _log.exception("The pages could not be made; they try again in %d s.", TICK_MS // 1000)
            self._failed_ms = now_ms
            raise NoSnapshot from error

    def _current(self, now_ms: int) -> _Snapshot:
        if self._snapshot is None or not _recent(self._snapshot.time_ms, now_ms, TICK_MS):
            status = self._status.status()
            figures = self._recent_figures(status, now_ms)
            usuals = self._usual(figures, status, now_ms)
            self._snapshot = _Snapshot(now_ms, status, figures, usuals, self._alarms.alarms(), self._shifts.targets())
        return self._snapshot

    def _usual(self, figures: Sequence[ShiftFigure], status: GatewayStatus, now_ms: int) -> dict[str, Usual]:
        """Asked once for each running shift: what weeks ago was used changes seldom."""
        running = current(figures, now_ms)
        roles = {meter.name: meter.role for meter in status.meters}
        known = self._usuals
        self._usuals = {}
        for figure in running:
            key = (figure.production_line, figure.start_ms)
            if key not in known:
                before = [document for time_ms in same_shift_before(figure) for document in self._figures.figures(time_ms, time_ms + 1)]
                known[key] = usual(figure, [shift_figure(document, roles) for document in before])
            self._usuals[key] = known[key]
        return {line: found for (line, _), found in self._usuals.items()}

    def _recent_figures(self, status: GatewayStatus, now_ms: int) -> list[ShiftFigure]:
        if self._figures_taken is None or not _recent(self._figures_taken[0], now_ms, FIGURES_EVERY_MS):
            # One day more than is shown: the oldest day may have begun before this time of its day.
            documents = self._figures.figures(now_ms - (DAYS_SHOWN + 1) * DAY_MS, now_ms)
            roles = {meter.name: meter.role for meter in status.meters}
            self._figures_taken = (now_ms, [shift_figure(document, roles) for document in documents])
        return self._figures_taken[1]

    def _made(self, language: Language) -> Content:
        snapshot = self._snapshot
        assert snapshot is not None
        viewer = Viewer(language, self._zone, snapshot.time_ms)
        view = overview(snapshot.status, snapshot.figures, viewer, snapshot.usuals, snapshot.alarms, snapshot.targets)
        names = "\n".join([self._tag, *(meter.name for meter in snapshot.status.meters)])
        page = hashlib.sha256(names.encode()).hexdigest()[: len(self._tag)]
        return snapshot.contents.setdefault(language.code, Content(page, self._rendering.fragments(view, language)))


def _recent(time_ms: int | None, now_ms: int, age_ms: int) -> bool:
    """False also for a time ahead: then the clock was put back."""
    return time_ms is not None and 0 <= now_ms - time_ms < age_ms
