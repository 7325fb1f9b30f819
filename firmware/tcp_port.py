"""Modbus TCP: a listening socket, four clients, frames for the server. A server only: the meter never connects to anybody.

Nothing waits: a client that does not take its reply loses its connection. Runs on MicroPython.
"""

from protocols.errors import LineNoise
from protocols.frame import TCP_MAX, TcpFrame, TcpReader

CLIENTS_MAX = 4  # as much as the board's memory and the gateway, a spare one and a tool need
SILENT_MS_MAX = 300_000  # a client that vanished without a word holds a place for at most so long

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Server(Protocol):
        """The Modbus server's side that is used."""

        def serve_tcp(self, frame: TcpFrame) -> bytes: ...

    class Ticks(Protocol):
        """The board's `time` module."""

        def ticks_ms(self) -> int: ...

        def ticks_diff(self, end: int, start: int) -> int: ...

    class Socket(Protocol):
        def accept(self) -> "tuple[Socket, object]": ...

        def setblocking(self, blocking: bool) -> object: ...  # noqa: FBT001 - the socket's own

        def recv(self, length: int) -> bytes: ...

        def send(self, data: bytes) -> int: ...

        def close(self) -> object: ...

    class Poller(Protocol):
        """`select.poll()`."""

        def register(self, thing: object, events: int) -> object: ...

        def unregister(self, thing: object) -> object: ...

        def poll(self, timeout_ms: int) -> "list[tuple[Socket, int]]": ...


_POLLIN = 1


class _Client:
    def __init__(self, now_ms: int) -> None:
        self.reader = TcpReader()
        self.heard_ms = now_ms


class TcpPort:
    """`listener` is bound, listening and not blocking."""

    def __init__(self, listener: "Socket", poller: "Poller", server: "Server", ticks: "Ticks") -> None:
        self._listener = listener
        self._poller = poller
        self._server = server
        self._ticks = ticks
        self._clients: list[tuple[Socket, _Client]] = []
        poller.register(listener, _POLLIN)

    quiet = True  # frames wait in the network's buffers; an erase delays an answer and loses none

    def poll(self) -> None:
        for ready in self._poller.poll(0):
            if ready[0] is self._listener:
                self._accept()
            else:
                self._hear(ready[0])

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setblocking(False)  # noqa: FBT003 - takes no name
        now_ms = self._ticks.ticks_ms()
        if len(self._clients) == CLIENTS_MAX:
            for each, client in list(self._clients):
                if self._ticks.ticks_diff(now_ms, client.heard_ms) > SILENT_MS_MAX:
                    self._drop(each)
        if len(self._clients) == CLIENTS_MAX:
            connection.close()
            return
        self._clients.append((connection, _Client(now_ms)))
        self._poller.register(connection, _POLLIN)

    def _hear(self, connection: "Socket") -> None:
        client = next(each for known, each in self._clients if known is connection)
        try:
            data = connection.recv(TCP_MAX)
            if not data:
                self._drop(connection)
                return
            client.heard_ms = self._ticks.ticks_ms()
            client.reader.feed(data)
            self._answer(connection, client)
        except (OSError, LineNoise):  # gone, or it speaks something else: the other clients go on
            self._drop(connection)

    def _answer(self, connection: "Socket", client: _Client) -> None:
        while True:
            frame = client.reader.take()
            if not isinstance(frame, TcpFrame):
                return
            reply = self._server.serve_tcp(frame)
            if reply and connection.send(reply) != len(reply):
                self._drop(connection)
                return

    def _drop(self, connection: "Socket") -> None:
        self._poller.unregister(connection)
        connection.close()
        self._clients = [each for each in self._clients if each[0] is not connection]
