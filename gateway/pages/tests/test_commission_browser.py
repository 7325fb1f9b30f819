"""The pages of commissioning in the system's Chromium: accessible to level AA, no wider than a phone, targets for gloves."""

import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from gateway.pages.tests.conftest import Site
from gateway.pages.tests.fake_commissioning import SHEET
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
# What is tapped seldom.
LITTLE_PX = 44
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
        little = f"[...document.querySelectorAll('main .way a, main summary')].filter(e => e.offsetHeight < {LITTLE_PX})"
        wrong += [f"{path}: {text} is too small for a thumb" for text in page.evaluate(f"{little}.map(e => e.textContent)")]
        wrong += [f"{path}: {text} is too small for gloves" for text in page.evaluate(f"{small}.map(e => e.textContent)")]

    assert wrong == []


def test_forms_are_as_wide_as_hands_on_a_large_screen(page: Page, site: Site) -> None:
    """Neither a column of the overview's grid nor the whole wall."""
    page.set_viewport_size({"width": 1400, "height": 900})
    widths = {}
    for path in PAGES:
        page.goto(f"{site.address}{path}")
        for form in page.locator("section.form").all():
            widths[path] = form.evaluate("each => each.offsetWidth")

    assert len(widths) >= 6
    assert all(400 <= width <= 700 for width in widths.values()), widths


@pytest.mark.parametrize(("language", "face"), [("en", b"Sans"), ("zh", b"CJK")])
def test_sheet_is_one_page_of_a4_on_paper(page: Page, site: Site, language: str, face: bytes) -> None:
    """The browser's PDF has its fonts in it and nothing of the page's frame; the button asks for it."""
    page.goto(f"{site.address}/commission/sheets/{SHEET}?lang={language}")
    offered = page.locator("#print").is_visible()
    pdf = page.pdf(prefer_css_page_size=True)
    page.emulate_media(media="print")

    assert offered
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    assert re.findall(rb"/MediaBox\s*\[0 0 594\.9\d+ 841\.9\d+\]", pdf)
    assert any(face in name for name in re.findall(rb"/FontName\s*/\S+", pdf)) or not _has_chinese_font()
    assert [page.locator(each).first.is_visible() for each in ("header", ".way", "#print", ".signature")] == [False, False, False, True]


def _has_chinese_font() -> bool:
    """Without one neither screen nor paper shows Chinese, on this machine."""
    found = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True, check=False) if shutil.which("fc-list") else None
    return found is None or "CJK" in found.stdout


def test_live_verdict_follows_without_a_reload(page: Page, site: Site) -> None:
    """The page puts in what is new, while the person looks at it."""
    page.goto(f"{site.address}{METER}/wiring")
    before = page.locator(".finding").count()
    site.commission.is_healed = True
    page.locator(".finding").first.wait_for(state="detached")

    assert before == 1
