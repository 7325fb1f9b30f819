"""The hub over HTTP: enrolment, batches, the read API shared with the gateway, and a page for people.

Wires the parts over one database together. What a status means to the sender stands in docs/reference/batches.md.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response

from gateway.deliver.api import READ_ERRORS, routes
from gateway.deliver.endpoint import Call, Endpoint, unknown
from gateway.deliver.rate import Rate, Turns
from gateway.deliver.refusal import Refused
from gateway.deliver.tokens import WRITE, authoriser_by
from tools.hub.crowd import Crowd
from tools.hub.database import HubDatabase
from tools.hub.page import LANGUAGE, page
from tools.hub.quota import Quota
from tools.hub.receipt import ACCEPT, BODY_BYTES_MAX, receipt, unpack
from tools.hub.registry import Registry
from tools.hub.source import HubRecords
from tools.hub.store import BatchStore

ENROLMENT_BYTES_MAX = 4096  # a token, an id and a key have some 200

# Requests at once: each may hold a batch unpacked (32 MB at worst, some 2 MB usually), and more than the
# threads that answer them only wait. Of a thousand gateways that come back at one instant the others queue.
REQUESTS_MAX = 40

_BATCH_ERRORS = {
    400: "the body cannot be read",
    401: "no token, or an unknown one",
    403: "the token is not this gateway's",
    409: "it contradicts what is here already",
    413: "too large",
    415: "a compression that is not taken here",
    429: "the gateway has brought more than it may in this minute or day; later",
    422: "its form, hash or signature does not hold",
    501: "a format that this hub does not know yet; later",
    503: "the store cannot take it now; later",
}
_KEY_ERRORS = {
    400: "not a change of key",
    401: "no token, or an unknown one",
    413: "too large",
    403: "the old key does not vouch for it",
    409: "those batches are here already",
    503: "later",
}
_ENROL_ERRORS = {
    400: "not an enrolment",
    413: "too large",
    403: "the one-time token is not good (any more)",
    409: "another key",
    503: "later",
}


def application(
    database: HubDatabase, now_ms: Callable[[], int], *, public_read: bool = False, quota: Quota | None = None, rate: Rate | None = None
) -> Starlette:
    """`rate` is how often one caller may read."""
    registry, records = Registry(database, now_ms, quota=quota), HubRecords(database, now_ms)
    more = (
        Endpoint(
            "/v1/enrol",
            "Exchange a one-time token for a bearer token",
            _enrol(registry),
            success=(201,),
            scope=None,
            method="POST",
            errors=_ENROL_ERRORS,
            body_bytes_max=ENROLMENT_BYTES_MAX,
        ),
        Endpoint(
            "/v1/keys",
            "Change a gateway's key; the old one vouches for the new one",
            lambda call: JSONResponse(registry.rotate(_object(call.body), call.grant)),
            scope=WRITE,
            method="POST",
            errors=_KEY_ERRORS,
            body_bytes_max=ENROLMENT_BYTES_MAX,
        ),
        Endpoint(
            "/v1/batches",
            "Deliver one sealed batch; again changes nothing",
            _batches(BatchStore(database, now_ms), registry),
            success=(200, 201),
            scope=WRITE,
            method="POST",
            errors=_BATCH_ERRORS,
            body_bytes_max=BODY_BYTES_MAX,
        ),
        Endpoint(
            "/", "The gateways, for people", page(records, now_ms), parameters=(LANGUAGE,), media_types=("text/html",), errors=READ_ERRORS
        ),
    )
    turns = Turns(rate or Rate(), time.monotonic)
    authorise = authoriser_by(registry.find, public_read=public_read)
    return Starlette(
        routes=routes(records, authorise, title="Shiftwatt hub", more=more, turns=turns, public_read=public_read),
        exception_handlers={404: unknown, 405: unknown},
        middleware=[Middleware(Crowd, requests_max=REQUESTS_MAX)],
    )


Handler = Callable[[Call], Response]


def _enrol(registry: Registry) -> Handler:
    def answer(call: Call) -> Response:
        return JSONResponse(registry.enrol(_object(call.body)), 201, {"Cache-Control": "no-store"})

    return answer


def _batches(store: BatchStore, registry: Registry) -> Handler:
    def answer(call: Call) -> Response:
        gateway = call.grant.gateway
        keys = registry.keys(gateway)
        try:
            body, packed = unpack(call.body, call.request.headers.get("Content-Encoding", "").lower())
            _require_own(body, gateway)
            found = receipt(body, packed, keys.of)
        except Refused:
            registry.count_refused(gateway)
            raise
        holding = store.receive(found, call.grant)
        return JSONResponse({"highest": holding.highest, "beyond": holding.beyond}, 201 if holding.new else 200, ACCEPT)

    return answer


def _require_own(body: dict[str, Any], gateway: str) -> None:
    if body.get("gateway") != gateway:
        raise Refused(403, f"this token is for batches of {gateway}, not of {body.get('gateway')!r}")


def _object(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise Refused(400, "the body is not a JSON object")
    return document
