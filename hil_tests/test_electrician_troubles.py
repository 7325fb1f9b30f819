"""What goes wrong while an electrician works: a gateway that starts again, an unplugged line, a second electrician. No JavaScript."""

import time
from pathlib import Path

import pytest

from hil_tests import phone
from hil_tests.bench import HISTORY_DAYS, Places
from hil_tests.test_electrician import NAMED, SITE
from tools.bench import parts
from tools.factory.equipment import RS485
from tools.factory.factory import SETTINGS, opened_before
from tools.factory.protocol_virtual import SCHEME

pytest.importorskip("playwright", reason="playwright is not installed: nobody walks the electrician's way")

from playwright.sync_api import Page, expect

pytestmark = phone.WALKS
PRESS = NAMED[1]


def test_troubles_on_the_way(tmp_path: Path) -> None:
    """Each is told in a sentence with what to do next, and doing that goes on."""
    places = Places.free(tmp_path)
    site = places.folder / "site.toml"
    site.write_text(SITE.format(listen=places.listen, port=f"{SCHEME}{places.folder.resolve() / RS485}", baud=SETTINGS.baud))
    opened_ms = opened_before(time.time_ns() // 1_000_000, HISTORY_DAYS)
    with parts.factory(places.folder, places.tcp_port, opened_ms) as factory, phone.opened(scripts=False) as page:
        with parts.gateway(site) as gateway:
            gateway.until(lambda: parts.listens(places.page_port), "the pages are served")
            phone.enrol(page, places, gateway)
            _search(page, places)
            gateway.stop()
        with parts.gateway(site, log=places.folder / "second.log") as gateway:
            gateway.until(lambda: parts.listens(places.page_port), "the pages are served again")
            _is_told_of_the_restart(page, places)
            _two_at_one_meter(page, places)
            _search(page, places)
            factory.kill()
            _is_told_of_the_line(page)
            gateway.stop()
            said = gateway.said()

    assert "Traceback" not in said


def _search(page: Page, places: Places) -> None:
    page.goto(f"http://{places.listen}/commission/lines/rs485-1")
    page.click("button:has-text('Find meters')")
    expect(page.locator("progress")).to_be_visible()


def _is_told_of_the_restart(page: Page, places: Places) -> None:
    """Sessions end with the gateway; after signing in the page of the search says that it is not known any more."""
    where = page.url
    page.goto(where)
    if "sign-in" in page.url:
        page.fill("[name=name]", "Li Wei")
        page.fill("[name=password]", "correct horse battery")
        page.click("main button")
    page.goto(f"http://{places.listen}/commission/lines/rs485-1?{where.partition('?')[2] if 'began' in where else 'began=1'}")
    expect(page.locator("[role=alert]:visible")).to_contain_text("not known any more")
    expect(page.locator("button:has-text('Find meters')")).to_be_visible()
    assert page.locator("progress").count() == 0


def _two_at_one_meter(page: Page, places: Places) -> None:
    """A meter is added by hand; two have its form open; the second to save is told, and may save again knowingly."""
    page.goto(f"http://{places.listen}/commission/lines/rs485-1/new?address={PRESS.address}")
    for name, value in (("name", PRESS.name), ("class", "one")):
        page.fill(f"[name={name}]", value)
    page.select_option("[name=model]", PRESS.model)
    page.click("button:has-text('Confirm and add')")
    expect(page.locator(".wrong")).to_contain_text("As on its plate")
    page.fill("[name=class]", "1")
    page.click("button:has-text('Confirm and add')")
    other = page.context.new_page()
    form = f"http://{places.listen}/commission/meters/{PRESS.name}/change"
    for each in (page, other):
        each.goto(form)
    other.fill("[name=rating]", "200 kW")
    other.click("button:has-text('Save')")
    page.fill("[name=rating]", "300 kW")
    page.click("button:has-text('Save')")
    expect(page.locator("[role=alert]:visible")).to_contain_text("Somebody else changed")
    assert 'rating = "200 kW"' in (places.folder / "site.toml").read_text()
    page.click("button:has-text('Save')")
    expect(page.locator("main h2")).to_contain_text(PRESS.name)
    assert 'rating = "300 kW"' in (places.folder / "site.toml").read_text()
    other.close()


def _is_told_of_the_line(page: Page) -> None:
    """The adapter is pulled in the middle: the page renews itself without a script until it says so."""
    expect(page.locator("progress")).to_have_count(0)
    told = page.inner_text("main")
    assert "The line is not open" in told or "Nobody answered" in told
    expect(page.locator("button:has-text('Find meters')")).to_be_visible()
