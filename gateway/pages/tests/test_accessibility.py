"""Every page through axe in the system's Chromium: no error of WCAG 2.1 level A or AA, in both languages and schemes, forms included."""

import shutil
from decimal import Decimal
from typing import Literal

import pytest

from gateway.interfaces import ShiftTarget, UnitsDeclared
from gateway.pages.navigation import ENTRIES
from gateway.pages.tests.conftest import Site
from gateway.pages.tests.fakes import NOW_MS, FakeAlarm, FakeFinding, troubled_status

pytest.importorskip("playwright", reason="playwright is not installed: the pages are not looked through for accessibility")
pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed: accessibility is not looked at")

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it carries no types
from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the pages are not looked through for accessibility")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run")
LEVELS = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
FIGURE = "/shifts/figure?start=2026-03-26T22:00:00Z&shift=early&line="
PATHS = (
    "/sign-in",
    *(entry.path for entry in ENTRIES),
    "/wall?show=shifts",
    "/wall?show=alarms",
    "/meters/press-1",
    "/meters/press-2?span=month",
    FIGURE,
)
PASSWORD = "correct horse battery"
# Each language in another scheme: colours do not depend on words, and half the time is saved.
LOOKS: tuple[tuple[str, Literal["light", "dark"]], ...] = (("en", "light"), ("zh", "dark"))


def _sign_in(page: Page, site: Site) -> None:
    site.accounts.add("Li Wei", "maintenance", PASSWORD)
    page.goto(f"{site.address}/sign-in")
    page.fill("input[name=name]", "Li Wei")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.locator(".who").wait_for(timeout=10_000)


def _errors(page: Page) -> list[str]:
    found = Axe().run(page, options=LEVELS).response["violations"]
    return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize(("language", "scheme"), LOOKS)
def test_no_page_has_an_error_of_level_a_or_aa(site: Site, language: str, scheme: Literal["light", "dark"]) -> None:
    """A site in trouble, signed in as maintenance: alarms, forms, findings and silent meters are all there; details stand open."""
    site.status.now = troubled_status()
    site.alarms.standing = [FakeAlarm(), FakeAlarm("base_load", "", "warning", evidence={"last": "34", "usual": "22"}, noted_by="Li Wei")]
    site.doctor.found = [FakeFinding()]
    site.shifts.units = [UnitsDeclared(f"d{number}", "housing-a", NOW_MS, "480", "Li Wei", NOW_MS, holds=number > 1) for number in (1, 2)]
    site.shifts.targets_set = [ShiftTarget("early", "", frozenset(range(7)), Decimal(400), Decimal(1500))]
    errors: dict[str, list[str]] = {}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme=scheme).new_page()
        _sign_in(page, site)
        for path in PATHS:
            page.goto(f"{site.address}{path}{'&' if '?' in path else '?'}lang={language}")
            page.evaluate("document.querySelectorAll('details').forEach(function (each) { each.open = true; })")
            errors[path] = _errors(page)
        browser.close()

    assert {path: found for path, found in errors.items() if found} == {}
    assert len(errors) == len(PATHS)


def test_the_look_finds_what_is_wrong(site: Site) -> None:
    """A picture without words and a grey on grey are found: the test above can fail."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page()
        page.goto(f"{site.address}/sync")
        page.evaluate(
            "document.querySelector('main').innerHTML = '<img src=\"/static/icon.svg\"><p><font color=\"#aaaaaa\">grey</font></p>'"
        )
        errors = _errors(page)
        browser.close()

    assert {each.partition(":")[0] for each in errors} >= {"image-alt", "color-contrast"}
