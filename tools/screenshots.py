"""Pictures of every page at three widths and in both languages: `python -m tools.screenshots DIR`.

For the docs and for looking at. The site shown stands still at one instant, so that the same program makes the same pictures;
with --troubled it has a silent meter, alarms and a backlog. With --docs only the few pictures that the docs show are made.
"""

import argparse
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import uvicorn
from playwright.sync_api import Browser, sync_playwright
from starlette.applications import Starlette

from gateway.accounts import AccountFile
from gateway.interfaces import ShiftTarget, UnitsDeclared
from gateway.pages import Ground, routes
from gateway.pages.tests import fakes
from gateway.pages.tests.fake_commissioning import SHEET, FakeCommissioning

PAGES = {
    "overview": "/", "meters": "/meters", "meter": "/meters/press-1", "lines": "/lines", "shifts": "/shifts",
    "figure": "/shifts/figure?start=2026-03-26T22:00:00Z&shift=early&line=", "events": "/events", "sync": "/sync",
    "wall-now": "/wall", "wall-shifts": "/wall?show=shifts", "wall-alarms": "/wall?show=alarms", "sign-in": "/sign-in",
}  # fmt: skip
LINE, METER, OWN = "/commission/lines/rs485-1", "/commission/meters/press-1", "/commission/meters/own-1/calibration"
# What an electrician sees, signed in; the second word is what the site is in meanwhile.
COMMISSIONING = {
    "commission": ("/commission", ""), "line": (LINE, ""), "line-searching": (LINE, "searching"), "line-lost": (f"{LINE}?began=1", ""),
    "set-address": (f"{LINE}/address", ""), "new-meter": (f"{LINE}/new?address=5", ""), "one-meter": (METER, ""),
    "change-meter": (f"{METER}/change", ""), "wiring": (f"{METER}/wiring", ""), "clamp": (f"{METER}/clamp", ""),
    "clamp-refused": (f"{METER}/wiring?l1=much", ""), "compared": (f"{METER}/wiring?l1=10,5&l2=9,9", ""), "accept": (f"{METER}/sheet", ""),
    "sheets": ("/commission/sheets", ""), "sheet": (f"/commission/sheets/{SHEET}", ""), "exchange": (f"{METER}/exchange", ""),
    "exchange-second": (f"{METER}/exchange", "out"), "changes": ("/commission/changes", ""), "calibration": (OWN, ""),
    "calibration-locked": (OWN, "locked"), "calibration-no-load": (f"{OWN}/no_load", ""), "calibration-load": (f"{OWN}/known_load_l1", ""),
    "calibration-accept": (f"{OWN}/accept_l1", ""),
}  # fmt: skip
NAME, PASSWORD = "Li Wei", "correct horse battery"
# A phone, a tablet upright, a 1080p wall.
SIZES = {360: 740, 820: 1180, 1920: 1080}
LANGUAGES = ("en", "zh")
# What docs/how_to/read-the-pages.md shows: page, width, height of the cut-out.
DOCUMENTED = (("overview", 820, 560), ("meter", 820, 760), ("figure", 820, 620))
START_S_MAX = 20
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run")


def ground(folder: Path, *, troubled: bool) -> Ground:
    """The site of the pages' own tests."""
    alarm = fakes.FakeAlarm()
    noted = fakes.FakeAlarm("base_load", "", "warning", evidence={"last": "34.1", "usual": "22.0"}, noted_by="Li Wei", comment="compressor")
    return Ground(
        status=fakes.FakeStatus(fakes.troubled_status() if troubled else fakes.healthy_status()),
        figures=fakes.FakeFigures(),
        alarms=fakes.FakeAlarms([alarm, noted] if troubled else []),
        history=fakes.FakeHistory(),
        doctor=fakes.FakeDoctor([fakes.FakeFinding()] if troubled else []),
        meters=fakes.FakeMeters(),
        shifts=_shift_book(),
        accounts=AccountFile(folder),
        now_ms=lambda: fakes.NOW_MS,
        zone=fakes.ZONE,
        site_name="Hangzhou Works",
        code="ABCDE23456",
        commission=FakeCommissioning(),
    )


