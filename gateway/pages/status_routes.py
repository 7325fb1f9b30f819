"""The addresses of the status pages, their exports, and what maintenance may do there. Requests end here; `desk` makes the pages."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Protocol, TypeVar
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.accounts import MAINTENANCE
from gateway.interfaces import DECLARED, KNOWN, UNDONE, EventFilter
from gateway.language import Language
from gateway.pages.access import Access, Fields, Refuse, Show
from gateway.pages.curve_span import DAY, KINDS, Span, day_of, next_first, previous_first, span
from gateway.pages.desk import Desk
from gateway.pages.rendering import REFRESH_S
from gateway.pages.shift_page import shown_range, usual_range
from gateway.pages.viewer import Viewer
from gateway.pages.visitor import Visitor
from protocols.reading import milliseconds_of

log = logging.getLogger(__name__)
Made = TypeVar("Made")

# What a person writes to an alarm is a note, not a report; the table of events keeps it for ever.
COMMENT_MAX = 300
SILENT_MIN_MAX = 12 * 60
# Pages that hold a table of weeks are made anew at the pace of the counters, not of the power.
SLOW_REFRESH_S = 60
_READ_NOW = ANSWERED, SILENT = "answered", "silent"
_DECLARED = (DECLARED, KNOWN, UNDONE)
CSV = "text/csv; charset=utf-8"


class Shown(Protocol):
    def __call__(self, visitor: Visitor, template: str, status: int = 200, **values: object) -> Response: ...


@dataclass(frozen=True)
class Answers:
    """How a page, a refusal, a fault and the headers of an export are made."""

    shown: Shown
    refuse: Refuse
    failed: Callable[[Visitor], Response]
    headers: Callable[[Language], dict[str, str]]


class StatusPages:
    def __init__(self, desk: Desk, access: Access, answers: Answers) -> None:
        self._desk, self._access, self._answers = desk, access, answers
        self._shown, self._refuse = answers.shown, answers.refuse
        # One at a time: a month of one meter may take the disk a second, and nothing else shall wait for it.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="status pages")

    def routes(self) -> list[Route]:
        pages = (
            ("/meters", self._meters), ("/meters.csv", self._meters_csv),
            ("/meters/{name}", self._meter), ("/meters/{name}/curve.csv", self._curve_csv),
            ("/meters/{name}/values.csv", self._meter_csv), ("/lines", self._lines), ("/lines.csv", self._lines_csv),
            ("/shifts", self._shifts), ("/shifts.csv", self._shifts_csv), ("/shifts/figure", self._figure),
            ("/production.csv", self._production_csv), ("/sync", self._sync), ("/sync.csv", self._sync_csv),
            ("/events", self._events), ("/events.csv", self._events_csv),
        )  # fmt: skip
        actions = (("/meters/{name}/read", self._read_now), ("/alarms/note", self._note))
        return [
            *(Route(path, self._access.page(self._guarded(show)), methods=["GET"]) for path, show in pages),
            *(Route(path, self._access.action(do, MAINTENANCE), methods=["POST"]) for path, do in actions),
        ]

    def _guarded(self, show: Show) -> Show:
        """A fault behind a page is in the log; the page says that measuring goes on, and tries again."""

        async def guarded(request: Request, visitor: Visitor) -> Response:
            try:
                return await show(request, visitor)
            except Exception:
                log.exception("the page %s could not be made", request.url.path)
                return self._answers.failed(visitor)

        return guarded

    async def _asked(self, question: Callable[..., Made], *holes: object) -> Made:
        return await asyncio.get_running_loop().run_in_executor(self._worker, question, *holes)

    def _viewer(self, visitor: Visitor) -> Viewer:
        return self._desk.viewer(visitor.language)

    async def _meters(self, _request: Request, visitor: Visitor) -> Response:
        viewer = self._viewer(visitor)
        branches = await self._asked(self._desk.branches, viewer)
        return self._shown(visitor, "meters.html", branches=branches, instant=viewer.instant(viewer.now_ms), refresh=REFRESH_S)

    async def _meter(self, request: Request, visitor: Visitor) -> Response:
        viewer, name = self._viewer(visitor), request.path_params["name"]
        wanted = span(
            request.query_params.get("span", ""), day_of(request.query_params.get("day", ""), self._desk.today()), self._desk.zone
        )
        page = await self._asked(self._desk.meter, name, wanted, viewer)
        if page is None:
            return self._refuse(visitor, 404, "refused.no_meter")
        said = request.query_params.get("said", "")
        # What was said just now is not said again when the page renews itself.
        following = f"/meters/{quote(name)}" if said else ""
        return self._shown(
            visitor, "meter.html", view=page, name=name, span=wanted, kinds=KINDS, instant=viewer.instant(viewer.now_ms), refresh=REFRESH_S,
            before=previous_first(wanted.kind, wanted.first), after=next_first(wanted.kind, wanted.first), today=self._desk.today(),
            title=_title(wanted, viewer), can_read=visitor.may(MAINTENANCE),
            said=visitor.language.word("read_now", said) if said in _READ_NOW else "",
            next_view=following,
        )  # fmt: skip

    async def _lines(self, _request: Request, visitor: Visitor) -> Response:
        viewer = self._viewer(visitor)
        page = await self._asked(self._desk.lines, viewer)
        return self._shown(visitor, "lines.html", view=page, instant=viewer.instant(viewer.now_ms), refresh=REFRESH_S)

    async def _sync(self, _request: Request, visitor: Visitor) -> Response:
        viewer = self._viewer(visitor)
        page = await self._asked(self._desk.sync, viewer)
        return self._shown(visitor, "sync.html", view=page, instant=viewer.instant(viewer.now_ms), refresh=REFRESH_S)

    async def _shifts(self, request: Request, visitor: Visitor) -> Response:
        viewer = self._viewer(visitor)
        first, last = self._range(request)
        page = await self._asked(self._desk.shift_page, first, last, viewer)
        said = request.query_params.get("said", "")
        # Nobody loses the number that is being typed.
        renewed = {} if visitor.may(MAINTENANCE) else {"refresh": SLOW_REFRESH_S}
        return self._shown(
            visitor, "shifts.html", view=page, instant=viewer.instant(viewer.now_ms), can_declare=visitor.may(MAINTENANCE),
            said=visitor.language.word("production_said", said) if said in _DECLARED else "", **renewed,
        )  # fmt: skip

    def _range(self, request: Request) -> tuple[date, date]:
        usual = usual_range(self._desk.today())
        first, last = (day_of(request.query_params.get(key, ""), otherwise) for key, otherwise in zip(("from", "to"), usual, strict=True))
        return shown_range(first, last)

    async def _figure(self, request: Request, visitor: Visitor) -> Response:
        query = request.query_params
        try:
            start_ms = milliseconds_of(query.get("start", ""))
        except ValueError:
            return self._refuse(visitor, 404, "refused.no_figure")
        page = await self._asked(self._desk.evidence, start_ms, query.get("shift", ""), query.get("line", ""), self._viewer(visitor))
        return self._shown(visitor, "figure.html", view=page) if page else self._refuse(visitor, 404, "refused.no_figure")

    async def _events(self, request: Request, visitor: Visitor) -> Response:
        viewer, wanted = self._viewer(visitor), _filter(request)
        page = await self._asked(self._desk.events, wanted, viewer)
        renewed = {"refresh": REFRESH_S} if not wanted.before and not visitor.may(MAINTENANCE) else {}  # nobody loses what is being written
        return self._shown(
            visitor, "events.html", view=page, wanted=wanted, instant=viewer.instant(viewer.now_ms), can_note=visitor.may(MAINTENANCE),
            comment_max=COMMENT_MAX, said=request.query_params.get("said", ""), **renewed,
        )  # fmt: skip

    # --- exports

    async def _meters_csv(self, _request: Request, visitor: Visitor) -> Response:
        return self._csv(await self._asked(self._desk.meters_csv), "meters.csv", visitor)

    async def _meter_csv(self, request: Request, visitor: Visitor) -> Response:
        text = await self._asked(self._desk.meter_csv, request.path_params["name"])
        return self._refuse(visitor, 404, "refused.no_meter") if text is None else self._csv(text, "meter.csv", visitor)

    async def _lines_csv(self, _request: Request, visitor: Visitor) -> Response:
        return self._csv(await self._asked(self._desk.lines_csv), "lines.csv", visitor)

    async def _sync_csv(self, _request: Request, visitor: Visitor) -> Response:
        return self._csv(await self._asked(self._desk.sync_csv), "sync.csv", visitor)

    async def _production_csv(self, request: Request, visitor: Visitor) -> Response:
        return self._csv(await self._asked(self._desk.production_csv, *self._range(request)), "production.csv", visitor)

    async def _curve_csv(self, request: Request, visitor: Visitor) -> Response:
        name, query = request.path_params["name"], request.query_params
        text = await self._asked(self._desk.curve_csv, name, query.get("span", ""), day_of(query.get("day", ""), self._desk.today()))
        return self._refuse(visitor, 404, "refused.no_meter") if text is None else self._csv(text, "curve.csv", visitor)

    async def _shifts_csv(self, request: Request, visitor: Visitor) -> Response:
        return self._csv(await self._asked(self._desk.shifts_csv, *self._range(request)), "shifts.csv", visitor)

    async def _events_csv(self, request: Request, visitor: Visitor) -> Response:
        return self._csv(await self._asked(self._desk.events_csv, _filter(request)), "events.csv", visitor)

    def _csv(self, text: str, name: str, visitor: Visitor) -> Response:
        headers = {**self._answers.headers(visitor.language), "Content-Disposition": f'attachment; filename="shiftwatt-{name}"'}
        return Response(text.encode("utf-8-sig"), headers=headers, media_type=CSV)  # its first mark tells a spreadsheet the encoding

    # --- what maintenance does

    async def _read_now(self, request: Request, visitor: Visitor, _fields: Fields) -> Response:
        """Waits for the wire in a thread of its own: a slow meter holds up no page."""
        name = request.path_params["name"]
        meter = next((each for each in self._desk.status.status().meters if each.name == name and each.line), None)
        if meter is None:
            return self._refuse(visitor, 404, "refused.no_meter")
        reason = await run_in_threadpool(self._desk.meters.read_now, name)
        log.info("%s had %s read now: %s", visitor.name, name, reason or "it answered")
        return RedirectResponse(f"/meters/{quote(name)}?said={SILENT if reason else ANSWERED}#main", 303)

    async def _note(self, _request: Request, visitor: Visitor, fields: Fields) -> Response:
        comment = " ".join(fields.get("comment", "").split())[:COMMENT_MAX]
        silent = fields.get("silent_min", "0")
        silent_min = min(int(silent), SILENT_MIN_MAX) if silent.isascii() and silent.isdigit() else 0
        noted = await run_in_threadpool(self._desk.alarms.note, fields.get("key", ""), visitor.name, comment, silent_min)
        if not noted:
            return self._refuse(visitor, 404, "refused.no_alarm")
        log.info("%s noted the alarm %s", visitor.name, fields.get("key", ""))
        return RedirectResponse("/events?said=noted", 303)


def _title(shown: Span, viewer: Viewer) -> str:
    first, last = viewer.day(shown.first), viewer.day(shown.days[-1][0])
    return first if shown.kind == DAY else viewer.say("calendar.span", first=first, last=last)


def _filter(request: Request) -> EventFilter:
    query = request.query_params
    before = query.get("before", "")
    return EventFilter(
        query.get("kind", ""), query.get("meter", ""), int(before) if before.isascii() and before.isdigit() and len(before) < 18 else 0
    )
