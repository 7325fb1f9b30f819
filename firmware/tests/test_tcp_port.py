"""Modbus TCP over real sockets: four clients, a fifth is sent away, junk closes only its own connection."""

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from firmware.tcp_port import SILENT_MS_MAX, TcpPort
from firmware.tests.modbus_bench import Clock
from protocols.frame import TcpFrame, tcp_frame


class Echo:
    def serve_tcp(self, frame: TcpFrame) -> bytes:
        return tcp_frame(frame.transaction, frame.unit, frame.pdu)


class Poller:
    """select.poll with the board's answers: the things themselves, not their numbers."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._things: dict[int, Any] = {}

    def register(self, thing: Any, events: int) -> None:
        self._things[thing.fileno()] = thing
        self._poll.register(thing, events)

    def unregister(self, thing: Any) -> None:
        del self._things[thing.fileno()]
        self._poll.unregister(thing)

    def poll(self, timeout_ms: int) -> list[tuple[Any, int]]:
        return [(self._things[number], events) for number, events in self._poll.poll(timeout_ms)]


class Bench:
    def __init__(self, stack: ExitStack) -> None:
        self.clock = Clock()
        self._stack = stack
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.setblocking(False)
        self._address = listener.getsockname()
        self.port = TcpPort(listener, Poller(), Echo(), self.clock)
        stack.callback(lambda: [client.close() for client, _ in self.port._clients])

    def client(self) -> socket.socket:
        client = self._stack.enter_context(socket.create_connection(self._address, 5))
        self.port.poll()
        return client


@pytest.fixture
def bench() -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(stack)


def exchange(bench: Bench, client: socket.socket, request: bytes) -> bytes:
    client.sendall(request)
    bench.port.poll()
    client.settimeout(0.1)
    heard = b""
    try:
        while part := client.recv(300):
            heard += part
    except TimeoutError:
        return heard or b"silence"
    return heard


def test_frames_are_answered_however_they_come(bench: Bench) -> None:
    """Two in one piece get two answers; half a one gets its answer when the rest has come."""
    first, second = tcp_frame(1, 1, b"\x03abcd"), tcp_frame(2, 1, b"\x03efgh")
    client = bench.client()

    assert exchange(bench, client, first + second[:5]) == first
    assert exchange(bench, client, second[5:] + first) == second + first


def test_a_fifth_client_is_sent_away_until_one_has_long_been_silent(bench: Bench) -> None:
    """Four are served; a place is free again five minutes after a client was last heard."""
    request = tcp_frame(1, 1, b"\x03abcd")
    clients = [bench.client() for _ in range(4)]
    fifth = bench.client()
    sent_away = fifth.recv(1)
    bench.clock.now_us += 1000 * SILENT_MS_MAX + 2000
    answered = [exchange(bench, client, request) for client in clients[1:]]
    sixth = bench.client()

    assert sent_away == b""
    assert answered == [request] * 3
    assert exchange(bench, sixth, request) == request
    assert exchange(bench, clients[0], b"") == b""


def test_junk_ends_only_its_own_connection(bench: Bench) -> None:
    """Who speaks something else is dropped; the others go on."""
    request = tcp_frame(1, 1, b"\x03abcd")
    good, bad = bench.client(), bench.client()

    assert exchange(bench, bad, b"GET / HTTP/1.1\r\n\r\n") == b""
    assert exchange(bench, good, request) == request