def _shift_book() -> fakes.FakeShifts:
    """A target for the running shift, and units that two people declared."""
    day = frozenset(range(7))
    declared = [
        UnitsDeclared("d2", "housing-a", fakes.NOW_MS - 6 * fakes.HOUR_MS, "2460", "Li Wei", fakes.NOW_MS - 5 * fakes.HOUR_MS, holds=True),
        UnitsDeclared(
            "d1", "housing-a", fakes.NOW_MS - 6 * fakes.HOUR_MS, "24600", "Chen Jie", fakes.NOW_MS - 6 * fakes.HOUR_MS, holds=False
        ),
    ]
    return fakes.FakeShifts([ShiftTarget("early", "", day, Decimal(2800), Decimal(1500))], units=declared)


@contextmanager
def served(shown: Ground) -> Iterator[str]:
    """The address of the pages on a free port of this machine."""
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes(shown)), log_level="warning"))
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        until = time.monotonic() + START_S_MAX
        while not server.started and time.monotonic() < until:
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--troubled", action="store_true", help="a site with a silent meter, alarms and a backlog")
    parser.add_argument("--dark", action="store_true", help="in the dark scheme")
    parser.add_argument("--docs", action="store_true", help="only what the docs show")
    parser.add_argument("--only", choices=[*PAGES, *COMMISSIONING], help="only this page")
    wanted = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("No Chromium is installed here: install the package chromium and try again.")
    wanted.folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as accounts,
        served(shown := ground(Path(accounts), troubled=wanted.troubled)) as address,
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for picture in _documented(browser, address, wanted.folder) if wanted.docs else _all(browser, address, wanted):
            print(picture)
        for picture in () if wanted.docs else _commissioning(browser, address, wanted, shown):
            print(picture)
        browser.close()


def _all(browser: Browser, address: str, wanted: argparse.Namespace) -> Iterator[Path]:
    for width, height in SIZES.items():
        for language in LANGUAGES:
            context = browser.new_context(
                viewport={"width": width, "height": height}, locale=language, color_scheme="dark" if wanted.dark else "light"
            )
            page = context.new_page()
            for name, path in PAGES.items():
                if wanted.only in (None, name):
                    picture = wanted.folder / f"{name}-{width}-{language}.png"
                    page.goto(f"{address}{path}")
                    page.screenshot(path=picture, full_page=True)
                    yield picture
            context.close()


def _commissioning(browser: Browser, address: str, wanted: argparse.Namespace, shown: Ground) -> Iterator[Path]:
    desk = shown.commission
    assert isinstance(desk, FakeCommissioning)
    shown.accounts.add("boss", "admin", PASSWORD)
    shown.accounts.add(NAME, "electrician", PASSWORD)
    for width, height in SIZES.items():
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="dark" if wanted.dark else "light")
        page = context.new_page()
        page.goto(f"{address}/sign-in")
        page.fill("[name=name]", NAME)
        page.fill("[name=password]", PASSWORD)
        page.click("main button")
        page.locator(".who").wait_for()
        for language in LANGUAGES:
            for name, (path, state) in COMMISSIONING.items():
                if wanted.only in (None, name):
                    desk.running, desk.is_out = state == "searching", state == "out"
                    desk.calibration.unlocked_s = 0 if state == "locked" else 540
                    picture = wanted.folder / f"{name}-{width}-{language}.png"
                    page.goto(f"{address}{path}{'&' if '?' in path else '?'}lang={language}")
                    page.screenshot(path=picture, full_page=True)
                    yield picture
        context.close()


def _documented(browser: Browser, address: str, folder: Path) -> Iterator[Path]:
    for name, width, height in DOCUMENTED:
        page = browser.new_page(viewport={"width": width, "height": height}, locale="en")
        page.goto(f"{address}{PAGES[name]}")
        picture = folder / f"{name}.png"
        page.screenshot(path=picture)
        page.close()
        yield picture


if __name__ == "__main__":
    main()
