"""The query parameters of the read API: text <-> values. A mistake is a 400 with a sentence that names the parameter."""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import NamedTuple

from starlette.datastructures import QueryParams

from gateway.deliver.endpoint import Parameter
from gateway.deliver.refusal import Refused
from gateway.interfaces import Filter
from protocols.reading import iso, milliseconds_of

LIMIT_DEFAULT = 1000  # some hundred kilobytes: fine for a person with a browser
LIMIT_MAX = 10_000  # a few megabytes built in memory on a Raspberry Pi; catching up wants few round trips
_POSITION_MAX = 2**63 - 1  # what SQLite can compare

AFTER = Parameter("after", "the `cursor` of the page before; left out: from the beginning")
LIMIT = Parameter(
    "limit", "the most documents in one page", {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT}
)
METER = Parameter("meter", "only this meter")
GATEWAY = Parameter("gateway", "only this gateway")
_TIME = {"type": "string", "format": "date-time"}
FROM = Parameter("from", "only what happened at or after this time; ISO-8601 with offset", _TIME)
TO = Parameter("to", "only what happened before this time; ISO-8601 with offset", _TIME)
PAGE = (AFTER, LIMIT, METER, GATEWAY, FROM, TO)
BATCH_LIMIT_DEFAULT, BATCH_LIMIT_MAX = 10, 100  # each is some hundred kilobytes of JSON
BATCH_LIMIT = Parameter(
    "limit", "the most batches in one page", {"type": "integer", "minimum": 1, "maximum": BATCH_LIMIT_MAX, "default": BATCH_LIMIT_DEFAULT}
)
BATCH_PAGE = (AFTER, BATCH_LIMIT)
PERIOD = (FROM, TO)

# In a query a + means a blank, and "+08:00" is what everybody writes.
_BLANK_OFFSET = re.compile(r"(?<=T.{5}) (?=\d\d:?\d\d$)|(?<=T.{8}) (?=\d\d:?\d\d$)|(?<=T.{12}) (?=\d\d:?\d\d$)")


_FINER = re.compile(r"(\.\d{3})(?=\d*[1-9])\d{1,3}(?=[Zz+-])")


class PageQuery(NamedTuple):
    after: int
    limit: int
    wanted: Filter


def page_query(kind: str, query: QueryParams) -> PageQuery:
    named = given(query, PAGE)
    from_ms, to_ms = _period(named)
    return PageQuery(
        after=_position(kind, named["after"]) if "after" in named else 0,
        limit=_limit(named["limit"], LIMIT_MAX) if "limit" in named else LIMIT_DEFAULT,
        wanted=Filter(meter=named.get("meter"), gateway=named.get("gateway"), from_ms=from_ms, to_ms=to_ms),
    )


def batch_query(kind: str, query: QueryParams) -> tuple[int, int]:
    """The position to go on from, and the limit."""
    named = given(query, BATCH_PAGE)
    after = _position(kind, named["after"]) if "after" in named else 0
    return after, _limit(named["limit"], BATCH_LIMIT_MAX) if "limit" in named else BATCH_LIMIT_DEFAULT


def period(query: QueryParams) -> tuple[int | None, int | None]:
    return _period(given(query, PERIOD))


def nothing(query: QueryParams) -> None:
    given(query, ())


def cursor(kind: str, position: int) -> str:
    """Opaque: only the server that made it knows its order of arrival."""
    return base64.urlsafe_b64encode(f"{kind}:{position}".encode()).decode().rstrip("=")


def _position(kind: str, text: str) -> int:
    try:
        made_for, _, position = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").partition(":")
        if made_for == kind and position.isdigit() and int(position) <= _POSITION_MAX:
            return int(position)
    except (binascii.Error, ValueError):
        pass
    raise Refused(400, f"after={text!r} is no cursor of /v1/{kind}; use the `cursor` of the page before as it is, or leave it out")


def given(query: QueryParams, known: Iterable[Parameter]) -> dict[str, str]:
    """The parameters by name; 400 if one is unknown or given twice."""
    names = [parameter.name for parameter in known]
    pairs = query.multi_items()
    found = dict(pairs)
    for name in found:
        if name not in names:
            raise Refused(400, f"the parameter {name!r} is not known here; known: {', '.join(names) or 'none'}")
    if len(found) < len(pairs):
        raise Refused(400, "a parameter is given twice; give each once")
    return found


def _limit(text: str, largest: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= largest):
        raise Refused(400, f"limit={text!r} is not a number from 1 to {largest}")
    return int(text)


def _period(given: dict[str, str]) -> tuple[int | None, int | None]:
    from_ms, to_ms = (_time(name, given[name]) if name in given else None for name in ("from", "to"))
    if from_ms is not None and to_ms is not None and from_ms > to_ms:
        raise Refused(400, f"from={given['from']} lies after to={given['to']}")
    return from_ms, to_ms


def _time(name: str, text: str) -> int:
    try:
        written = _BLANK_OFFSET.sub("+", text)
        # Records have milliseconds: at or after .0001 s means from the next millisecond on, and so does before it.
        coarse = _FINER.sub(r"\1", written)
        time_ms = milliseconds_of(coarse) + (coarse != written)
        iso(time_ms)  # what cannot be written in UTC is outside the calendar
    except (ValueError, OverflowError):
        raise Refused(400, f"{name}={text!r} is no ISO-8601 time with offset, such as 2026-03-28T22:00:00Z or ...+08:00") from None
    return time_ms
