"""A webhook: one POST for every closed or restated shift and every alarm, signed in the manner of Standard Webhooks.

`webhook-signature` is "v1," and the base64 of HMAC-SHA-256 over "ID.TIMESTAMP.BODY"; the id stays the same
when a message is sent again. Figures come in the order in which they became known, and so do alarms.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.deliver.sinks.http import Http, secret
from gateway.deliver.sinks.sink import Document
from gateway.deliver.upstream import Upstream
from gateway.interfaces import EVENTS, FIGURES

TABLE = "[webhook]"
PREFIX = "whsec_"
# State of a figure, or kind of an event -> what is told of it; nothing is told of all others.
_TOLD = {
    FIGURES: {"final": "closed", "restated": "restated"},
    EVENTS: {"alarm_raised": "raised", "alarm_cleared": "cleared", "alarm_noted": "noted"},
}
_SUBJECTS = {FIGURES: "shift", EVENTS: "alarm"}
_DECIDES = {FIGURES: "state", EVENTS: "kind"}
_WHEN = {FIGURES: "known_at", EVENTS: "time"}


class Webhook:
    name = "webhook"
    kinds = (FIGURES, EVENTS)
    page_size = 1  # one message a request; the next goes when this one was taken

    def __init__(self, address: Upstream, secret_file: Path, now_ms: Callable[[], int]) -> None:
        self._http = Http(address)
        self._url = address.url
        self._secret_file = secret_file
        self._now_ms = now_ms

    def is_ready(self, _document: Document) -> bool:
        return True

    def wants(self, kind: str, document: Document) -> bool:
        return document[_DECIDES[kind]] in _TOLD[kind]

    def take(self, kind: str, documents: Sequence[Document]) -> None:
        for document in documents:
            self._send(kind, document)

    def _send(self, kind: str, document: Document) -> None:
        happened = f"{_SUBJECTS[kind]}.{_TOLD[kind][document[_DECIDES[kind]]]}"
        message = {"type": happened, "timestamp": document[_WHEN[kind]], "data": document}
        body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
        identity, time_s = f"{document['gateway']}-{document['sequence']}", self._now_ms() // 1000
        signature = signed(secret(self._secret_file, TABLE), identity, time_s, body)
        headers = {"webhook-id": identity, "webhook-timestamp": str(time_s), "webhook-signature": signature}
        self._http.post(self._url, body, {"Content-Type": "application/json", **headers})

    def refresh(self) -> None:
        """Messages are about what happened; there is no present state to show."""

    def close(self) -> None:
        self._http.close()


def signed(key: str, identity: str, time_s: int, body: bytes) -> str:
    digest = hmac.new(_key(key), f"{identity}.{time_s}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def _key(text: str) -> bytes:
    """Base64 behind `whsec_`, as the standard writes it; any other text is taken as it is."""
    if text.startswith(PREFIX):
        try:
            return base64.b64decode(text.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            pass
    return text.encode()
