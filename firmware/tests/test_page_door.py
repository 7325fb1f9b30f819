"""Where visitors of the pages ring, over real sockets: the pages are there for them, leave after them, and never at the meter's cost."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from firmware.http_port import VISIT_MS_MAX
from firmware.page_door import STAY_MS, PageDoor
from firmware.tests.modbus_bench import Clock
from firmware.tests.test_http_port import GET, everything
from firmware.tests.test_meter_pages import TOKEN
from firmware.tests.test_meter_pages import Bench as Meter
from firmware.tests.test_tcp_port import Poller

TURNS = 60  # in which a whole page leaves


class Parts:
    """Those of the pages; `opened` counts how often they were put together. Without `room` there is no memory for it."""

    def __init__(self) -> None:
        self.opened = 0
        self.room = True
        meter = Meter()
        self._parts = (meter, lambda: None, meter.lock, TOKEN, None, None)

    def __iter__(self) -> Iterator[Any]:
        if not self.room:
            raise MemoryError
        self.opened += 1
        return iter(self._parts)


class Bench:
    def __init__(self, stack: ExitStack) -> None:
        self.clock, self.parts = Clock(), Parts()
        self._stack = stack
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.setblocking(False)
        self._address = listener.getsockname()
        parts: Any = self.parts
        self.door = PageDoor(listener, Poller(), self.clock, parts)

    def visit(self, request: bytes = GET) -> socket.socket:
        visitor = self._stack.enter_context(socket.create_connection(self._address, 5))
        visitor.sendall(request)
        visitor.settimeout(1)
        return visitor

    def turn(self, times: int = TURNS) -> None:
        for _ in range(times):
            self.door.poll()

    def page(self) -> bytes:
        visitor = self.visit()
        self.turn()
        return everything(visitor)

    def pass_ms(self, milliseconds: int) -> None:
        self.clock.now_us += 1000 * milliseconds
        self.turn(1)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(stack)


def test_without_visitors_there_are_no_pages(bench: Bench) -> None:
    """However long nobody comes."""
    bench.turn()
    bench.pass_ms(10 * STAY_MS)

    assert bench.parts.opened == 0


def test_pages_stay_for_a_while_after_the_last_visitor(bench: Bench) -> None:
    """Who comes again within it finds them; after it they are made anew for the next one."""
    first = bench.page()
    bench.pass_ms(STAY_MS - 1)
    again = bench.page()
    bench.pass_ms(STAY_MS)
    opened_once = bench.parts.opened
    bench.pass_ms(2)
    bench.turn()
    later = bench.page()

    assert (first[:15], again[:15], later[:15]) == (b"HTTP/1.0 200 OK",) * 3
    assert first.endswith(b"</table>")
    assert (opened_once, bench.parts.opened) == (1, 2)


def test_pages_stay_while_a_visitor_does(bench: Bench) -> None:
    """The while is counted from the end of the last visit."""
    bench.page()
    slow = bench.visit(GET[:4])
    bench.pass_ms(STAY_MS - VISIT_MS_MAX)
    bench.turn(3)
    bench.pass_ms(VISIT_MS_MAX - 1)
    bench.pass_ms(STAY_MS)
    bench.turn(3)

    assert slow.recv(1) == b""
    assert bench.parts.opened == 1


def test_a_visitor_without_room_for_pages_is_told_so(bench: Bench) -> None:
    """The meter goes on, and the next visitor gets the page if there is room again."""
    bench.parts.room = False
    refused = [bench.page(), bench.page()]
    bench.parts.room = True
    page = bench.page()

    assert [answer[:12] for answer in refused] == [b"HTTP/1.0 503"] * 2
    assert all(answer.endswith(b"No memory is left for this page; the meter goes on measuring.") for answer in refused)
    assert page.startswith(b"HTTP/1.0 200 OK")


def test_a_visitor_without_room_who_is_gone_already_troubles_nobody(bench: Bench) -> None:
    """There is nobody to tell."""
    bench.parts.room = False
    bench.visit(b"").close()
    bench.turn()
    bench.parts.room = True

    assert bench.page().startswith(b"HTTP/1.0 200 OK")
