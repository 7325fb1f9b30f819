"""Modbus TCP: a listening socket, four clients, frames for the server. A server only: the meter never connects to anybody.

Nothing waits, and no client can harm another one or the wire:
- In one turn of the loop each client gets one answer, however many requests it has sent.
- A client that does not take its answer loses its connection.
- When all places are taken, a newcomer gets that of the client that was silent longest, if it was silent long enough:
  seconds for one that never asked anything, half a minute for one that did. So a gateway whose connections were lost with
  the network gets in again, and nobody who merely connects drives a gateway out.

Runs on MicroPython.
"""

from protocols.errors import LineNoise
from protocols.frame import TCP_MAX, TcpFrame, TcpReader

CLIENTS_MAX = 4  # as much as the board's memory and the gateway, a spare one and a tool need
SILENT_MS_MAX = 30_000  # gateways ask every few seconds
NEVER_ASKED_MS_MAX = 3_000  # a master asks as soon as it is connected
FORGOTTEN_MS_MAX = 3_600_000  # whoever vanished without a word is let go, also while nobody wants the place

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
    def __init__(self, connection: "Socket", now_ms: int) -> None:
        self.connection = connection
        self.reader = TcpReader()
        self.heard_ms = now_ms
        self.asked = False
        self.more = False  # its reader may hold a whole request


class TcpPort:
    """`listener` is bound, listening and not blocking."""

    def __init__(self, listener: "Socket", poller: "Poller", server: "Server", ticks: "Ticks") -> None:
        self._listener = listener
        self._poller = poller
        self._server = server
        self._ticks = ticks
        self._clients: list[_Client] = []
        poller.register(listener, _POLLIN)

    quiet = True  # frames wait in the network's buffers; an erase delays an answer and loses none

    def poll(self) -> None:
        ready = [each[0] for each in self._poller.poll(0)]
        now_ms = self._ticks.ticks_ms()
        for client in list(self._clients):
            if client.more or client.connection in ready:
                self._serve(client)
            elif self._ticks.ticks_diff(now_ms, client.heard_ms) > FORGOTTEN_MS_MAX:
                self._drop(client)
        if self._listener in ready:
            self._accept()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # gone again, or no socket is left
            return
        connection.setblocking(False)  # noqa: FBT003 - takes no name
        now_ms = self._ticks.ticks_ms()
        if len(self._clients) == CLIENTS_MAX:
            self._make_room(now_ms)
        if len(self._clients) == CLIENTS_MAX:
            connection.close()
            return
        self._clients.append(_Client(connection, now_ms))
        self._poller.register(connection, _POLLIN)

    def _make_room(self, now_ms: int) -> None:
        overdue = []
        for number, client in enumerate(self._clients):
            silent_ms = self._ticks.ticks_diff(now_ms, client.heard_ms)
            if silent_ms > (SILENT_MS_MAX if client.asked else NEVER_ASKED_MS_MAX):
                overdue.append((silent_ms, number))
        if overdue:
            self._drop(self._clients[max(overdue)[1]])

    def _serve(self, client: _Client) -> None:
        try:
            if not client.more:
                data = client.connection.recv(TCP_MAX)
                if not data:
                    self._drop(client)
                    return
                client.heard_ms = self._ticks.ticks_ms()
                client.reader.feed(data)
            self._answer(client)
        except (OSError, LineNoise, MemoryError):  # gone, or out of step: the other clients go on, and this one may connect again
            self._drop(client)

    def _answer(self, client: _Client) -> None:
        frame = client.reader.take()
        client.more = isinstance(frame, TcpFrame)
        if not isinstance(frame, TcpFrame):
            return
        client.asked = True
        reply = self._server.serve_tcp(frame)
        if reply and client.connection.send(reply) != len(reply):
            self._drop(client)

    def _drop(self, client: _Client) -> None:
        self._poller.unregister(client.connection)
        client.connection.close()
        self._clients.remove(client)
