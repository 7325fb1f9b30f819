"""A technician's way, in a real browser at a real gateway: a meter dies, the page says so and what to do, and it comes back."""

import asyncio
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
import requests

from protocols.reading import milliseconds_of
from tools.bench import parts
from tools.factory.factory import Factory, opened_before
from tools.factory.faults import DeadMeter
from tools.factory.tcp_meters import TcpMeters

pytest.importorskip("playwright", reason="playwright is not installed: the technician has no browser")

from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the technician has no browser")

INTERVAL_S = 2
# Of this machine, not of the gateway: what a loaded one may take to show what has happened.
SHOWN_MS_MAX = 60_000
METER = "pv"
SITE = """
[site]
name = "roof"
timezone = "Asia/Shanghai"
region = ["CN"]

[poll]
interval_s = {interval}

[pages]
listen = "127.0.0.1:{port}"

[[line]]
name = "lan"
tcp = "{tcp}"

[[meter]]
name = "pv"
line = "lan"
address = 1
model = "sunspec-meter-float"
role = "generation"
"""


@dataclass
class Supply:
    is_off: bool = False


@dataclass(frozen=True)
class SwitchedOff(DeadMeter):
    """Dead for as long as somebody has its supply off."""

    supply: Supply = field(default_factory=Supply)

    def absent(self, now_us: int, seed: int) -> bool:  # noqa: ARG002 - as every fault
        return self.supply.is_off


@contextmanager
def _roof(supply: Supply) -> Iterator[str]:
    """The address of an inverter's meter, in a thread of its own."""
    start_ms = time.time_ns() // 1_000_000
    loop = asyncio.new_event_loop()
    units = Factory(1, opened_before(start_ms)).units(start_ms, {METER: [SwitchedOff(supply=supply)]})
    meters = TcpMeters(units, random=Random(1))
    loop.run_until_complete(meters.start())
    host, port = meters.address
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"{host}:{port}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(meters.stop())
        loop.close()


def _events(page: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = requests.get(f"{page}v1/events", headers={"Accept": "application/json"}, timeout=10).json()["events"]
    return [event for event in found if event["subject"] == f"meter_absent:{METER}"]


def _is_up(page: str) -> bool:
    try:
        return "The meter answers." in requests.get(page, headers={"Accept-Language": "en"}, timeout=10).text
    except requests.ConnectionError:
        return False


def test_a_meter_dies_and_comes_back(tmp_path: Path) -> None:
    """The headline names it within two intervals of its last answer, with a reason and a remedy; its page says it, too; then it is over."""
    supply = Supply()
    port = parts.free_port()
    page = f"http://127.0.0.1:{port}/"
    with _roof(supply) as tcp:
        site = tmp_path / "site.toml"
        site.write_text(SITE.format(interval=INTERVAL_S, port=port, tcp=tcp))
        with parts.gateway(site) as gateway, sync_playwright() as driver:
            gateway.until(lambda: _is_up(page), "the meter answers")
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=("--no-sandbox", "--disable-gpu"))
            seen = browser.new_context(locale="en-GB").new_page()
            seen.goto(page)
            off_ms = time.time_ns() // 1_000_000
            supply.is_off = True
            seen.locator(".verdict.bad", has_text=f"Meter {METER} has not answered").wait_for(timeout=SHOWN_MS_MAX)
            seen_ms = time.time_ns() // 1_000_000
            headline = seen.locator(".headline").inner_text()
            seen.locator(f"[data-live=meters] a >> text={METER}").click()
            seen.locator(".head .alarm").wait_for(timeout=SHOWN_MS_MAX)
            explained = seen.locator("main").inner_text()
            supply.is_off = False
            seen.goto(page)
            seen.locator(".verdict.good").wait_for(timeout=SHOWN_MS_MAX)
            gateway.until(lambda: len(_events(page)) == 2, "the alarm is over and kept")
            raised, cleared = _events(page)
            browser.close()

    assert "Check its supply and its network cable." in headline
    assert "does not answer (nothing heard)" in explained
    assert (raised["kind"], cleared["kind"]) == ("alarm_raised", "alarm_cleared")
    print(f"seen {seen_ms - off_ms} ms after the supply was switched off, at an interval of {INTERVAL_S} s")  # noqa: T201 - the figure of the run
    # Its last answer was at most one interval before it was switched off; the alarm desk looks every second.
    assert milliseconds_of(raised["time"]) - off_ms <= 2 * INTERVAL_S * 1000 + 1000
