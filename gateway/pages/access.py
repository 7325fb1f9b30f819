"""The gate before every page and every action: who is signed in, what the role allows, and that the request is our own page's.

An endpoint is written for a `Visitor` and wrapped here, once; nothing that changes anything is reachable another way.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.accounts import VIEWER, AccountFile
from gateway.language import Language, chosen
from gateway.pages.sessions import Session, Sessions, is_form_token
from gateway.pages.visitor import Visitor

log = logging.getLogger(__name__)

SESSION_COOKIE, LANGUAGE_COOKIE = "shiftwatt_session", "shiftwatt_language"
LANGUAGE_COOKIE_S = 365 * 86_400
# The largest form is a site's meters with their names; a photo is none.
FORM_BYTES_MAX = 256 * 1024
FORM_FIELDS_MAX = 2_000
FORM_TOKEN = "form_token"  # noqa: S105 - the name of a field
SIGN_IN = "/sign-in"

Fields = Mapping[str, str]
Show = Callable[[Request, Visitor], Awaitable[Response]]
Do = Callable[[Request, Visitor, Fields], Awaitable[Response]]
Refuse = Callable[[Visitor, int, str], Response]  # (visitor, status, key of the sentence)


@dataclass(frozen=True)
class Access:
    accounts: AccountFile
    sessions: Sessions
    now_ms: Callable[[], int]
    public_read: bool
    language: str
    refuse: Refuse

    def page(self, show: Show, role: str = "") -> Callable[[Request], Awaitable[Response]]:
        """`role` "" is what everybody may see if the site is public, else every account."""

        async def endpoint(request: Request) -> Response:
            visitor = self.visitor(request)
            wanted = role or ("" if self.public_read else VIEWER)
            if wanted and not visitor.may(wanted):
                return self._turned_away(request, visitor)
            return self._remembered(request, await show(request, visitor))

        return endpoint

    def action(self, do: Do, role: str) -> Callable[[Request], Awaitable[Response]]:
        """For POST only: signed in, allowed, from a page of ours, with the token of this session."""

        async def endpoint(request: Request) -> Response:
            visitor = self.visitor(request)
            if not visitor.is_signed_in:
                return self.refuse(visitor, 401, "refused.signed_out")
            if not is_own_origin(request):
                log.warning("a request of %s to %s came from another origin and was refused", visitor.name, request.url.path)
                return self.refuse(visitor, 403, "refused.origin")
            if not visitor.may(role):
                return self.refuse(visitor, 403, "refused.role")
            fields = await form(request)
            if fields is None:
                return self.refuse(visitor, 413, "refused.size")
            session = self._session(request)
            if session is None or not is_form_token(session, fields.get(FORM_TOKEN, "")):
                return self.refuse(visitor, 403, "refused.stale")
            return await do(request, visitor, fields)

        return endpoint

    def visitor(self, request: Request) -> Visitor:
        session = self._session(request)
        # Asked anew each time: a role that was taken away ends at once.
        role = None if session is None else self.accounts.role_of(session.name)
        if session is None or role is None:
            return Visitor(self.words(request), request.url.path, query=_query(request))
        return Visitor(self.words(request), request.url.path, session.name, role, session.form_token, _query(request))

    def words(self, request: Request) -> Language:
        wanted = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
        return chosen(wanted, request.headers.get("accept-language", ""), self.language)

    def _session(self, request: Request) -> Session | None:
        token = request.cookies.get(SESSION_COOKIE)
        return self.sessions.find(token, self.now_ms()) if token else None

    def _turned_away(self, request: Request, visitor: Visitor) -> Response:
        if visitor.is_signed_in:
            return self.refuse(visitor, 403, "refused.role")
        return RedirectResponse(f"{SIGN_IN}?next={quote(request.url.path)}", 303)

    def _remembered(self, request: Request, response: Response) -> Response:
        """The language that was asked for holds on the next page, too."""
        if "lang" in request.query_params:
            code = self.words(request).code
            response.set_cookie(LANGUAGE_COOKIE, code, LANGUAGE_COOKIE_S, httponly=True, samesite="lax", secure=is_secure(request))
        return response


def _query(request: Request) -> str:
    """What was asked for besides the language, ready to have more put behind it."""
    rest = urlencode([(key, value) for key, value in request.query_params.multi_items() if key != "lang"])
    return f"{rest}&" if rest else ""


def is_secure(request: Request) -> bool:
    return request.url.scheme == "https"


def is_own_origin(request: Request) -> bool:
    """A browser names the origin of every form that is sent; what names none is refused, too."""
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host", "") != ""


async def form(request: Request) -> Fields | None:
    """The fields of a form as browsers send it without files; None if it is too large or something else."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
        return None
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES_MAX:
            return None
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX))
    except ValueError:
        return None
