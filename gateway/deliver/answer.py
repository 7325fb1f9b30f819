"""What an answer of the hub means for the batch that was sent. Pure: status, headers and bytes in, a verdict out.

Only a JSON object counts as the hub's word. Anything else (a sign-in page, a proxy's error page, a
redirect) was said by something between here and the hub, and no batch is given up because of it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any


class Verdict(Enum):
    ACCEPTED = "accepted"
    REFUSED = "refused"  # for good: sending the same again cannot help
    UNAUTHORISED = "unauthorised"  # a person has to enrol the gateway, or to say which of two devices it is
    AGAIN = "again"


@dataclass(frozen=True)
class Answer:
    verdict: Verdict
    sentence: str = ""
    document: Mapping[str, Any] = field(default_factory=dict)
    wait_s: float | None = None  # what the hub asked us to wait
    time_ms: int | None = None  # the hub's clock when it answered; no portal's and no proxy's
    takes_zstd: bool = False


_BY_STATUS = {
    400: Verdict.REFUSED,
    401: Verdict.UNAUTHORISED,
    403: Verdict.UNAUTHORISED,
    409: Verdict.REFUSED,
    413: Verdict.REFUSED,
    422: Verdict.REFUSED,
}
_SENTENCE_MAX = 500  # what a person reads of a foreign error; it goes to pages and to tombstones


def answer_of(status: int, headers: Mapping[str, str], content: bytes) -> Answer:
    """`headers` finds its keys in any case, as those of requests do."""
    document = _object(content)
    if 300 <= status < 400:
        target = headers.get("Location", "elsewhere")[:_SENTENCE_MAX]
        return Answer(
            Verdict.AGAIN,
            f"The address of the hub answers with a redirect to {target}: a sign-in page of the network (captive portal) "
            "or a hub that moved. Sign in to the network, or correct [upstream] url.",
        )
    if document is None:
        return Answer(Verdict.AGAIN, _not_the_hub(status, headers), wait_s=_wait_s(headers))
    if 200 <= status < 300:
        return Answer(Verdict.ACCEPTED, document=document, time_ms=_time_ms(headers), takes_zstd=_takes_zstd(headers))
    said = str(document.get("error") or f"status {status} without a reason")[:_SENTENCE_MAX]
    # Another device has sealed other contents under our name: burying ours under a tombstone would help nobody.
    verdict = Verdict.UNAUTHORISED if document.get("fork") is True else _BY_STATUS.get(status, Verdict.AGAIN)
    return Answer(verdict, f"The hub answers: {said}", wait_s=_wait_s(headers), time_ms=_time_ms(headers))


def holds(document: Mapping[str, Any], number: int) -> bool:
    """Does this answer say that the hub holds batch `number`?"""
    highest, beyond = document.get("highest"), document.get("beyond")
    return (type(highest) is int and number <= highest) or (isinstance(beyond, list) and number in beyond)


def _not_the_hub(status: int, headers: Mapping[str, str]) -> str:
    kind = headers.get("Content-Type", "").partition(";")[0].strip() or "nothing readable"
    if kind == "text/html":
        return (
            f"The address of the hub answers with a web page (status {status}): a sign-in page of the network (captive portal), "
            "a proxy's error, or a wrong [upstream] url. Open the address in a browser on this network to see it."
        )
    return f"The address of the hub answers with {kind} (status {status}), which is not a hub's answer; check [upstream] url."


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _wait_s(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds; its form as a date is not worth a second clock."""
    text = headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def _time_ms(headers: Mapping[str, str]) -> int | None:
    try:
        return int(parsedate_to_datetime(headers.get("Date", "")).timestamp()) * 1000
    except (ValueError, OverflowError):
        return None


def _takes_zstd(headers: Mapping[str, str]) -> bool:
    return "zstd" in (part.partition(";")[0].strip().lower() for part in headers.get("Accept-Encoding", "").split(","))
