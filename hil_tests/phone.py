"""An electrician's phone: the system's Chromium at 360 px, and the first sign-in with the code from the console."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hil_tests.bench import Places
from tools.bench import parts

pytest.importorskip("playwright", reason="playwright is not installed: nobody walks the electrician's way")

from playwright.sync_api import Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WALKS = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: nobody walks the electrician's way"),
    # asyncio's own warning: playwright's loop is closed while its driver's pipes are.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run")
WIDTH = 360
# A search takes some 20 s on an idle machine; everything else a fraction of that.
PATIENCE_MS = 90_000


@contextmanager
def opened(*, scripts: bool = True) -> Iterator[Page]:
    """Some phones have no JavaScript, by wish or by age."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(viewport={"width": WIDTH, "height": 780}, locale="en-GB", java_script_enabled=scripts)
        context.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        yield context.new_page()
        browser.close()


def enrol(page: Page, places: Places, gateway: parts.Part) -> None:
    code = re.search(r"administrator: (\S+)", gateway.said())
    assert code is not None
    page.goto(f"http://{places.listen}/sign-in?next=/commission")
    page.fill("[name=code]", code[1])
    page.fill("[name=name]", "Li Wei")
    page.fill("[name=password]", "correct horse battery")
    page.click("main button")
    expect(page.locator("main")).to_contain_text("Acceptance sheets")
