"""The meter's own page, and the port that hands it out, over real sockets."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from firmware.front_ends.front_end import INDICATIVE, MEASURED, SYNTHETIC
from firmware.http_port import REQUEST_BYTES_MAX, VISIT_MS_MAX, HttpPort
from firmware.status_page import hints, page, shown
from firmware.tests.modbus_bench import Clock
from firmware.tests.test_tcp_port import Poller

LONG_PAGE = "ä" * 4_000


class Bench:
    def __init__(self, stack: ExitStack) -> None:
        self.clock = Clock()
        self._stack = stack
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.setblocking(False)
        self._address = listener.getsockname()
        self.port = HttpPort(listener, Poller(), lambda: LONG_PAGE, self.clock)
        stack.callback(lambda: self.port._visitor and self.port._visitor.close())

    def visit(self, request: bytes) -> socket.socket:
        visitor = self._stack.enter_context(socket.create_connection(self._address, 5))
        visitor.sendall(request)
        visitor.settimeout(0.1)
        for _ in range(40):
            self.port.poll()
        return visitor


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


def test_a_visitor_gets_the_whole_page_and_the_next_one_too(bench: Bench) -> None:
    """Whatever is asked for, the page comes whole, with its length in bytes, and the connection closes."""
    first = everything(bench.visit(b"GET / HTTP/1.1\r\nHost: meter\r\n\r\n"))
    second = everything(bench.visit(b"GET /favicon.ico HTTP/1.1\r\n\r\n"))
    head, _, body = first.partition(b"\r\n\r\n")

    assert first == second
    assert b"Content-Length: 8000" in head
    assert body.decode() == LONG_PAGE


def test_who_is_slow_or_says_too_much_is_cut_off(bench: Bench) -> None:
    """Half a request holds the place for three seconds at most; an endless one is not read to its end."""
    slow = bench.visit(b"GET / HT")
    with pytest.raises(TimeoutError):
        slow.recv(1)
    bench.clock.now_us += 1000 * VISIT_MS_MAX + 2000
    bench.port.poll()
    long = bench.visit(b"x" * (REQUEST_BYTES_MAX + 1))

    assert slow.recv(1) == b""
    assert ended(long)
    assert b"200 OK" in everything(bench.visit(b"GET / HTTP/1.0\r\n\r\n"))


def test_the_page_says_what_may_not_be_trusted() -> None:
    """A test signal and an indicative meter are marked; a measured one is not; names cannot bring in markup."""
    values = {"active_power": 2_300_499, "active_energy_import": None}

    assert "Test signal" in page("m", SYNTHETIC, 0, values, ())
    assert "Indicative only" in page("m", INDICATIVE, 0, values, ())
    assert "<b>" not in page("m", MEASURED, 0, values, ())
    assert "<td>power<td>2.300 kW" in page("m", MEASURED, 0, values, ())
    assert "<td>energy taken<td>- kWh" in page("m", MEASURED, 0, values, ())
    assert "<h1>&lt;b>&amp;" in page("<b>&", MEASURED, 0, values, ())


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0.00"), (-4_999, "0.00"), (5_000, "0.01"), (-1_234_567_890, "-1234.57"), (999_995_000, "1000.00"), (None, "-")]
)
def test_values_are_shown_rounded_in_integers(value: int | None, text: str) -> None:
    """Half a step goes away from zero; there is no minus nought."""
    assert shown(value, 10_000, 2) == text


def test_hints_speak_of_what_one_moment_shows() -> None:
    """A dead phase and one turned transformer are named; a site that gives back on all phases is left alone."""
    live = {"voltage_l1_n": 230_000, "voltage_l2_n": 231_000, "active_power_l1": 1_000, "active_power_l2": 2_000}

    assert hints(2, live) == []
    assert hints(2, {**live, "active_power_l1": -1_000, "active_power_l2": -2_000}) == []
    assert [hint[:2] for hint in hints(2, {**live, "active_power_l2": -2_000})] == ["L2"]
    assert [hint[:2] for hint in hints(2, {**live, "voltage_l1_n": 3_000})] == ["L1"]
