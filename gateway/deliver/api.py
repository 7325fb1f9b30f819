"""The read API that gateway and hub share: one table of endpoints over a `RecordSource`.

Here stands what there is to ask and in which words it is answered; tokens, formats and storage are elsewhere.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.deliver import formats, metrics, query
from gateway.deliver.endpoint import Call, Endpoint, openapi, routes_of
from gateway.deliver.rate import Rate, Turns
from gateway.deliver.tokens import Authorise
from gateway.interfaces import BATCHES, EVENTS, FIGURES, INTERVALS, KINDS, METERS, READINGS, RecordSource
from protocols.reading import iso_or_none

_SUMMARIES = {
    METERS: "The meters as each gateway last declared them; one that is declared anew comes again",
    READINGS: "What each meter said at each poll, in the order of arrival here",
    INTERVALS: "Energy and amounts between counter readings, in the order of arrival here",
    FIGURES: "Every version of every shift figure, in the order of arrival here",
    EVENTS: "What a person may want to know, in the order of arrival here",
}
READ_ERRORS = {
    400: "a parameter is wrong; the sentence names it",
    401: "no token, or an unknown one",
    403: "the token's scope does not allow this",
    429: "too many requests; after Retry-After",
}


def routes(
    source: RecordSource,
    authorise: Authorise,
    *,
    title: str = "Shiftwatt",
    more: Sequence[Endpoint] = (),
    turns: Turns | None = None,
    public_read: bool = False,
    samples: Callable[[], Iterable[metrics.Sample]] = tuple,
) -> list[Route]:
    """The read API, `more` endpoints of the same server, and /openapi.json about all of them."""
    table = [*_endpoints(source, samples), *more]
    document = openapi(title, table, public_read=public_read)
    described = Endpoint("/openapi.json", "This description", lambda _: JSONResponse(document), scope=None)
    return routes_of([*table, described], authorise, turns or Turns(Rate(), time.monotonic))


def _endpoints(source: RecordSource, samples: Callable[[], Iterable[metrics.Sample]]) -> list[Endpoint]:
    return [
        *(
            Endpoint(
                f"/v1/{kind}",
                _SUMMARIES[kind],
                _page(source, kind),
                parameters=query.PAGE,
                media_types=formats.MEDIA_TYPES,
                schema=_paged(kind),
                errors={**READ_ERRORS, 406: "none of the media types asked for is offered"},
            )
            for kind in KINDS
        ),
        Endpoint(
            f"/v1/{BATCHES}",
            "Sealed batches as the gateway signed them: what the chain is checked with",
            _batches(source),
            parameters=query.BATCH_PAGE,
            media_types=formats.DOCUMENTS,
            schema=_paged(BATCHES),
            errors={**READ_ERRORS, 406: "none of the media types asked for is offered"},
        ),
        Endpoint(
            "/v1/completeness",
            "What is there, what was dropped on purpose and what is missing",
            _completeness(source),
            parameters=query.PERIOD,
            errors=READ_ERRORS,
            schema=_object("gateways", _LIST, complete={"type": "boolean"}),
        ),
        Endpoint(
            "/v1/health",
            "Whether this server can do its work",
            _health(source),
            scope=None,
            errors={503: "it cannot"},
            schema={"type": "object"},
        ),
        Endpoint(
            "/metrics",
            "The same numbers and the present values for Prometheus",
            _metrics(source, samples),
            media_types=("text/plain",),
            errors=READ_ERRORS,
        ),
    ]


_LIST = {"type": "array", "items": {"type": "object"}}


def _object(name: str, schema: Mapping[str, Any], **more: Mapping[str, Any]) -> dict[str, Any]:
    properties = {name: schema, **more}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _paged(kind: str) -> dict[str, Any]:
    return _object(kind, _LIST, cursor={"type": "string"}, more={"type": "boolean"})


Handler = Callable[[Call], Response]


def _page(source: RecordSource, kind: str) -> Handler:
    def answer(call: Call) -> Response:
        media = formats.media_type(call.request.headers.get("Accept", ""))
        asked = query.page_query(kind, call.request.query_params)
        page = source.page(kind, asked.after, asked.limit, asked.wanted)
        return formats.render(kind, media, page, query.cursor(kind, page.position))

    return answer


def _batches(source: RecordSource) -> Handler:
    def answer(call: Call) -> Response:
        media = formats.media_type(call.request.headers.get("Accept", ""), formats.DOCUMENTS)
        after, limit = query.batch_query(BATCHES, call.request.query_params)
        page = source.batches(after, limit)
        return formats.render(BATCHES, media, page, query.cursor(BATCHES, page.position))

    return answer


def _completeness(source: RecordSource) -> Handler:
    def answer(call: Call) -> Response:
        from_ms, to_ms = query.period(call.request.query_params)
        return JSONResponse({"from": iso_or_none(from_ms), "to": iso_or_none(to_ms), **source.completeness(from_ms, to_ms)})

    return answer


def _health(source: RecordSource) -> Handler:
    def answer(_: Call) -> Response:
        health = source.health()
        return JSONResponse(health, 503 if health.get("ok") is False else 200)

    return answer


def _metrics(source: RecordSource, samples: Callable[[], Iterable[metrics.Sample]]) -> Handler:
    return lambda _: Response(metrics.text(source.health(), samples()), media_type=metrics.MEDIA_TYPE)
