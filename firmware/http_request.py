"""A browser's request: bytes go in, a request comes out, or the number of what is wrong with it. Sockets are not known here.

Only what the meter's pages need: a path, a language, the fields of a short form. Runs on MicroPython.
"""

from collections import namedtuple

HEAD_BYTES_MAX = 2048  # what browsers send of themselves, cookies of other pages at the same address included
BODY_BYTES_MAX = 768  # the longest form: a name and a password with every byte as three
FIELDS_MAX = 16
TOO_LONG, BAD, METHOD = "413 Content Too Large", "400 Bad Request", "405 Method Not Allowed"
_END = b"\r\n\r\n"

TYPE_CHECKING = False


class BadRequest(Exception):
    """Its text is the status line's."""


class Request(namedtuple("Request", ("method", "path", "language", "form"))):
    """`form`: decoded bytes by name; of the address's query for GET, of the body for POST."""

    method: str
    path: str
    language: str
    form: "dict[str, bytes]"


class RequestReader:
    def __init__(self) -> None:
        self._heard = b""
        self._head_bytes = 0  # 0 until the head is whole
        self._body_bytes = 0

    @property
    def heard(self) -> bool:
        return len(self._heard) > 0

    def feed(self, data: bytes) -> "Request | None":
        """The request once it is whole; BadRequest as soon as it cannot become one."""
        self._heard += data
        if not self._head_bytes:
            end = self._heard.find(_END)
            if end > HEAD_BYTES_MAX or (end < 0 and len(self._heard) > HEAD_BYTES_MAX):
                raise BadRequest(TOO_LONG)
            if end < 0:
                return None
            self._head_bytes = end + len(_END)
            self._body_bytes = _length(self._heard[:end])
        if len(self._heard) < self._head_bytes + self._body_bytes:
            return None
        return _request(self._heard[: self._head_bytes], self._heard[self._head_bytes :][: self._body_bytes])


def header(head: bytes, name: bytes) -> bytes:
    """b"" where it is not there; `name` in lower case."""
    for line in head.split(b"\r\n")[1:]:
        at = line.find(b":")
        if at > 0 and line[:at].lower() == name:
            return line[at + 1 :].strip()
    return b""


def _length(head: bytes) -> int:
    if header(head, b"transfer-encoding"):
        raise BadRequest(BAD)
    text = header(head, b"content-length") or b"0"
    if len(text) > 9 or any(not 48 <= octet <= 57 for octet in text):
        raise BadRequest(BAD)
    if int(text) > BODY_BYTES_MAX:
        raise BadRequest(TOO_LONG)
    return int(text)


def _request(head: bytes, body: bytes) -> Request:
    words = head.split(b"\r\n")[0].split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1"):
        raise BadRequest(BAD)
    method, target = words[0], words[1]
    if method not in (b"GET", b"POST"):
        raise BadRequest(METHOD)
    at = target.find(b"?")
    path, query = (target, b"") if at < 0 else (target[:at], target[at + 1 :])
    asked = fields(query)
    form = fields(body) if method == b"POST" else asked
    wished = asked.get("lang", b"") or header(head, b"accept-language")
    try:
        return Request(method.decode(), path.decode(), language(wished), form)
    except ValueError:
        raise BadRequest(BAD) from None


def language(wished: bytes) -> str:
    """Of ours, the one that stands first; browsers name them in the order of liking."""
    chinese, english = wished.lower().find(b"zh"), wished.lower().find(b"en")
    return "zh" if chinese >= 0 and (english < 0 or chinese < english) else "en"


def fields(text: bytes) -> "dict[str, bytes]":
    """The fields of a form or a query; of one that comes twice, the later one."""
    parts = text.split(b"&")
    if len(parts) > FIELDS_MAX:
        raise BadRequest(TOO_LONG)
    found = {}
    for part in parts:
        at = part.find(b"=")
        if at > 0:
            try:
                found[part[:at].decode()] = unescaped(part[at + 1 :])
            except ValueError:
                raise BadRequest(BAD) from None
    return found


def unescaped(text: bytes) -> bytes:
    parts = text.replace(b"+", b" ").split(b"%")
    return parts[0] + b"".join([bytes((int(part[:2], 16),)) + part[2:] for part in parts[1:]])
