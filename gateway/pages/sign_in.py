"""Signing in and out, and the first start, when the one who reads the console becomes the administrator."""

import hmac
import logging
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.accounts import ADMIN, VIEWER, AccountError
from gateway.pages.access import SESSION_COOKIE, SIGN_IN, Access, Fields, form, is_own_origin, is_secure
from gateway.pages.throttle import Throttle
from gateway.pages.visitor import Visitor

log = logging.getLogger(__name__)

LOOPBACK = frozenset(("127.0.0.1", "::1"))
_THIS_GATEWAY = "*"  # one budget of guesses for all who try the code of the first start

Show = Callable[[Visitor, Mapping[str, str], int], Response]  # (visitor, what the page tells, status)


class SignIn:
    """`code` enrols the first account; "" once there is one. `over_http` allows it without TLS beyond this machine."""

    def __init__(self, access: Access, show: Show, code: str, *, over_http: bool) -> None:
        self._access, self._show, self._code, self._over_http = access, show, code, over_http
        self._throttle = Throttle()

    def routes(self) -> list[Route]:
        return [
            Route(SIGN_IN, self._page, methods=["GET"]),
            Route(SIGN_IN, self._begin, methods=["POST"]),
            Route("/sign-out", self._access.action(self._end, VIEWER), methods=["POST"]),
        ]

    async def _page(self, request: Request) -> Response:
        return self._shown(request, self._access.visitor(request), "")

    def _shown(self, request: Request, visitor: Visitor, key: str, status: int = 200, **holes: object) -> Response:
        """The form, or why there is none."""
        if not self._is_allowed(request):
            return self._show(visitor, {"refusal": visitor.language.say("sign_in.plain_http"), "first": "", "next": ""}, 403)
        said = visitor.language.say(key, **holes) if key else ""
        first = "yes" if not self._access.accounts.accounts() else ""
        return self._show(visitor, {"refusal": said, "first": first, "next": _next(request.query_params.get("next", "/"))}, status)

    def _is_allowed(self, request: Request) -> bool:
        here = request.client is not None and request.client.host in LOOPBACK
        return is_secure(request) or here or self._over_http

    async def _begin(self, request: Request) -> Response:
        visitor = self._access.visitor(request)
        fields = await form(request)
        if fields is None or not is_own_origin(request) or not self._is_allowed(request):
            return self._shown(request, visitor, "refused.origin", 403)
        name, now_ms = fields.get("name", "").strip(), self._access.now_ms()
        first = not self._access.accounts.accounts()
        keys = (_THIS_GATEWAY,) if first else (f"name {name}", f"address {request.client.host if request.client else ''}")
        wait_ms = self._throttle.wait_ms(keys, now_ms)
        if wait_ms:
            return self._shown(request, visitor, "sign_in.wait", 429, seconds=-(-wait_ms // 1000))
        trouble = await run_in_threadpool(self._trouble, name, fields, first=first)
        if trouble:
            self._throttle.failed(keys, now_ms)
            log.warning("signing in as %r from %s failed", name, request.client.host if request.client else "?")
            return self._shown(request, visitor, trouble, 401)
        self._throttle.succeeded(keys)
        return self._welcomed(request, name, _next(fields.get("next", "/")))

    def _trouble(self, name: str, fields: Fields, *, first: bool) -> str:
        """The key of what to say, "" if all is well; in a worker thread, since hashing takes its time."""
        if not first:
            return "" if self._access.accounts.check(name, fields.get("password", "")) else "sign_in.wrong"
        given = fields.get("code", "").strip().upper().replace("-", "")
        if not self._code or not hmac.compare_digest(given.encode(), self._code.encode()):
            return "sign_in.wrong_code"
        try:
            self._access.accounts.add(name, ADMIN, fields.get("password", ""))
        except AccountError as error:
            return f"refused.{error.key}"
        log.info("%s enrolled as the first administrator", name)
        return ""

    def _welcomed(self, request: Request, name: str, then: str) -> Response:
        response = RedirectResponse(then, 303)
        token = self._access.sessions.begin(name, self._access.now_ms())
        response.set_cookie(SESSION_COOKIE, token, httponly=True, samesite="lax", secure=is_secure(request))
        log.info("%s signed in", name)
        return response

    async def _end(self, request: Request, visitor: Visitor, fields: Fields) -> Response:  # noqa: ARG002 - as every action
        self._access.sessions.end(request.cookies.get(SESSION_COOKIE, ""))
        log.info("%s signed out", visitor.name)
        response = RedirectResponse("/", 303)
        response.delete_cookie(SESSION_COOKIE)
        return response


def _next(wanted: str) -> str:
    """A path of ours only: nobody is led elsewhere after signing in."""
    parts = urlsplit(wanted)
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return wanted if is_ours else "/"
