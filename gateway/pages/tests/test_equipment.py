"""Meters, lines, hub, store and clock as they are shown."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.pages.health import Fact, Part, parts
from gateway.pages.meter_rows import MeterRow, meter_rows
from gateway.pages.tests.fakes import HOUR_MS, NOW_MS, healthy_status, line, meter, troubled_status
from gateway.pages.viewer import Amount, Viewer
from gateway.status import ClockStatus, MeterStatus, OutboxStatus, PollCounters, StoreStatus


def _row(viewer: Viewer, shown: MeterStatus) -> MeterRow:
    return meter_rows(replace(healthy_status(), meters=(shown,)), viewer)[0]


def _part(viewer: Viewer, index: int, **changes: Any) -> Part:
    """Of a site with one line: 0 the line, 1 the hub, 2 the store, 3 the clock."""
    status = replace(healthy_status(), lines=(line(),))
    return parts(replace(status, **changes), viewer)[index]


def test_row_says_all_of_a_healthy_meter(viewer: Viewer) -> None:
    """Name, role, place, state, power, age, answers and turnaround in one row."""
    assert _row(viewer, meter("main", "import", watts=412_300)) == MeterRow(
        name="main",
        role="grid supply",
        place="rs485-1, address 1",
        state="ok",
        state_word="ok",
        reason="",
        reading=Amount("412", "kW"),
        share_pct=100,
        age="4 s",
        answers="99.9 %",
        turnaround="42 ms",
        next_poll="",
    )


def test_silent_meter_shows_no_power(viewer: Viewer) -> None:
    """What it drew twelve minutes ago is not what it draws."""
    row = next(each for each in meter_rows(troubled_status(), viewer) if each.name == "press-2")

    assert (row.reading, row.share_pct, row.reason, row.age, row.next_poll) == (
        Amount("–"),
        None,
        "no_answer",
        "12 min",
        "next try in 1 min",
    )


def test_counter_meter_shows_its_counter(viewer: Viewer, chinese: Viewer) -> None:
    """A piece counter and a gas meter say no power; their counter stands, also while they are silent."""
    pieces = meter("count", "pieces", values={"pieces": 48_211_000}, state="absent")
    gas = meter("gas", "fuel", values={"volume": 1_234_567}, line="", address=None, state="imported")

    assert _row(viewer, pieces).reading == Amount("48,211", "pieces")
    assert _row(chinese, pieces).reading == Amount("48,211", "件")
    assert (_row(viewer, gas).reading, _row(viewer, gas).place) == (Amount("1,235", "m³"), "from files")


def test_meter_that_never_answered_is_dashes(viewer: Viewer) -> None:
    """Nothing is shown as 0 that nobody measured."""
    row = _row(viewer, meter("new", state="waiting", watts=None, time_ms=None, counters=PollCounters(), turnaround_median_ms=None))

    assert (row.reading.number, row.age, row.answers, row.turnaround) == ("–", "–", "–", "–")


def test_share_bar_is_relative_to_the_largest_meter(viewer: Viewer) -> None:
    """Also where the largest one delivers."""
    rows = meter_rows(replace(healthy_status(), meters=(meter("pv", "generation", watts=-80_000), meter("press", watts=20_000))), viewer)

    assert [row.share_pct for row in rows] == [100, 25]


def test_line_shows_round_answers_and_errors_by_kind(viewer: Viewer) -> None:
    """Cycle against interval, answers in percent, each kind of error that happened."""
    assert _part(viewer, 0) == Part(
        title="rs485-1",
        look="ok",
        word="open",
        facts=(
            Fact("Round", "4.2 s of 10 s"),
            Fact("Answers", "99.9 %"),
            Fact("Wire busy", "42 %"),
            Fact("Errors", "71 time-outs, 12 noise, 6 late"),
        ),
        load_pct=42,
        target="/lines",
    )


@pytest.mark.parametrize(
    ("changes", "look"),
    [
        ({"cycle_ms": 12_000.0}, "slow"),
        ({"state": "closed", "sentence": "Gone."}, "absent"),
        ({"state": "busy"}, "absent"),
        ({"state": "?"}, "flaky"),
    ],
)
def test_line_looks_as_bad_as_it_is(viewer: Viewer, changes: dict[str, Any], look: str) -> None:
    """A round longer than its interval, a closed or taken port, and a state nobody knows here."""
    part = _part(viewer, 0, lines=(line(**changes),))

    assert (part.look, part.sentence) == (look, changes.get("sentence", ""))


def test_new_line_has_no_round_yet(viewer: Viewer) -> None:
    """Before the first round there is no duration and no bar."""
    part = _part(viewer, 0, lines=(line(cycle_ms=None, counters=PollCounters()),))

    assert (part.facts[0].value, part.facts[1].value, part.facts[3].value, part.load_pct) == ("– of 10 s", "–", "none", None)


@pytest.mark.parametrize(("hub", "look"), [("reachable", "ok"), ("unreachable", "slow"), ("refusing", "absent"), ("none", "imported")])
def test_hub_shows_its_backlog(viewer: Viewer, hub: str, look: str) -> None:
    """Batches, records, the oldest, the last confirmed, and what the hub said."""
    outbox = OutboxStatus(hub, "Said.", 212, 105_870, NOW_MS - 3 * HOUR_MS, NOW_MS - 41_000, 992, 496_248)

    part = _part(viewer, 1, outbox=outbox)

    assert part.look == look
    assert [fact.value for fact in part.facts] == ["212 batches, 105,870 records", "3 h 00 min", "41 s ago", "496,248"]
    assert part.sentence == ("" if hub == "none" else "Said.")


def test_refused_batches_are_counted(viewer: Viewer) -> None:
    """Where the hub refused batches for good a line says how many and which command shows them."""
    outbox = OutboxStatus("reachable", "", 0, 0, None, NOW_MS, 992, 496_248, batches_refused=2)

    part = _part(viewer, 1, outbox=outbox)

    assert [(fact.value, "shiftwatt outbox" in fact.label) for fact in part.facts[4:]] == [("2", True)]


@pytest.mark.parametrize(
    ("state", "look", "word"), [("ok", "ok", "saves"), ("full", "absent", "disk full"), ("failing", "absent", "cannot save")]
)
def test_store_shows_what_it_holds(viewer: Viewer, state: str, look: str, word: str) -> None:
    """Readings, size and space, the last commit and what still waits in memory."""
    part = _part(viewer, 2, store=StoreStatus(state, "Said.", "/data", 214_000_000, 21_400_000_000, NOW_MS - 6_000, 2_411_903, 54))

    assert (part.look, part.word) == (look, word)
    assert [fact.value for fact in part.facts] == ["2,411,903", "214 MB, 21.4 GB free", "6 s ago", "54"]


@pytest.mark.parametrize(("state", "look"), [("synchronised", "ok"), ("set", "slow"), ("unset", "absent")])
def test_clock_looks_as_trustworthy_as_it_is(viewer: Viewer, state: str, look: str) -> None:
    """An unset clock is red, one that nobody vouches for amber."""
    part = _part(viewer, 3, clock=ClockStatus(state, "Said."))

    assert (part.look, part.facts[0]) == (look, Fact("Running for", "3 d 4 h"))
