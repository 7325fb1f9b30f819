"""An electrician's whole way, in the system's Chromium on a phone: from a site without meters to sheets and an exchanged meter.

The real gateway on the virtual factory; whoever turns a transformer or puts in a new meter is the factory, told through its input.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.pages.tests.chinese_words import latin
from hil_tests import phone
from hil_tests.bench import HISTORY_DAYS, Places
from tools.bench import ledger, parts
from tools.factory.equipment import PLACES, RS485, Place
from tools.factory.factory import SETTINGS, opened_before
from tools.factory.protocol_virtual import SCHEME

pytest.importorskip("playwright", reason="playwright is not installed: nobody walks the electrician's way")

from playwright.sync_api import Page, expect

pytestmark = phone.WALKS
NAMED = tuple(place for place in PLACES if place.line == RS485)[:6]
# Of meters, models, lines and sheets, what a meter calls itself, and the port.
NAMES = re.compile("|".join((r"'[^']*'", r"\b[A-Za-z0-9]+(?:-[a-z0-9]+)+\b", r"virtual://\S+", *(place.name for place in PLACES))))
REVERSED, PHASE = "press-1", "l2"
SITE = """# Written by hand.
[site]
name = "new-works"
timezone = "Asia/Shanghai"
region = ["CN"]

[poll]
interval_s = 5

[pages]
listen = "{listen}"

[[line]]
name = "rs485-1"   # in the cellar
port = "{port}"
baud = {baud}
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places.free(tmp_path)


