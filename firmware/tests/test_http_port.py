"""The port that hands pages out, over real sockets: pieces, limits, and visitors who are slow, silent or too many."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from firmware.http_port import PIECE_BYTES, SILENT_MS_MAX, VISIT_MS_MAX, VISITORS_MAX, HttpPort, Response
from firmware.http_request import BODY_BYTES_MAX, HEAD_BYTES_MAX, BadRequest, Request, RequestReader, language
from firmware.tests.modbus_bench import Clock
from firmware.tests.test_tcp_port import Poller

LONG_PAGE = "ä" * 4_000
GET = b"GET / HTTP/1.1\r\nHost: meter\r\n\r\n"


class Bench:
    def __init__(self, stack: ExitStack) -> None:
        self.clock = Clock()
        self.done: list[str] = []
        self.asked: list[Request] = []
        self._stack = stack
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.setblocking(False)
        self._address = listener.getsockname()
        self.port = HttpPort(listener, Poller(), self.serve, self.clock)
        stack.callback(lambda: [visit.visitor.close() for visit in self.port._visits])

    def serve(self, request: Request) -> Response:
        self.asked.append(request)
        return Response("200 OK", "", iter([LONG_PAGE[:100]] * 40), lambda: self.done.append(request.path))

    def visit(self, request: bytes) -> socket.socket:
        visitor = self._stack.enter_context(socket.create_connection(self._address, 5))
        visitor.sendall(request)
        visitor.settimeout(0.1)
        self.turn(40)
        return visitor

    def turn(self, times: int) -> None:
        for _ in range(times):
            self.port.poll()
            time.sleep(0)

    def pass_ms(self, milliseconds: int) -> None:
        self.clock.now_us += 1000 * milliseconds
        self.turn(3)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(stack)


def everything(visitor: socket.socket) -> bytes:
    heard = b""
    while part := visitor.recv(4_096):
        heard += part
    return heard


def ended(visitor: socket.socket) -> bool:
    try:
        return visitor.recv(1) == b""
    except ConnectionResetError:  # bytes that nobody read make it a reset
        return True
    except TimeoutError:
        return False


def test_a_page_comes_whole_in_small_pieces_and_the_next_one_too(bench: Bench) -> None:
    """Pieces join to the page, no turn sends more than its share, and what shall be done then is done once it has left."""
    first = bench.visit(GET)
    heard = everything(first)
    second = everything(bench.visit(b"GET /favicon.ico HTTP/1.0\r\n\r\n"))
    head, _, body = heard.partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.0 200 OK\r\n")
    assert body.decode() == LONG_PAGE
    assert second == heard
    assert bench.done == ["/", "/favicon.ico"]
    assert PIECE_BYTES * 40 > len(heard) > PIECE_BYTES * 10  # several turns, none of them with more than a piece


def test_who_dribbles_or_does_not_read_is_cut_off(bench: Bench) -> None:
    """A visit is over after its time, whether its request never ends or its answer is never taken."""
    slow = bench.visit(b"GET / HT")
    deaf = bench.visit(b"GET / HTTP/1.0\r\n")
    early = ended(slow), ended(deaf)
    for _ in range(4):
        slow.sendall(b"T")
        bench.pass_ms(VISIT_MS_MAX // 4 + 10)

    assert early == (False, False)
    assert (ended(slow), ended(deaf)) == (True, True)
    assert b"200 OK" in everything(bench.visit(GET))


def test_silent_visitors_make_room_and_speaking_ones_do_not(bench: Bench) -> None:
    """Connections that browsers open for later do not hold the place of one that asks."""
    silent = [bench.visit(b"") for _ in range(VISITORS_MAX)]
    waiting = bench.visit(GET)
    early = ended(silent[0])
    bench.pass_ms(SILENT_MS_MAX + 10)
    bench.turn(40)
    answered = everything(waiting)
    bench.turn(3)
    speaking = [bench.visit(b"GET") for _ in range(VISITORS_MAX)]
    bench.visit(GET)
    bench.pass_ms(SILENT_MS_MAX + 10)

    assert not early
    assert b"200 OK" in answered
    assert [ended(each) for each in speaking] == [False] * VISITORS_MAX


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nCookie: " + b"x" * HEAD_BYTES_MAX, b"413"),
        (b"POST /settings HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1), b"413"),
        (b"POST /settings HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /settings HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (b"DELETE / HTTP/1.1\r\n\r\n", b"405"),
        (b"GET /\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\na=%ZZ", b"400"),
        (b"GET /\xff HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /?" + b"a=1&" * 20 + b" HTTP/1.1\r\n\r\n", b"413"),
    ],
)
def test_what_is_no_request_of_ours_is_refused_with_its_number(bench: Bench, request_: bytes, status: bytes) -> None:
    """Too long, not whole, not understood: a status line and the end, and nothing is asked of the pages."""
    heard = everything(bench.visit(request_))

    assert heard.split(b" ")[1] == status
    assert bench.asked == []


def test_a_request_is_read_however_it_comes() -> None:
    """A form is decoded the same whole and byte by byte; its language comes from the link before the browser's wish."""
    text = b"POST /settings?lang=zh HTTP/1.1\r\nAccept-Language: en\r\nCONTENT-LENGTH: 27\r\n\r\nssid=%E7%BD%91+a&password=x"
    whole = RequestReader().feed(text)
    reader = RequestReader()
    piecewise = [reader.feed(bytes((octet,))) for octet in text]

    assert whole == Request("POST", "/settings", "zh", {"ssid": "网 a".encode(), "password": b"x"})
    assert piecewise == [None] * (len(text) - 1) + [whole]


@pytest.mark.parametrize(
    ("wished", "ours"), [(b"zh-CN,zh;q=0.9,en;q=0.8", "zh"), (b"en-GB,zh;q=0.5", "en"), (b"de", "en"), (b"", "en"), (b"de,zh", "zh")]
)
def test_the_language_is_the_first_of_ours(wished: bytes, ours: str) -> None:
    """English where a browser names neither."""
    assert language(wished) == ours


def test_a_request_that_cannot_become_one_is_given_up_at_once() -> None:
    """The end of a head that is too long is not waited for."""
    reader = RequestReader()

    with pytest.raises(BadRequest):
        reader.feed(b"x" * (HEAD_BYTES_MAX + 1))
