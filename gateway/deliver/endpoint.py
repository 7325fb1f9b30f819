"""One entry of an HTTP API as a value, and what follows from a table of them: the routes and the OpenAPI document.

Authorising, bounded reading of bodies and errors as sentences happen here, once for every entry.
Which entries there are is the tables' business.
"""

import base64
import binascii
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.deliver.refusal import Refused
from gateway.deliver.tokens import PUBLIC, READ, Authorise, Grant

log = logging.getLogger(__name__)

# Read to its end even if it is too large, up to here: a sender that is cut off in the middle of its
# body never sees why. Nothing beyond an endpoint's own limit is kept.
DRAINED_BYTES_MAX = 64 * 2**20
_GZIP_LEVEL = 6  # the middleware's 9 costs three times the time for a few percent


@dataclass(frozen=True)
class Call:
    request: Request
    grant: Grant
    body: bytes


@dataclass(frozen=True)
class Parameter:
    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True)
class Endpoint:
    """`scope` None is open to all; a body is read only up to `body_bytes_max`."""

    path: str
    summary: str
    handler: Callable[[Call], Response]
    scope: str | None = READ
    method: str = "GET"
    parameters: Sequence[Parameter] = ()
    media_types: Sequence[str] = ("application/json",)
    errors: Mapping[int, str] = field(default_factory=dict)
    body_bytes_max: int = 0


def routes_of(endpoints: Iterable[Endpoint], authorise: Authorise) -> list[Route]:
    return [
        Route(
            each.path,
            _asynchronous(each, authorise),
            methods=[each.method],
            middleware=[Middleware(GZipMiddleware, compresslevel=_GZIP_LEVEL)],
        )
        for each in endpoints
    ]


def _asynchronous(endpoint: Endpoint, authorise: Authorise) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return await _answer(endpoint, authorise, request)
        except Refused as refused:
            return error(refused)
        except ClientDisconnect:  # a sender that was killed or lost its link; it comes again
            log.info("%s %s: the caller went away in the middle", endpoint.method, endpoint.path)
            return error(Refused(400, "the request was cut off"))
        except Exception:  # the boundary to the network: the log gets the traceback, the caller a sentence
            log.exception("%s %s failed", endpoint.method, endpoint.path)
            return error(Refused(500, "this server failed to answer; its log says why"))

    return answer


async def _answer(endpoint: Endpoint, authorise: Authorise, request: Request) -> Response:
    grant, refused = await run_in_threadpool(_grant, endpoint, authorise, request)
    body = await _body(request, endpoint.body_bytes_max if grant else 0)
    if refused:
        raise refused
    if body is None:
        raise Refused(413, f"the body is larger than the {endpoint.body_bytes_max} bytes that are taken here")
    return await run_in_threadpool(endpoint.handler, Call(request, grant or PUBLIC, body))


def error(refused: Refused) -> Response:
    return JSONResponse({"error": refused.sentence, **refused.details}, refused.status, refused.headers)


def _grant(endpoint: Endpoint, authorise: Authorise, request: Request) -> tuple[Grant | None, Refused | None]:
    if endpoint.scope is None:
        return PUBLIC, None
    try:
        return authorise(bearer_of(request), endpoint.scope), None
    except Refused as refused:
        return None, refused


def bearer_of(request: Request) -> str | None:
    """The token of the request; a browser may give it as the password of Basic authentication."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip() or None
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2] or None
    except (binascii.Error, UnicodeDecodeError):
        return None


async def _body(request: Request, keep_bytes: int) -> bytes | None:
    """The whole body, or None if it is larger than `keep_bytes`."""
    kept, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= keep_bytes:
            kept += chunk
        elif size > DRAINED_BYTES_MAX:
            break
    return bytes(kept) if size <= keep_bytes else None


def openapi(title: str, endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for each in endpoints:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    schemes = {"token": {"type": "http", "scheme": "bearer"}}
    return {"openapi": "3.1.0", "info": {"title": title, "version": "1"}, "paths": paths, "components": {"securitySchemes": schemes}}


_ERROR = {"type": "object", "properties": {"error": {"type": "string", "description": "a sentence"}}, "required": ["error"]}


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": {"description": "done", "content": {media: {} for media in endpoint.media_types}}}
    for status, meaning in endpoint.errors.items():
        responses[str(status)] = {"description": meaning, "content": {"application/json": {"schema": _ERROR}}}
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "parameters": [
            {"name": each.name, "in": "query", "description": each.description, "schema": dict(each.schema)} for each in endpoint.parameters
        ],
        "responses": responses,
        "security": [] if endpoint.scope is None else [{"token": [endpoint.scope]}],
    }
    if endpoint.body_bytes_max:
        operation["requestBody"] = {"required": True, "content": {"application/json": {}}}
    return operation
