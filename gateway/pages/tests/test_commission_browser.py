"""The pages of commissioning in the system's Chromium: accessible to level AA, no wider than a phone, targets for gloves."""

import shutil
from collections.abc import Iterator

import pytest

from gateway.pages.tests.conftest import Site
from gateway.pages.tests.test_commission import METER, NAME, PAGES, PASSWORD

pytest.importorskip("playwright", reason="playwright is not installed: the pages are not looked at in a browser")
pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed: accessibility is not checked")

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped, unused-ignore]
from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the pages are not looked at in a browser")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run")
WIDTH = 360
# Links and buttons that are tapped with gloves; 3.5rem, less what a border may round away.
TARGET_PX = 55
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}


@pytest.fixture
def page(site: Site) -> Iterator[Page]:
    site.accounts.add("boss", "admin", PASSWORD)
    site.accounts.add(NAME, "electrician", PASSWORD)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        opened = browser.new_context(viewport={"width": WIDTH, "height": 780}, locale="en-GB").new_page()
        opened.goto(f"{site.address}/sign-in")
        opened.fill("[name=name]", NAME)
        opened.fill("[name=password]", PASSWORD)
        opened.click("main button")
        opened.wait_for_url(f"{site.address}/")
        yield opened
        browser.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pages_are_accessible_and_fit_a_phone(page: Page, site: Site, language: str) -> None:
    """Every page, in both languages, the exchange at its second step."""
    wrong: list[str] = []
    site.commission.is_out = True
    for path in PAGES:
        page.goto(f"{site.address}{path}{'&' if '?' in path else '?'}lang={language}")
        wrong += [f"{path}: {each['id']} {each['nodes'][0]['html']}" for each in Axe().run(page, options=RULES).response["violations"]]
        wrong += [f"{path} is too wide"] * (page.evaluate("document.documentElement.scrollWidth") > WIDTH)
        small = f"[...document.querySelectorAll('main .target, main .button, .form form button')].filter(e => e.offsetHeight < {TARGET_PX})"
        wrong += [f"{path}: {text} is too small for gloves" for text in page.evaluate(f"{small}.map(e => e.textContent)")]

    assert wrong == []


def test_live_verdict_follows_without_a_reload(page: Page, site: Site) -> None:
    """The page puts in what is new, while the person looks at it."""
    page.goto(f"{site.address}{METER}/wiring")
    before = page.locator(".finding").count()
    site.commission.is_healed = True
    page.locator(".finding").first.wait_for(state="detached")

    assert before == 1
