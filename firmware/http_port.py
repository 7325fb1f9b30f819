"""The meter's pages over HTTP: sockets, and who is cut off when. What the pages say is not known here. Runs on MicroPython.

Nothing waits for a visitor, and a visit costs one small piece of work in each turn of the loop:
- Two visitors at a time, as browsers open a second connection beside the one they use. Further ones wait outside.
- A visitor who has said nothing makes room at once for one who waits; nobody stays longer than `VISIT_MS_MAX`.
- An answer leaves in pieces as it is made; the connection closes behind it, which is also its only mark of the end.
"""

from collections import namedtuple

from firmware.http_request import BAD, BadRequest, RequestReader

VISITORS_MAX = 2  # of the port's ten sockets; the others are Modbus's, the listeners' and the time's
VISIT_MS_MAX = 5_000  # a phone at the edge of the network's reach takes a page in two
SILENT_MS_MAX = 300  # with others waiting; a browser that wants something says so with its first packet
PIECE_BYTES = 512  # in one turn of the loop
_POLLIN, _POLLOUT = 1, 4
_HEAD = "HTTP/1.0 %s\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nConnection: close\r\n%s\r\n"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from firmware.http_request import Request
    from firmware.tcp_port import Poller, Socket, Ticks


class Response(namedtuple("Response", ("status", "headers", "pieces", "then"))):
    """`pieces` are made one by one while they leave; `then`, if any, is done when the visit is over."""

    status: str
    headers: str
    pieces: "Iterator[str]"
    then: "Callable[[], object] | None"


class _Visit:
    def __init__(self, visitor: "Socket", now_ms: int) -> None:
        self.visitor = visitor
        self.came_ms = now_ms
        self.reader = RequestReader()
        self.response: Response | None = None
        self.leaving = b""
        self.last = False  # nothing comes behind what leaves


class HttpPort:
    """`listener` is bound, listening and not blocking; `serve` answers a request."""

    quiet = True  # a page may come later

    def __init__(self, listener: "Socket", poller: "Poller", serve: "Callable[[Request], Response]", ticks: "Ticks") -> None:
        self._listener = listener
        self._poller = poller
        self._serve = serve
        self._ticks = ticks
        self._visits: list[_Visit] = []
        poller.register(listener, _POLLIN)

    @property
    def visited(self) -> bool:
        return bool(self._visits)

    def poll(self) -> None:
        now_ms = self._ticks.ticks_ms()
        for ready in self._poller.poll(0):
            if ready[0] is self._listener:
                self._welcome(now_ms)
            else:
                self._attend(ready[0])
        for visit in list(self._visits):
            if self._ticks.ticks_diff(now_ms, visit.came_ms) > VISIT_MS_MAX:
                self._end(visit)

    def _welcome(self, now_ms: int) -> None:
        if len(self._visits) == VISITORS_MAX:
            for visit in self._visits:
                if not visit.reader.heard and self._ticks.ticks_diff(now_ms, visit.came_ms) > SILENT_MS_MAX:
                    self._end(visit)
                    break
            else:
                return
        try:
            visitor, _ = self._listener.accept()
        except OSError:  # gone again, or no socket is left
            return
        visitor.setblocking(False)  # noqa: FBT003 - takes no name
        self._visits.append(_Visit(visitor, now_ms))
        self._poller.register(visitor, _POLLIN)

    def _attend(self, visitor: "Socket") -> None:
        visit = next((each for each in self._visits if each.visitor is visitor), None)
        if visit is None:  # it just made room
            return
        try:
            over = self._answer(visit) if visit.response else self._hear(visit)
        except OSError as error:
            over = error.errno not in _WAITING
        if over:
            self._end(visit)

    def _hear(self, visit: _Visit) -> bool:
        """Whether the visit is over."""
        part = visit.visitor.recv(PIECE_BYTES)
        if not part:
            return True
        try:
            request = visit.reader.feed(part)
            if request is None:
                return False
            visit.response = self._serve(request)
        except BadRequest as error:
            visit.response = Response(str(error) or BAD, "", iter((str(error),)), None)
        visit.leaving = (_HEAD % (visit.response.status, visit.response.headers)).encode()
        self._poller.register(visit.visitor, _POLLOUT)
        return False

    def _answer(self, visit: _Visit) -> bool:
        assert visit.response is not None
        while len(visit.leaving) < PIECE_BYTES and not visit.last:
            piece = next(visit.response.pieces, None)
            if piece is None:
                visit.last = True
            else:
                visit.leaving += piece.encode()
        sent = visit.visitor.send(visit.leaving[:PIECE_BYTES])
        visit.leaving = visit.leaving[sent:]
        return visit.last and not visit.leaving

    def _end(self, visit: _Visit) -> None:
        self._visits.remove(visit)
        self._poller.unregister(visit.visitor)
        visit.visitor.close()
        if visit.response is not None and visit.response.then is not None:
            visit.response.then()


_WAITING = (11, 35, 115, 119)  # EAGAIN and EINPROGRESS, of Linux and the board, and of macOS
