"""One entry of an HTTP API as a value, and what follows from a table of them: the routes and the OpenAPI document.

Authorising, bounded reading of bodies and errors as sentences happen here, once for every entry.
Which entries there are is the tables' business.
"""

import base64
import binascii
import hashlib
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.deliver import compression
from gateway.deliver.rate import Turns
from gateway.deliver.refusal import Refused
from gateway.deliver.tokens import PUBLIC, READ, Authorise, Grant

log = logging.getLogger(__name__)

# Read to its end even if it is too large, up to here: a sender that is cut off in the middle of its
# body never sees why. Nothing beyond an endpoint's own limit is kept.
DRAINED_BYTES_MAX = 64 * 2**20
_ETAG_DIGITS = 32  # 128 bits of SHA-256


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
    schema: Mapping[str, Any] = field(default_factory=dict)  # of the JSON that it answers with
    body_schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})
    success: Sequence[int] = (200,)


def routes_of(endpoints: Iterable[Endpoint], authorise: Authorise, turns: Turns) -> list[Route]:
    """`turns` bounds how often one caller may read; who delivers is bounded by the server's own rules."""
    return [Route(each.path, _asynchronous(each, authorise, turns), methods=[each.method]) for each in endpoints]


def _asynchronous(endpoint: Endpoint, authorise: Authorise, turns: Turns) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return await _answer(endpoint, authorise, turns, request)
        except Refused as refused:
            return error(refused)
        except ClientDisconnect:  # a sender that was killed or lost its link; it comes again
            log.info("%s %s: the caller went away in the middle", endpoint.method, endpoint.path)
            return error(Refused(400, "the request was cut off"))
        except Exception:  # the boundary to the network: the log gets the traceback, the caller a sentence
            log.exception("%s %s failed", endpoint.method, endpoint.path)
            return error(Refused(500, "this server failed to answer; its log says why"))

    return answer


async def _answer(endpoint: Endpoint, authorise: Authorise, turns: Turns, request: Request) -> Response:
    grant, refused = await run_in_threadpool(_grant, endpoint, authorise, turns, request)
    body = await _body(request, endpoint.body_bytes_max if grant else 0)
    if refused:
        raise refused
    if body is None:
        raise Refused(413, f"the body is larger than the {endpoint.body_bytes_max} bytes that are taken here")
    return await run_in_threadpool(_handled, endpoint, Call(request, grant or PUBLIC, body))


def _handled(endpoint: Endpoint, call: Call) -> Response:
    response = endpoint.handler(call)
    headers = call.request.headers
    if endpoint.method == "GET" and response.status_code == 200 and endpoint.scope is not None:
        etag = _etag(response)
        response.headers["ETag"] = etag
        if etag in (each.strip() for each in headers.get("If-None-Match", "").split(",")):
            kept = {name: value for name, value in response.headers.items() if name not in ("content-length", "content-type")}
            return Response(status_code=304, headers=kept)
    return _compressed(response, compression.chosen(headers.get("Accept-Encoding", "")))


def _etag(response: Response) -> str:
    """Weak, because the same answer travels in several codings; its headers count, for the cursor stands in them."""
    headers = b"".join(b"%s:%s\n" % pair for pair in response.raw_headers)
    return f'W/"{hashlib.sha256(headers + bytes(response.body)).hexdigest()[:_ETAG_DIGITS]}"'


def _compressed(response: Response, coding: str) -> Response:
    response.headers.add_vary_header("Accept-Encoding")
    if coding != compression.IDENTITY and len(response.body) >= compression.WORTH_BYTES_MIN:
        response.body = compression.compressed(bytes(response.body), coding)
        response.headers["Content-Encoding"] = coding
        response.headers["Content-Length"] = str(len(response.body))
    return response


def error(refused: Refused) -> Response:
    return JSONResponse({"error": refused.sentence, **refused.details}, refused.status, refused.headers)


async def unknown(request: Request, raised: Exception) -> Response:
    """For a Starlette application: a path that is none of ours, or a method that it does not take."""
    assert isinstance(raised, HTTPException)
    # Starlette keeps the methods as a set, whose order is another one in every process.
    asked, allowed = f"{request.method} {request.url.path}", ", ".join(sorted((raised.headers or {}).get("Allow", "").split(", ")))
    headers = {"Allow": allowed} if allowed else None
    sentence = f"{asked} is not taken; allowed: {allowed}" if allowed else f"{asked} is not known here"
    return error(Refused(raised.status_code, f"{sentence}; /openapi.json lists what is there", headers))


def _grant(endpoint: Endpoint, authorise: Authorise, turns: Turns, request: Request) -> tuple[Grant | None, Refused | None]:
    if endpoint.scope is None:
        return PUBLIC, None
    try:
        grant = authorise(bearer_of(request), endpoint.scope)
        if endpoint.scope == READ:
            _require_turn(turns, grant, request)
    except Refused as refused:
        return None, refused
    return grant, None


def _require_turn(turns: Turns, grant: Grant, request: Request) -> None:
    """Callers without a token are told apart by their address."""
    wait_s = turns.take(f"token {grant.sha256}" if grant.sha256 else f"address {request.client.host if request.client else ''}")
    if wait_s:
        seconds = math.ceil(wait_s)
        sentence = f"too many requests from this caller; come again in {seconds} s, and ask for larger pages (limit)"
        raise Refused(429, sentence, {"Retry-After": str(seconds)})


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


def openapi(title: str, endpoints: Iterable[Endpoint], *, public_read: bool = False) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for each in endpoints:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(
            each, is_open=each.scope is None or (public_read and each.scope == READ)
        )
    schemes = {"token": {"type": "http", "scheme": "bearer"}}
    return {"openapi": "3.1.0", "info": {"title": title, "version": "1"}, "paths": paths, "components": {"securitySchemes": schemes}}


_ERROR = {"type": "object", "properties": {"error": {"type": "string", "description": "a sentence"}}, "required": ["error"]}


def _operation(endpoint: Endpoint, *, is_open: bool) -> dict[str, Any]:
    content = {media: {"schema": dict(endpoint.schema)} if media == "application/json" else {} for media in endpoint.media_types}
    responses: dict[str, Any] = {str(status): {"description": "done", "content": content} for status in endpoint.success}
    if endpoint.method == "GET" and endpoint.scope is not None:
        responses["304"] = {"description": "as the tag in If-None-Match says"}
    for status, meaning in endpoint.errors.items():
        responses[str(status)] = {"description": meaning, "content": {"application/json": {"schema": _ERROR}}}
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "parameters": [
            {"name": each.name, "in": "query", "description": each.description, "schema": dict(each.schema)} for each in endpoint.parameters
        ],
        "responses": responses,
        "security": [] if endpoint.scope is None else [{}] if is_open else [{"token": [endpoint.scope]}],
    }
    if endpoint.body_bytes_max:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": dict(endpoint.body_schema)}}}
    return operation
