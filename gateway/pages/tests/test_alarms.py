"""Alarms in the verdict and as rows: loud until somebody has them silent, in the words of the viewer."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.pages.alarm_rows import alarm_rows
from gateway.pages.problems import BAD, GOOD, WARN, verdict
from gateway.pages.tests.fakes import MINUTE_MS, NOW_MS, FakeAlarm, healthy_status, line, with_meter
from gateway.pages.viewer import Viewer
from gateway.status import ClockStatus

SAID = "press-3 carries 171.3 A on L2; it is made for 160.0 A. Reduce the load, or check the rating in the site file."


def test_alarm_is_as_loud_as_it_is_bad(viewer: Viewer) -> None:
    """Urgent is red, a warning amber; the sentence comes with its remedy."""
    urgent = verdict(healthy_status(), viewer, [FakeAlarm()])
    warning = verdict(healthy_status(), viewer, [FakeAlarm(severity="warning")])

    assert (urgent.severity, urgent.headline) == (BAD, SAID)
    assert (warning.severity, warning.headline) == (WARN, SAID)


def test_silenced_alarm_is_no_headline(viewer: Viewer) -> None:
    """It is still said; when the silence is over it speaks again."""
    silent = FakeAlarm(silent_until_ms=NOW_MS + MINUTE_MS)
    found = verdict(healthy_status(), viewer, [silent])

    assert (found.severity, [problem.text for problem in found.others]) == (GOOD, [SAID])
    assert verdict(healthy_status(), replace(viewer, now_ms=NOW_MS + 2 * MINUTE_MS), [silent]).severity == BAD


def test_meter_is_missed_before_it_is_given_up(viewer: Viewer) -> None:
    """The alarm comes with the first missed answers, the state "silent" only after five: until then the alarm makes the headline."""
    status = with_meter(healthy_status(), "oven", reason="no_answer", time_ms=NOW_MS - 16_000)
    alarm = FakeAlarm("meter_absent", "oven", evidence={"reason": "no_answer"})

    found = verdict(status, viewer, [alarm])

    assert found.headline == "Meter oven has not answered for 16 s: nothing heard. Check its supply and its A/B wires."


@pytest.mark.parametrize(
    ("alarm", "changes"),
    [
        (FakeAlarm("meter_absent", "oven", evidence={"reason": "no_answer"}), {"lines": (line(state="closed"),)}),
        (FakeAlarm("clock_untrusted", "", evidence={}), {"clock": ClockStatus("unset", "")}),
        (
            FakeAlarm("sync_lag", "", evidence={"minutes": "40", "records": "9"}),
            {"outbox": replace(healthy_status().outbox, hub="unreachable")},
        ),
        (FakeAlarm("store_near_full", "", evidence={"free": "100"}), {"store": replace(healthy_status().store, state="full")}),
    ],
)
def test_what_the_status_says_itself_is_not_said_twice(viewer: Viewer, alarm: FakeAlarm, changes: dict[str, Any]) -> None:
    """It knows the cause better; where it says nothing of it, the alarm does."""
    ailing = replace(healthy_status(), **changes)

    assert verdict(ailing, viewer, [alarm]) == verdict(ailing, viewer)
    assert verdict(healthy_status(), viewer, [alarm]).severity == BAD


def test_row_says_who_has_seen_it(viewer: Viewer, chinese: Viewer) -> None:
    """Since when, by whom, how long it is silent; the reason in words, in both languages."""
    alarm = FakeAlarm("meter_absent", "oven", evidence={"reason": "no_answer"}, noted_by="Li Wei", silent_until_ms=NOW_MS + 60 * MINUTE_MS)
    (row,), (same,) = alarm_rows([alarm], viewer), alarm_rows([alarm], chinese)

    assert (row.sentence, row.since, row.noted, row.silent) == (
        "oven does not answer (nothing heard).",
        "since 11:21 (25 min)",
        "seen by Li Wei",
        "silent until 12:46",
    )
    assert "没有收到任何数据" in same.sentence
