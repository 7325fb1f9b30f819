"""One page over HTTP: whoever asks for anything gets it and the connection closes. Nothing can be changed here.

One visitor at a time, and nothing waits for one: who is slow is cut off. What the page says is not known here. Runs on MicroPython.
"""

REQUEST_BYTES_MAX = 2048  # what a browser sends; more is not read
VISIT_MS_MAX = 3_000
PIECE_BYTES = 512  # in one turn of the loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.tcp_port import Poller, Socket, Ticks

_POLLIN = 1


class HttpPort:
    """`listener` is bound, listening and not blocking; `page` gives the page of this moment."""

    quiet = True  # a page may come later

    def __init__(self, listener: "Socket", poller: "Poller", page: "Callable[[], str]", ticks: "Ticks") -> None:
        self._listener = listener
        self._poller = poller
        self._page = page
        self._ticks = ticks
        self._visitor: Socket | None = None
        self._came_ms = 0
        self._heard = b""
        self._leaving = b""
        poller.register(listener, _POLLIN)

    def poll(self) -> None:
        if self._visitor is None:
            if self._poller.poll(0):
                self._welcome()
            return
        try:
            done = self._serve(self._visitor)
        except OSError as error:
            done = error.errno not in _WAITING
        if done or self._ticks.ticks_diff(self._ticks.ticks_ms(), self._came_ms) > VISIT_MS_MAX:
            self._visitor.close()
            self._visitor = None

    def _welcome(self) -> None:
        self._visitor, _ = self._listener.accept()
        self._visitor.setblocking(False)  # noqa: FBT003 - takes no name
        self._came_ms = self._ticks.ticks_ms()
        self._heard = self._leaving = b""

    def _serve(self, visitor: "Socket") -> bool:
        """Whether the visit is over."""
        if not self._leaving:
            part = visitor.recv(PIECE_BYTES)
            self._heard += part
            if b"\r\n\r\n" not in self._heard:
                return not part or len(self._heard) > REQUEST_BYTES_MAX
            body = self._page().encode()
            head = "HTTP/1.0 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            self._leaving = (head % len(body)).encode() + body
        sent = visitor.send(self._leaving[:PIECE_BYTES])
        self._leaving = self._leaving[sent:]
        return not self._leaving


_WAITING = (11, 35, 115, 119)  # EAGAIN and EINPROGRESS, of Linux and the board, and of macOS
