"""The addresses of the pages and what every answer carries. Requests end here; nothing below knows HTTP."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from gateway.accounts import AccountFile
from gateway.commission_interface import Commissioning
from gateway.interfaces import AlarmSource, DoctorSource, FigureSource, HistorySource, MeterSource, ShiftBook, StatusSource
from gateway.language import Language
from gateway.pages.access import Access
from gateway.pages.assets import Asset, load_assets, pages_tag
from gateway.pages.board import Board, NoSnapshot
from gateway.pages.commission_routes import CommissionPages
from gateway.pages.desk import Desk
from gateway.pages.live import Live
from gateway.pages.production_routes import ProductionPages
from gateway.pages.rendering import REFRESH_S, Rendering
from gateway.pages.sessions import Sessions
from gateway.pages.sign_in import SignIn
from gateway.pages.status_routes import Answers, StatusPages
from gateway.pages.visitor import Visitor
from gateway.pages.wall import WALL_SECONDS, view_after

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With "no-referrer" browsers send "Origin: null" with our own forms, and nobody could sign in.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
# A Pi needs one; a disk that hangs at the start must not keep the pages shut.
WARM_S_MAX = 5.0
# Between two templates, for those who wait for a page meanwhile: fifty take three seconds.
WARM_PAUSE_S = 0.05
_FRESH = {"Cache-Control": "no-store", "Vary": "Accept-Language, Cookie"}
# The address names the content, so a browser need never ask again; a year is the customary "for ever".
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_ASK_AGAIN = {"Cache-Control": "no-cache"}


@dataclass(frozen=True)
class Ground:
    """What all pages stand on: who is asked, what time it is, and for whom the site opens.

    `status` and `figures` are asked from one worker thread. `closing` becomes true when the server wants to end, so that
    open event streams end with it: with uvicorn `lambda: server.should_exit`. `code` enrols the first account.
    """

    status: StatusSource
    figures: FigureSource
    alarms: AlarmSource
    history: HistorySource
    doctor: DoctorSource
    meters: MeterSource
    shifts: ShiftBook
    accounts: AccountFile
    now_ms: Callable[[], int]
    zone: tzinfo
    site_name: str
    language: str = "en"
    public_read: bool = True
    sign_in_over_http: bool = False
    code: str = ""
    closing: Callable[[], bool] = lambda: False
    commission: Commissioning | None = None  # None where there is nothing to commission: a demo of the pages


@dataclass(frozen=True)
class Pages:
    """`warm` is awaited before the first browser is let in: nobody waits for what is made once."""

    routes: list[Route]
    warm: Callable[[], Awaitable[None]]


def routes(ground: Ground) -> list[Route]:
    return pages(ground).routes


def pages(ground: Ground, patience_s: float = WARM_S_MAX) -> Pages:
    assets = load_assets()
    rendering = Rendering(assets, ground.site_name, str(ground.zone))

    def shown(visitor: Visitor, template: str, status: int = 200, **values: object) -> Response:
        return HTMLResponse(rendering.page(template, visitor, **values), status, headers(visitor.language))

    def refused(visitor: Visitor, status: int, key: str) -> Response:
        return shown(visitor, "refused.html", status, sentence=visitor.language.say(key))

    access = Access(ground.accounts, Sessions(), ground.now_ms, ground.public_read, ground.language, refused)
    sign_in = SignIn(
        access,
        lambda visitor, told, status: shown(visitor, "sign_in.html", status, **told),
        ground.code,
        over_http=ground.sign_in_over_http,
    )

    async def static(request: Request) -> Response:
        return _static(request, assets)

    asked = (ground.status, ground.figures, ground.alarms, ground.history, ground.doctor, ground.meters, ground.shifts)
    desk = Desk(*asked, ground.now_ms, ground.zone)

    def failed(visitor: Visitor) -> Response:
        return _failed(rendering, visitor)

    status_pages = StatusPages(desk, access, Answers(shown, refused, failed, headers))
    commission = CommissionPages(ground.commission, access, shown, ground.now_ms, ground.zone).routes() if ground.commission else []
    board = Board(ground.status, ground.figures, ground.alarms, ground.shifts, ground.now_ms, ground.zone, rendering, pages_tag())
    every = [
        *_overview(board, Live(board, ground.closing), access, rendering),
        *status_pages.routes(),
        *ProductionPages(desk, access, refused).routes(),
        *commission,
        *sign_in.routes(),
        Route("/static/{name}", static, name="static"),
    ]

    async def warm() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(board.warm(), patience_s)
        # The other pages meanwhile: the overview stands on a wall already.
        asyncio.get_running_loop().run_in_executor(None, rendering.warm, partial(time.sleep, WARM_PAUSE_S))

    return Pages(every, warm)


def _overview(board: Board, live: Live, access: Access, rendering: Rendering) -> list[Route]:
    async def overview(_request: Request, visitor: Visitor) -> Response:
        try:
            content = await board.content(visitor.language)
        except NoSnapshot:
            return _failed(rendering, visitor)
        return HTMLResponse(rendering.overview(content.fragments, content.page, visitor), headers=headers(visitor.language))

    async def wall(request: Request, visitor: Visitor) -> Response:
        try:
            content = await board.content(visitor.language)
        except NoSnapshot:
            return _failed(rendering, visitor)
        shown, following = view_after(request.query_params.get("show", ""))
        page = rendering.wall(content.fragments, visitor, show=shown, next_view=f"/wall?show={following}", refresh=WALL_SECONDS)
        return HTMLResponse(page, headers=headers(visitor.language))

    async def events(request: Request, visitor: Visitor) -> Response:
        more = headers(visitor.language, {"X-Accel-Buffering": "no"})  # a proxy in between must not hold events back
        if request.method == "HEAD":
            return Response(headers=more, media_type="text/event-stream")
        return StreamingResponse(live.stream(visitor.language), headers=more, media_type="text/event-stream")

    return [
        Route("/", access.page(overview), name="overview"),
        Route("/wall", access.page(wall), methods=["GET"], name="wall"),
        Route("/events/live", access.page(events), methods=["GET"], name="live"),
    ]


def _failed(rendering: Rendering, visitor: Visitor) -> Response:
    return HTMLResponse(rendering.failed(visitor.language), 503, headers(visitor.language, {"Retry-After": str(REFRESH_S)}))


def headers(language: Language, more: Mapping[str, str] | None = None) -> dict[str, str]:
    return {**SECURITY_HEADERS, **_FRESH, "Content-Language": language.code, **(more or {})}


def _static(request: Request, assets: Mapping[str, Asset]) -> Response:
    asset = assets.get(request.path_params["name"])
    if asset is None:
        return PlainTextResponse("There is no such file among those of the pages.\n", 404, {**SECURITY_HEADERS, **_ASK_AGAIN})
    entity_tag = f'"{asset.tag}"'
    caching = _FOR_EVER if request.query_params.get("v") == asset.tag else _ASK_AGAIN
    headers = {**SECURITY_HEADERS, **caching, "ETag": entity_tag}
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if entity_tag in known:
        return Response(status_code=304, headers=headers)
    return Response(asset.content, headers=headers, media_type=asset.media_type)
