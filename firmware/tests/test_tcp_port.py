"""Modbus TCP over real sockets: four clients, who makes room for a fifth, and clients that hang or speak junk."""

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from firmware.tcp_port import FORGOTTEN_MS_MAX, NEVER_ASKED_MS_MAX, SILENT_MS_MAX, TcpPort
from firmware.tests.modbus_bench import Clock
from protocols.frame import TcpFrame, tcp_frame


class Echo:
    short_of_memory = False

    def serve_tcp(self, frame: TcpFrame) -> bytes:
        if self.short_of_memory:
            raise MemoryError
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
        self.server = Echo()
        self.port = TcpPort(listener, Poller(), self.server, self.clock)
        stack.callback(lambda: [client.connection.close() for client in self.port._clients])

    def pass_ms(self, milliseconds: int) -> None:
        self.clock.now_us += 1000 * milliseconds
        self.port.poll()

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
    for _ in range(3):
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


REQUEST = tcp_frame(1, 1, b"\x03abcd")


def gone(client: socket.socket) -> bool:
    client.settimeout(0.05)
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def test_a_fifth_client_gets_the_place_of_the_longest_silent_one(bench: Bench) -> None:
    """While all four ask it is sent away; once one has been silent long enough that one goes, and only that one."""
    clients = [bench.client() for _ in range(4)]
    answered = [exchange(bench, client, REQUEST) for client in clients]
    sent_away = gone(bench.client())
    bench.pass_ms(SILENT_MS_MAX // 2)
    answered += [exchange(bench, client, REQUEST) for client in clients[1:]]
    bench.pass_ms(SILENT_MS_MAX // 2 + 10)
    newcomer = bench.client()

    assert answered == [REQUEST] * 7
    assert sent_away
    assert exchange(bench, newcomer, REQUEST) == REQUEST
    assert [gone(client) for client in clients] == [True, False, False, False]


def test_of_several_silent_ones_the_longest_silent_one_goes(bench: Bench) -> None:
    """However many could make room, a newcomer takes one place, that of the client heard longest ago."""
    clients = [bench.client() for _ in range(4)]
    for client in reversed(clients):
        exchange(bench, client, REQUEST)
        bench.pass_ms(1_000)
    bench.pass_ms(SILENT_MS_MAX)
    bench.client()

    assert [gone(client) for client in clients] == [False, False, False, True]


def test_who_never_asked_makes_room_soon(bench: Bench) -> None:
    """Four that only connect hold their places for seconds, and one that asked before them stays."""
    good = bench.client()
    exchange(bench, good, REQUEST)
    idle = [bench.client() for _ in range(3)]
    sent_away = gone(bench.client())
    bench.pass_ms(NEVER_ASKED_MS_MAX + 10)
    newcomer = bench.client()

    assert sent_away
    assert exchange(bench, newcomer, REQUEST) == REQUEST
    assert sum(gone(client) for client in idle) == 1
    assert exchange(bench, good, REQUEST) == REQUEST


def test_who_vanished_is_forgotten_also_while_nobody_wants_the_place(bench: Bench) -> None:
    """The board's ticks come round after days; nobody is kept until then."""
    silent = bench.client()
    bench.pass_ms(FORGOTTEN_MS_MAX + 10)

    assert gone(silent)


def test_many_requests_at_once_get_one_answer_in_each_turn(bench: Bench) -> None:
    """A client that pours out requests is served, but no turn of the loop is longer for it."""
    client = bench.client()
    client.sendall(20 * REQUEST)
    lengths = []
    client.settimeout(0.05)
    for _ in range(3):
        bench.port.poll()
        lengths.append(len(client.recv(4_096)))

    assert lengths == [len(REQUEST)] * 3


def test_who_never_reads_is_dropped_when_its_answers_come_to_stand(bench: Bench) -> None:
    """Nothing waits for it, and the others are answered all the while."""
    deaf, good = bench.client(), bench.client()
    long_request = tcp_frame(1, 1, b"\x03" + bytes(250))
    answers = set()
    deaf.setblocking(False)
    for turn in range(200_000):
        try:
            deaf.send(long_request * 8)
        except BlockingIOError:
            pass
        except OSError:
            break
        bench.port.poll()
        if turn % 10_000 == 0:
            answers.add(exchange(bench, good, REQUEST))
    deaf.setblocking(True)

    assert answers == {REQUEST}
    assert len(bench.port._clients) == 1
    assert exchange(bench, good, REQUEST) == REQUEST


def test_junk_ends_only_its_own_connection(bench: Bench) -> None:
    """Who speaks something else is dropped; the others go on."""
    request = tcp_frame(1, 1, b"\x03abcd")
    good, bad = bench.client(), bench.client()

    assert exchange(bench, bad, b"GET / HTTP/1.1\r\n\r\n") == b""
    assert exchange(bench, good, request) == request


def test_whoever_gets_no_answer_for_want_of_memory_is_let_go(bench: Bench) -> None:
    """It does not wait for an answer that never comes, and may connect again at once."""
    client = bench.client()
    bench.server.short_of_memory = True
    exchange(bench, client, REQUEST)
    bench.server.short_of_memory = False

    assert gone(client)
    assert exchange(bench, bench.client(), REQUEST) == REQUEST