@pytest.fixture
def factory(places: Places) -> Iterator[parts.Part]:
    opened_ms = opened_before(time.time_ns() // 1_000_000, HISTORY_DAYS)
    with parts.factory(places.folder, places.tcp_port, opened_ms) as started:
        yield started
        started.stop()


@pytest.fixture
def page() -> Iterator[Page]:
    with phone.opened() as shown:
        yield shown


def test_electricians_whole_way(places: Places, factory: parts.Part, page: Page) -> None:
    """Search, six meters named, a reversed transformer found and cleared, sheets, an exchange: all by phone, nothing else touched."""
    site = places.folder / "site.toml"
    site.write_text(SITE.format(listen=places.listen, port=f"{SCHEME}{places.folder.resolve() / RS485}", baud=SETTINGS.baud))
    _tell(factory, f"turn {REVERSED} {PHASE}")
    with parts.gateway(site) as gateway:
        gateway.until(lambda: parts.listens(places.page_port), "the pages are served")
        phone.enrol(page, places, gateway)
        expect(page.locator("main")).to_contain_text("No meters yet")
        _search(page)
        _reads_chinese(page, places, "/commission/lines/rs485-1", "接近 230 V")
        for place in NAMED:
            _name(page, place)
        _reads_chinese(page, places, f"/commission/meters/{REVERSED}/wiring", "电流互感器装反了")
        _prove_wiring(page, places, factory)
        for place in NAMED[:2]:
            _accept(page, places, place.name)
        _reads_chinese(page, places, "/events", "更改了站点文件")
        before, declared = _exchange(page, places, factory)
        _takes_back(page, places)
        gateway.stop()
        said = gateway.said()

    assert "Traceback" not in said
    assert site.read_text().startswith(
        SITE.format(listen=places.listen, port=f"{SCHEME}{places.folder.resolve() / RS485}", baud=SETTINGS.baud)
    )
    assert len(list((places.folder / "data" / "acceptance").glob("*.json"))) == 2
    assert {reading.meter for reading in ledger.readings(places.folder / "data")} == {place.name for place in NAMED}
    assert before > 0
    assert declared.startswith("d")


def _tell(factory: parts.Part, line: str) -> None:
    assert factory.process.stdin is not None
    factory.process.stdin.write(f"{line}\n".encode())
    factory.process.stdin.flush()
    factory.until_said(f'"done": "{line}"')


def _search(page: Page) -> None:
    """Progress shows while the search runs; every meter of the line is found with its model."""
    page.click("a.target:has-text('rs485-1')")
    page.click("button:has-text('Find meters')")
    expect(page.locator("progress")).to_be_visible()
    page.locator("#found").wait_for()
    for place in NAMED:
        expect(page.locator(f"a.target:has-text('Address {place.address} ')")).to_contain_text(place.model)


def _reads_chinese(page: Page, places: Places, path: str, words: str) -> None:
    """A colleague with a Chinese phone looks at the same: what was really found has no English left, but names."""
    here = page.url
    page.goto(f"http://{places.listen}{path}?lang=zh")
    expect(page.locator("main")).to_contain_text(words)
    assert latin(NAMES.sub("", page.inner_text("body"))) == set()
    page.goto(f"{here}{'&' if '?' in here else '?'}lang=en")


def _name(page: Page, place: Place) -> None:
    page.click(f"a.target:has-text('Address {place.address} ')")
    page.fill("[name=name]", place.name)
    page.select_option("[name=role]", place.role)
    page.fill("[name=class]", "1")
    page.click("button:has-text('Confirm and add')")
    expect(page.locator(f"a.target:has-text('Address {place.address} ')")).to_contain_text(place.name)
    assert page.evaluate("document.documentElement.scrollWidth") <= phone.WIDTH


def _prove_wiring(page: Page, places: Places, factory: parts.Part) -> None:
    """The verdict follows by itself when the transformer is turned; a clamp is compared on the same page."""
    page.goto(f"http://{places.listen}/commission/meters/{REVERSED}/wiring")
    expect(page.locator(".finding").first).to_contain_text(f"current transformer on {PHASE.upper()} is mounted backwards")
    _tell(factory, f"turn {REVERSED} {PHASE}")
    expect(page.locator(".finding").first).to_contain_text("The wiring fits the load")
    page.click("a.button:has-text('Compare with a clamp')")
    page.fill("[name=l1]", "1,5")
    page.click("button:has-text('Compare')")
    expect(page.locator("main")).to_contain_text("beyond the classes' 1.00 %")


def _accept(page: Page, places: Places, name: str) -> None:
    page.goto(f"http://{places.listen}/commission/meters/{name}/sheet")
    page.fill("[name=remark]", "Cabinet 3")
    page.click("button:has-text('Write the sheet')")
    expect(page.locator("article")).to_contain_text("SHA-256")
    expect(page.locator("article .label")).to_contain_text(f"http://{places.listen}/meters/{name}")
    assert page.locator(".label svg path").count() > 0


def _exchange(page: Page, places: Places, factory: parts.Part) -> tuple[float, str]:
    """The old counter is offered as it stands, the new one begins near zero; what was declared has a number."""
    page.goto(f"http://{places.listen}/commission/meters/{REVERSED}/exchange")
    old = float(page.input_value("[name=active_energy_import]"))
    page.click("button:has-text('Note it')")
    _tell(factory, f"exchange {REVERSED}")
    page.reload()
    new = float(page.input_value("[name=active_energy_import]"))
    page.click("button:has-text('The new meter is in')")
    expect(page.locator("main")).to_contain_text(f"{REVERSED} is exchanged")
    said = re.search(r"Declared under (\S+?)\.", page.inner_text("main"))
    assert said is not None
    assert new < 1 < old
    return old, said[1]


def _takes_back(page: Page, places: Places) -> None:
    """The newest change is taken back and taken back again: the meter is away, then there."""
    last = NAMED[-1].name
    page.goto(f"http://{places.listen}/commission/changes")
    for is_there in (False, True):
        page.click("button:has-text('Back to before this') >> nth=0")
        assert (f'name = "{last}"' in (places.folder / "site.toml").read_text()) is is_there
    page.goto(f"http://{places.listen}/commission/meters/{last}")
    expect(page.locator("main h2")).to_contain_text(last)
