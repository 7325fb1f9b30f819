"""The line owner's port as the system sees it: nobody else opens it, and an adapter that was pulled comes back under its name."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import pytest

from gateway.acquire.client import make_client
from gateway.acquire.framing import RtuFraming
from gateway.acquire.master import Master, WireClosed
from gateway.site import LineTable
from protocols.errors import ProtocolError
from protocols.pdu import ReadRequest
from tools.factory import protocol_virtual
from tools.factory.faults import AdapterUnplugged
from tools.factory.pty_line import PtyLine
from tools.factory.serial_settings import LineSettings
from tools.factory.wire import Line
from tools.tests.factory_bench import station

REQUEST = ReadRequest(4, 0, 10)
PATIENCE_S = 20.0


def master(link: Path) -> Master:
    protocol_virtual.register()
    table = LineTable(name="bus", port=f"{protocol_virtual.SCHEME}{link}")
    return Master(partial(make_client, table), lambda _stray: None)


def wire(*faults: AdapterUnplugged) -> Line:
    return Line([station(5)], LineSettings(), faults, random=Random(3))


async def test_a_second_program_is_told_that_the_port_is_taken(tmp_path: Path) -> None:
    """Two that speak at once would spoil each other's answers."""
    with PtyLine(wire(), tmp_path / "bus") as line:
        first, second = master(line.link), master(line.link)
        await first.open()
        with pytest.raises(WireClosed, match="another program has it open"):
            await second.open()
        answer = await first.exchange(5, REQUEST, RtuFraming, 2.0)
        first.close()

    assert answer.words == tuple(range(10))


class Plug(AdapterUnplugged):
    """Pulled whenever the test says so."""

    pulled = False

    def absent(self, now_us: int, seed: int) -> bool:
        return Plug.pulled


async def _until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not done():  # noqa: ASYNC110 - a device node tells nobody that it is gone
            await asyncio.sleep(0.02)


async def test_a_pulled_adapter_comes_back_under_its_stable_name(tmp_path: Path) -> None:
    """The loss is seen, opening fails with the system's words, and later the same name works again."""
    Plug.pulled = False
    with PtyLine(wire(Plug(window_us=50_000)), tmp_path / "bus") as line:
        asked = master(line.link)
        await asked.open()
        Plug.pulled = True
        await _until(lambda: not line.link.exists())
        with pytest.raises((WireClosed, ProtocolError)):
            await asked.exchange(5, REQUEST, RtuFraming, 0.5)
        with pytest.raises(WireClosed):
            await asked.open()
        Plug.pulled = False
        await _until(line.link.exists)
        await asked.open()
        answer = await asked.exchange(5, REQUEST, RtuFraming, 2.0)
        asked.close()

    assert answer.words == tuple(range(10))
