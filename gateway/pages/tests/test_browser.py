"""The pages in the system's Chromium: they are live, they survive a lost gateway, and they fit a phone."""

import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.pages.tests.conftest import Site
from gateway.pages.tests.fakes import FakeAlarm, healthy_status, troubled_status, with_meter

pytest.importorskip("playwright", reason="playwright is not installed: the page is not driven in a browser")

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the page is not driven in a browser")

# Nothing of the browser's own may leave this machine or need a screen.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-component-update",
    "--no-first-run",
)
PHONE: ViewportSize = {"width": 360, "height": 800}
# Two ticks and a slow machine.
SOON_MS = 8_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=PHONE, locale="en-GB")
    yield context.new_page()
    context.close()


def test_power_is_live_without_console_errors(page: Page, site: Site) -> None:
    """The figure changes by itself, closes nothing a person opened, and the browser has nothing to complain about."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(site.address)
    before = page.locator("[data-live=power] .number").inner_text()
    page.locator("summary").click()
    site.status.now = with_meter(healthy_status(), "main", values={"active_power": 300_000_000})
    page.locator("[data-live=power] .number", has_text="386").wait_for(timeout=SOON_MS)

    assert before == "499"
    assert said == []
    assert page.locator("#lost").is_hidden()
    assert page.locator("table.rows").is_visible()


def test_lost_gateway_is_said(page: Page, site: Site) -> None:
    """Old figures never pass for live ones."""
    with page.expect_response(lambda answer: "/events/live" in answer.url):
        page.goto(site.address)
    site.status.now = troubled_status()
    page.locator(".verdict.bad").wait_for(timeout=SOON_MS)
    site.stop()
    page.locator("#lost").wait_for(state="visible", timeout=SOON_MS)

    assert page.locator("body").get_attribute("class") == "old"


def test_without_javascript_the_status_stands(browser: Browser, site: Site) -> None:
    """An old kiosk, or one with scripts switched off, shows everything and renews itself."""
    site.status.now = troubled_status()
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(site.address)
    headline = page.locator(".headline").inner_text()
    meters = page.locator("[data-live=meters] tr").count()
    context.close()

    assert headline.startswith("Meter press-2 has not answered for 12 min")
    assert meters == 9


@pytest.mark.parametrize("language", ["en", "zh"])
def test_phone_needs_no_sideways_scrolling(page: Page, site: Site, language: str) -> None:
    """Everything fits 360 pixels, a long name and an open table included."""
    first, *others = troubled_status().meters
    long = replace(first, name="annealing-oven-in-the-second-hall-by-the-gate", state="absent", reason="wrong_answer")
    site.status.now = replace(troubled_status(), meters=(long, *others))
    page.goto(f"{site.address}/?lang={language}")
    page.locator("summary").click()

    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_keyboard_reaches_the_content(page: Page, site: Site) -> None:
    """The first stop of the tab key leads past the header; its focus can be seen."""
    page.goto(site.address)
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    page.keyboard.press("Enter")
    page.wait_for_url("**#main")

    assert outline == "solid"


PAGES = (
    "/meters",
    "/meters/press-1",
    "/lines",
    "/shifts",
    "/shifts/figure?start=2026-03-26T22:00:00Z&shift=early&line=",
    "/events",
    "/sync",
    "/wall",
)


def test_no_page_needs_sideways_scrolling_on_a_phone(page: Page, site: Site) -> None:
    """Only wide tables scroll, each in its own frame that the keyboard reaches; no page has the browser complain."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    site.status.now = troubled_status()
    widths = {}
    for path in PAGES:
        page.goto(site.address + path)
        widths[path] = page.evaluate("document.documentElement.scrollWidth")

    assert {path: width for path, width in widths.items() if width > PHONE["width"]} == {}
    assert said == []


# In a page: what lies beyond the right edge, or in a frame that must be moved sideways to be read.
CUT = """[...document.querySelectorAll('nav.pages a, .stack td, .stack th')]
  .map(e => [e, e.getBoundingClientRect().right, (e.closest('.scroll') || e).getBoundingClientRect().right])
  .filter(([e, right, edge]) => e.offsetWidth && right > Math.min(innerWidth, edge + 1)).map(([e]) => e.textContent)"""
# A thumb in a glove, beside other links.
TOUCH_PX = 44
SMALL = f"""[...document.querySelectorAll('header nav a, .person a, .person button, main button, main .tools a, main select')]
  .filter(e => e.offsetHeight && e.offsetHeight < {TOUCH_PX}).map(e => e.outerHTML)"""


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_is_cut_or_too_small_on_a_phone(page: Page, site: Site, language: str) -> None:
    """All of the navigation is in sight, tables of many columns become blocks, and what is tapped is as high as a thumb."""
    site.status.now = troubled_status()
    wrong: dict[str, list[str]] = {}
    for path in ("/", *PAGES):
        page.goto(f"{site.address}{path}{'&' if '?' in path else '?'}lang={language}")
        wrong[path] = [*page.evaluate(CUT), *page.evaluate(SMALL)]

    assert {path: found for path, found in wrong.items() if found} == {}


def test_wall_changes_its_view_and_survives_a_lost_gateway(page: Page, site: Site) -> None:
    """Nobody touches it: the next view comes; when the gateway goes, the last view stays and says how old it is."""
    page.clock.install()
    page.goto(site.address + "/wall")
    shown = [page.locator("main h2").first.inner_text()]
    page.clock.fast_forward(16_000)
    page.locator("#shifts").wait_for(timeout=SOON_MS)
    page.clock.fast_forward(16_000)
    page.locator("#alarms").wait_for(timeout=SOON_MS)
    site.stop()
    page.clock.fast_forward(16_000)
    page.locator("#lost").wait_for(state="visible", timeout=SOON_MS)

    assert shown == ["Power now"]
    assert page.locator("#alarms").is_visible()


def test_technician_notes_an_alarm(page: Page, site: Site) -> None:
    """From the headline to the note with the keyboard's own means: sign in, follow the alarm, write, press."""
    site.alarms.standing = [FakeAlarm()]
    site.accounts.add("Li Wei", "maintenance", "correct horse battery")
    page.goto(site.address + "/sign-in?next=/")
    page.fill("input[name=name]", "Li Wei")
    page.fill("input[name=password]", "correct horse battery")
    page.click("main button")
    page.locator(".verdict .more a").click()
    page.fill("input[name=comment]", "fuse ordered")
    page.select_option("select[name=silent_min]", "120")
    page.locator("main .alarm button").click()
    page.locator(".said").wait_for(timeout=SOON_MS)

    assert site.alarms.noted == [("over_current:press-3", "Li Wei", "fuse ordered", 120)]
    assert "seen by Li Wei" in page.locator(".alarm").inner_text()
