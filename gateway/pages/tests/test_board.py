"""The shared snapshot and the events: one question per tick, only what changed, a clean end."""

import asyncio
import json
import logging
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.language import language_of
from gateway.pages import pages
from gateway.pages.assets import load_assets
from gateway.pages.board import FIGURES_EVERY_MS, TICK_MS, Board, NoSnapshot
from gateway.pages.live import LISTENERS_MAX, Live
from gateway.pages.rendering import FRAGMENTS, Rendering
from gateway.pages.shifts import DAYS_SHOWN
from gateway.pages.tests.conftest import Site, ground_of
from gateway.pages.tests.fakes import (
    NOW_MS,
    ZONE,
    FakeAlarms,
    FakeClock,
    FakeFigures,
    FakeShifts,
    FakeStatus,
    healthy_status,
    meter,
    with_meter,
)
from gateway.pages.usual import WEEKS
from gateway.pages.viewer import DAY_MS
from gateway.status import GatewayStatus

ENGLISH, CHINESE = language_of("en"), language_of("zh")
# No test here lets as much time pass in a stream.
ENDLESS_MS = 100 * TICK_MS


class Bench:
    """A board on fakes; its sleep moves the clock."""

    def __init__(self) -> None:
        self.status, self.figures, self.clock = FakeStatus(), FakeFigures(), FakeClock()
        self.board = Board(
            self.status,
            self.figures,
            FakeAlarms(),
            FakeShifts(),
            self.clock.now_ms,
            ZONE,
            Rendering(load_assets(), "Works", str(ZONE)),
            "0123456789abcdef",
        )
        self.ends = False
        self.live = Live(self.board, lambda: self.ends, self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.clock.time_ms += round(seconds * 1000)
        # A stream that does not end must fail a test, not hang it.
        assert self.clock.time_ms < NOW_MS + ENDLESS_MS


@pytest.fixture
def bench() -> Bench:
    return Bench()


def _data(event: str) -> dict[str, Any]:
    name, data = event.removesuffix("\n\n").split("\n")
    assert name == "event: change"
    document: dict[str, Any] = json.loads(data.removeprefix("data: "))
    return document


async def test_one_question_per_tick_for_all_watchers(bench: Bench) -> None:
    """Twenty watchers in two languages cost the gateway one status, one read of figures and one of each week before."""
    for _ in range(10):
        await bench.board.content(ENGLISH)
        await bench.board.content(CHINESE)

    assert (bench.status.asked, len(bench.figures.asked)) == (1, 1 + WEEKS)


async def test_status_is_asked_every_tick_and_figures_less_often(bench: Bench) -> None:
    """Figures move slowly and cost more."""
    for _ in range(FIGURES_EVERY_MS // TICK_MS):
        await bench.board.content(ENGLISH)
        bench.clock.time_ms += TICK_MS
    await bench.board.content(ENGLISH)

    assert (bench.status.asked, len(bench.figures.asked)) == (FIGURES_EVERY_MS // TICK_MS + 1, 2 + WEEKS)
    assert bench.figures.asked[0] == (NOW_MS - (DAYS_SHOWN + 1) * DAY_MS, NOW_MS)


async def test_clock_put_back_does_not_freeze_the_page(bench: Bench) -> None:
    """After a correction by an hour the page must not wait for an hour."""
    await bench.board.content(ENGLISH)
    bench.clock.time_ms -= 3_600_000
    await bench.board.content(ENGLISH)

    assert bench.status.asked == 2


async def test_first_event_has_all_and_the_next_only_what_changed(bench: Bench) -> None:
    """A browser is sent each fragment once, then only the different ones."""
    events = bench.live.stream(ENGLISH)
    greeting, first = await anext(events), _data(await anext(events))
    bench.status.now = with_meter(healthy_status(), "main", values={"active_power": 300_000_000})
    second = _data(await anext(events))
    await events.aclose()

    assert greeting == "retry: 2000\n\n"
    assert set(first["html"]) == set(FRAGMENTS)
    assert "386" in second["html"]["power"]
    assert {"verdict", "charts", "rows"}.isdisjoint(second["html"])


async def test_quiet_ticks_are_sent_too(bench: Bench) -> None:
    """Silence would read as a lost connection."""
    bench.clock.now_ms = lambda: NOW_MS  # type: ignore[method-assign]
    bench.board._now_ms = bench.clock.now_ms
    events = bench.live.stream(ENGLISH)
    await anext(events)
    await anext(events)
    quiet = _data(await anext(events))
    await events.aclose()

    assert (quiet["html"], quiet["next_s"]) == ({}, TICK_MS // 1000)


async def test_streams_end_when_the_server_closes(bench: Bench) -> None:
    """No stream holds up a shutdown, and none is counted afterwards."""
    events = bench.live.stream(ENGLISH)
    await anext(events)
    await anext(events)
    listening = bench.live.listeners
    bench.ends = True
    async with asyncio.timeout(5):  # a stream that goes on must fail the test, not hang it
        rest = [event async for event in events]

    assert rest == []
    assert (listening, bench.live.listeners) == (1, 0)


async def test_a_browser_beyond_the_limit_gets_everything_once_and_the_reason(bench: Bench) -> None:
    """It is told in a sentence, comes again later, and holds nothing open."""
    bench.live.listeners = LISTENERS_MAX

    retry, event = [each async for each in bench.live.stream(ENGLISH)]

    assert retry == "retry: 20000\n\n"
    assert _data(event)["notice"] == "40 browsers are watching already. This one is renewed every 20 s instead of at once."
    assert set(_data(event)["html"]) == set(FRAGMENTS)
    assert bench.live.listeners == LISTENERS_MAX


async def test_other_meters_are_another_page(bench: Bench) -> None:
    """A browser whose page was made for other meters loads it anew."""
    before = await bench.board.content(ENGLISH)
    bench.status.now = replace(healthy_status(), meters=(meter("new"),))
    bench.clock.time_ms += TICK_MS
    after = await bench.board.content(ENGLISH)

    assert before.page != after.page


async def test_a_fault_is_logged_once_per_tick_and_mended(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Twenty browsers write one traceback per tick; when the fault is gone the page is back."""
    bench.status.fault = OSError("disk gone")
    with caplog.at_level(logging.ERROR):
        for _ in range(20):
            with pytest.raises(NoSnapshot):
                await bench.board.content(ENGLISH)
    bench.status.fault = None
    bench.clock.time_ms += TICK_MS

    assert [record.exc_info is not None for record in caplog.records] == [True]
    assert (await bench.board.content(ENGLISH)).fragments["verdict"]


async def test_a_fault_ends_the_streams_and_frees_their_places(bench: Bench) -> None:
    """The browser says that it hears nothing, and comes again."""
    bench.status.fault = OSError("disk gone")

    assert len([event async for event in bench.live.stream(ENGLISH)]) == 1
    assert bench.live.listeners == 0


async def test_names_from_outside_are_harmless(bench: Bench) -> None:
    """A meter, a line, a shift or a sentence may contain anything: it is text, not markup."""
    evil = "<script>alert(1)</script>\"'{x}"
    status = healthy_status()
    bench.status.now = replace(
        status,
        meters=(replace(status.meters[0], name=evil, line=evil, state="absent", reason=evil), *status.meters[1:]),
        lines=tuple(replace(each, name=evil, target=evil, state="closed", sentence=evil) for each in status.lines),
        outbox=replace(status.outbox, hub="unreachable", sentence=evil),
    )
    for document in bench.figures.documents:
        document["shift"] = evil

    content = await bench.board.content(ENGLISH)

    assert "&lt;script&gt;" in content.fragments["meters"]
    assert [name for name, text in content.fragments.items() if "<script" in text] == []


async def test_first_browser_finds_everything_made(bench: Bench) -> None:
    """After the warming up each language stands there; nobody is asked for it again."""
    await bench.board.warm()
    asked = bench.status.asked
    contents = [await bench.board.content(language) for language in (ENGLISH, CHINESE)]

    assert all(content.fragments for content in contents)
    assert (asked, bench.status.asked) == (1, 1)


async def test_pages_open_although_nothing_can_be_shown_yet(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """What is broken at the start is told by the pages, not by a server that does not come up."""
    bench.status.fault = OSError("disk gone")
    with caplog.at_level(logging.CRITICAL):
        await bench.board.warm()
        with pytest.raises(NoSnapshot):
            await bench.board.content(ENGLISH)


class Hanging(FakeStatus):
    """Answers when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Event()

    def status(self) -> GatewayStatus:
        self.let.wait()
        return super().status()


async def test_disk_that_hangs_does_not_keep_the_pages_shut(tmp_path: Path) -> None:
    """The warming up is waited for only so long."""
    site = Site.standing(tmp_path, status=(hanging := Hanging()))
    try:
        await pages(ground_of(site), patience_s=0.05).warm()

        assert hanging.asked == 0
    finally:
        hanging.let.set()


def test_templates_are_compiled_beforehand_one_by_one() -> None:
    """With a pause after each, so that a browser that comes meanwhile need not wait for all."""
    pauses: list[None] = []
    rendering = Rendering(load_assets(), "Works", str(ZONE))
    rendering.warm(lambda: pauses.append(None))

    assert len(pauses) > len(FRAGMENTS)
