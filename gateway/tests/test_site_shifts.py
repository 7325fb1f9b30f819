"""Which shifts of a site file overlap, and which versions replace one another."""

from pathlib import Path
from typing import Any

import pytest

from gateway.tests.test_site import LEAST
from gateway.tests.test_site_check import mistakes

METERS = "".join(f'[[meter]]\nname = "m-{line}"\nrole = "load"\nproduction_line = "{line}"\n' for line in "xy")


def shift(name: str, start: str, end: str, **keys: Any) -> str:
    rows = [f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for key, value in keys.items()]
    return f'[[shift]]\nname = "{name}"\nstart = "{start}"\nend = "{end}"\n' + "".join(row + "\n" for row in rows)


@pytest.mark.parametrize(
    ("shifts", "overlap"),
    [
        ([("a", "06:00", "14:00"), ("b", "14:00", "22:00"), ("c", "22:00", "06:00")], False),
        ([("a", "06:00", "14:00"), ("b", "13:59", "22:00")], True),
        ([("a", "22:00", "06:00"), ("b", "05:00", "13:00")], True),
        ([("a", "00:00", "00:00"), ("b", "12:00", "12:01")], True),
        ([("a", "12:00", "00:00"), ("b", "00:00", "12:00")], False),
    ],
)
def test_shifts_may_touch_but_not_overlap(tmp_path: Path, shifts: list[tuple[str, str, str]], overlap: bool) -> None:
    """Across midnight too; "00:00" as an end is the end of the day."""
    found = mistakes(tmp_path, LEAST + "".join(shift(*each) for each in shifts))

    assert bool(found) == overlap
    assert all(mistake.key == "start" and "set handover = true" in mistake.sentence for mistake in found)


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        (["sun"], ["mon"], True),  # Sunday's night shift ends on Monday morning
        (["sat"], ["mon"], False),
        (["mon"], ["mon"], False),
        (["mon"], ["tue"], True),
    ],
)
def test_overlaps_go_by_the_days_and_round_the_end_of_the_week(tmp_path: Path, first: list[str], second: list[str], overlap: bool) -> None:
    """A night from 22 to 6, a morning from 5 to 13."""
    text = LEAST + shift("night", "22:00", "06:00", days=first) + shift("morning", "05:00", "13:00", days=second)

    assert bool(mistakes(tmp_path, text)) == overlap


@pytest.mark.parametrize("who", [0, 1])
def test_a_handover_may_overlap(tmp_path: Path, who: int) -> None:
    """Either of the two may say so."""
    keys: list[dict[str, Any]] = [{}, {}]
    keys[who] = {"handover": True}
    text = LEAST + shift("a", "06:00", "14:30", **keys[0]) + shift("b", "14:00", "22:00", **keys[1])

    assert mistakes(tmp_path, text) == []


def test_shifts_of_different_production_lines_have_nothing_to_do_with_each_other(tmp_path: Path) -> None:
    """Nor with those of the whole site."""
    text = (
        LEAST
        + METERS
        + shift("a", "06:00", "14:00")
        + shift("b", "06:00", "14:00", production_line="x")
        + shift("c", "06:00", "14:00", production_line="y")
    )

    assert mistakes(tmp_path, text) == []


OLD = shift("early", "06:00", "14:00") + shift("late", "14:00", "22:00")


def test_versions_of_a_shift_replace_one_another(tmp_path: Path) -> None:
    """From March on both last an hour longer: the new early shift overlaps only the old late one, which is no longer in force."""
    new = shift("early", "06:00", "15:00", valid_from="2026-03-01") + shift("late", "15:00", "23:00", valid_from="2026-03-01")

    assert mistakes(tmp_path, LEAST + OLD + new) == []


def test_a_new_version_must_fit_what_is_still_in_force(tmp_path: Path) -> None:
    """The early shift grows alone: from March on it overlaps the late one."""
    (found,) = mistakes(tmp_path, LEAST + OLD + shift("early", "06:00", "15:00", valid_from="2026-03-01"))

    assert (found.table, found.key) == ("[[shift]] 3 (early)", "start")


def test_two_versions_from_the_same_day_are_one_too_many(tmp_path: Path) -> None:
    """Which of them would hold?"""
    text = LEAST + "".join(shift("early", "06:00", end, valid_from="2026-03-01") for end in ("14:00", "15:00"))

    assert [mistake.key for mistake in mistakes(tmp_path, text)] == ["name"]
