"""The addresses of the pages and what every answer carries. Requests end here; nothing below knows HTTP."""

from collections.abc import Callable, Mapping
from datetime import tzinfo

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from gateway.interfaces import FigureSource, StatusSource
from gateway.language import Language, chosen
from gateway.pages.assets import Asset, load_assets, pages_tag
from gateway.pages.board import Board, NoSnapshot
from gateway.pages.live import Live
from gateway.pages.rendering import REFRESH_S, Rendering

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_FRESH = {"Cache-Control": "no-store", "Vary": "Accept-Language"}
# The address names the content, so a browser need never ask again; a year is the customary "for ever".
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_ASK_AGAIN = {"Cache-Control": "no-cache"}


def routes(
    status: StatusSource,
    figures: FigureSource,
    now_ms: Callable[[], int],
    zone: tzinfo,
    site_name: str,
    language: str = "en",
    closing: Callable[[], bool] = lambda: False,
) -> list[Route]:
    """`closing` becomes true when the server wants to end, so that open event streams end with it:
    with uvicorn `lambda: server.should_exit`. `status` and `figures` are asked from one worker thread.
    """
    assets = load_assets()
    rendering = Rendering(assets, site_name, str(zone))
    board = Board(status, figures, now_ms, zone, rendering, pages_tag())
    live = Live(board, closing)

    async def overview(request: Request) -> Response:
        words = _language(request, language)
        try:
            content = await board.content(words)
        except NoSnapshot:
            return HTMLResponse(rendering.failed(words), 503, _headers(words, {"Retry-After": str(REFRESH_S)}))
        return HTMLResponse(rendering.page(content.fragments, content.page, words), headers=_headers(words))

    async def events(request: Request) -> Response:
        words = _language(request, language)
        headers = _headers(words, {"X-Accel-Buffering": "no"})  # a proxy in between must not hold events back
        if request.method == "HEAD":
            return Response(headers=headers, media_type="text/event-stream")
        return StreamingResponse(live.stream(words), headers=headers, media_type="text/event-stream")

    async def static(request: Request) -> Response:
        return _static(request, assets)

    return [
        Route("/", overview, name="overview"),
        Route("/events/live", events, methods=["GET"], name="live"),
        Route("/static/{name}", static, name="static"),
    ]


def _language(request: Request, default: str) -> Language:
    return chosen(request.query_params.get("lang"), request.headers.get("accept-language", ""), default)


def _headers(language: Language, more: Mapping[str, str] | None = None) -> dict[str, str]:
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
