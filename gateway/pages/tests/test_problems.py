"""The sentence on top: what is wrong, the cause before its symptoms, the worst first."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.pages.problems import BAD, GOOD, QUIET, SHOWN_MAX, WARN, Verdict, verdict
from gateway.pages.tests.fakes import HOUR_MS, MINUTE_MS, NOW_MS, healthy_status, line, meter, troubled_status, with_meter
from gateway.pages.viewer import Viewer
from gateway.status import ClockStatus, GatewayStatus

Change = Callable[[GatewayStatus], GatewayStatus]


def _of(part: str, **changes: Any) -> Change:
    return lambda status: replace(status, **{part: replace(getattr(status, part), **changes)})


def _meter(name: str, **changes: Any) -> Change:
    return lambda status: with_meter(status, name, **changes)


def test_all_well_is_one_calm_sentence(viewer: Viewer, chinese: Viewer) -> None:
    """Every polled meter answers and nothing else is wrong."""
    assert verdict(healthy_status(), viewer) == Verdict(GOOD, "All 9 meters answer.")
    assert verdict(healthy_status(), chinese) == Verdict(GOOD, "全部 9 块表均有应答。")


def test_a_clock_nobody_vouches_for_is_said_beside_the_good_news(viewer: Viewer) -> None:
    """It takes no headline from anything else."""
    found = verdict(_of("clock", state="set")(healthy_status()), viewer)

    assert found.severity == GOOD
    assert [(each.severity, each.text[:29]) for each in found.others] == [(WARN, "Nobody vouches for the clock.")]


def test_silent_meter_is_named_with_its_time_reason_and_remedy(viewer: Viewer) -> None:
    """A technician reads in one sentence which meter, since when, why and what to do."""
    found = verdict(troubled_status(), viewer)

    assert (found.severity, found.headline) == (
        BAD,
        "Meter press-2 has not answered for 12 min: nothing heard. Check its supply and its A/B wires.",
    )
    assert [each.text for each in found.others] == [
        "The hub has not been reachable: 105,870 records wait here, the oldest for 3 h 00 min. Nothing is lost; check the network.",
        "Meter oven answers only now and then.",
    ]


@pytest.mark.parametrize(
    ("change", "severity", "beginning"),
    [
        (_of("store", state="full", waiting_records=1_200), BAD, "The disk is full: 1,200 records wait in memory."),
        (_of("store", state="failing"), BAD, "Readings cannot be saved to /var/lib/shiftwatt/store.db: 54 records"),
        (_of("store", state="novel"), BAD, "Readings cannot be saved"),
        (_of("clock", state="unset"), BAD, "The clock is not set."),
        (_of("outbox", hub="unreachable"), WARN, "The hub is not reachable. Nothing waits yet"),
        (_of("outbox", hub="refusing"), BAD, "The hub refuses this gateway."),
        (
            _of("outbox", hub="refusing", records=9, oldest_ms=NOW_MS - HOUR_MS),
            BAD,
            "The hub refuses what this gateway sends: 9 records wait",
        ),
        (_meter("oven", state="slow"), WARN, "Meter oven answers slower than it used to."),
        (_meter("oven", state="waiting", time_ms=None), QUIET, "One meter has not been asked yet."),
        (_meter("pv", state="absent", reason="no_answer", time_ms=NOW_MS - MINUTE_MS), BAD, "Meter pv has not answered for 1 min"),
        (
            _meter("oven", state="absent", reason="exception_2", time_ms=None),
            BAD,
            "Meter oven has never answered since the start 3 d 4 h ago: refused",
        ),
        (lambda status: replace(status, meters=()), QUIET, "No meter is set up yet."),
        (lambda status: replace(status, meters=(meter("gas", line="", state="imported"),)), GOOD, "All meters are fed by files"),
        (
            lambda status: replace(status, lines=(line(cycle_ms=12_400.0),)),
            WARN,
            "Line rs485-1 needs 12.4 s for a round that should take 10 s.",
        ),
    ],
)
def test_each_trouble_has_its_sentence(viewer: Viewer, change: Change, severity: str, beginning: str) -> None:
    """Every state of every part is said in words, and as loud as it is bad."""
    found = verdict(change(healthy_status()), viewer)

    assert (found.severity, found.headline[: len(beginning)]) == (severity, beginning)


@pytest.mark.parametrize(
    ("name", "reason", "remedy"),
    [
        ("oven", "no_answer", "Check its supply and its A/B wires."),
        ("pv", "no_answer", "Check its supply and its network cable."),
        ("oven", "line_noise", "Check termination, shield and bias of the line."),
        ("oven", "wrong_answer", "Check that no two meters share its address."),
        ("oven", "exception_2", "It refuses what it is asked: check the model in the site file."),
        ("oven", "quite_new", "See the bus log for what it said."),
    ],
)
def test_the_remedy_fits_reason_and_wire(viewer: Viewer, name: str, reason: str, remedy: str) -> None:
    """A network meter has no A/B wires."""
    status = with_meter(healthy_status(), name, state="absent", reason=reason, time_ms=NOW_MS - HOUR_MS)

    assert verdict(status, viewer).headline.endswith(remedy)


@pytest.mark.parametrize(
    ("state", "beginning"),
    [("closed", "Line rs485-1 is closed: /dev/serial/by-id/usb-FTDI"), ("busy", "Line rs485-1 is taken: another program")],
)
def test_a_closed_line_is_said_once(viewer: Viewer, state: str, beginning: str) -> None:
    """Eight silent meters behind one unplugged adapter are one trouble."""
    status = replace(healthy_status(), lines=(line(state=state), line("office-lan", kind="tcp")))
    silent = tuple(replace(each, state="absent") if each.line == "rs485-1" else each for each in status.meters)

    found = verdict(replace(status, meters=silent), viewer)

    assert found.headline.startswith(beginning)
    assert (found.others, found.more) == ((), 0)


def test_a_line_on_which_nobody_answers_is_the_suspect(viewer: Viewer) -> None:
    """All meters of an open line silent at once: not eight supplies, one wire."""
    silent = tuple(replace(each, state="absent") if each.line == "rs485-1" else each for each in healthy_status().meters)

    found = verdict(replace(healthy_status(), meters=silent), viewer)

    assert (
        found.headline == "No meter on line rs485-1 answers. Check the adapter /dev/serial/by-id/usb-FTDI and the A/B wires that leave it."
    )
    assert found.others == ()


def test_the_grid_meter_is_named_first_and_the_rest_is_counted(viewer: Viewer) -> None:
    """Of many silent meters the one that the site's energy hangs on leads; beyond five they are counted."""
    meters = [meter(f"m{index}", state="absent", reason="no_answer") for index in range(7)]
    status = replace(healthy_status(), meters=(*meters, meter("grid", "import", state="absent", reason="no_answer"), meter("alive")))

    found = verdict(status, viewer)

    assert found.headline.startswith("Meter grid")
    assert (len(found.others), found.more) == (SHOWN_MAX - 1, 3)


def test_clock_without_problem_states_needs_no_words(viewer: Viewer) -> None:
    """A hub that is not set up is no trouble."""
    status = _of("outbox", hub="none")(replace(healthy_status(), clock=ClockStatus("synchronised", "")))

    assert verdict(status, viewer).severity == GOOD
