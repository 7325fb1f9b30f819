"""The accuracy table: its points are those of the standards, its figures are measured, and the page in the docs is current."""

import json
from pathlib import Path

import pytest

from tools import accuracy
from tools.accuracy import Result, as_json, document, main, run
from tools.accuracy_points import CLASS_05S, CLASS_1, Point, Signal, points

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "accuracy.md"
# The smallest current, the steepest angle, and the coarsest converter of each class.
CHOSEN = tuple(point for point in points() if point.signal.current == 0.01 or point.signal.bits == 12 or point.signal.lag > 70)


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return list(run(CHOSEN))


def test_the_page_holds_every_point_with_its_limit() -> None:
    """A new point without a new page is noticed."""
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and not line.startswith("| test")]

    expected = [
        (point.group, f"{point.signal.current:g} {point.meter_class.current_name}", f"{point.limit_percent:.1f}") for point in points()
    ]
    assert [(cells[1], cells[2], cells[4]) for row in rows if (cells := [cell.strip() for cell in row.split("|")])] == expected


def test_figures_of_the_page_are_those_measured_now(results: list[Result]) -> None:
    """The run is seeded, so a row measured again is the same to the last digit."""
    page = PAGE.read_text(encoding="utf-8").splitlines()

    rows = [line for line in document(results).splitlines() if line.startswith("| ") and not line.startswith("| test")]
    assert len(rows) == len(CHOSEN) >= 5
    assert [row for row in rows if row not in page] == []


def test_the_sampled_path_keeps_a_third_of_every_limit_tried_here(results: list[Result]) -> None:
    """The whole table takes half a minute; the command judges it."""
    assert all(result.holds for result in results)


def test_a_point_with_too_little_margin_does_not_hold() -> None:
    """Inside the limit is not enough."""
    point = Point(CLASS_1, "made up", Signal(1), 0.3)

    assert [Result(point, error, None).holds for error in (0.19, -0.19, 0.21, -0.21, 0.4)] == [True, True, False, False, False]


def test_the_command_ends_with_1_when_a_point_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A converter of 5 bits is no meter; the JSON says so, too."""
    monkeypatch.setattr(accuracy, "points", lambda: (Point(CLASS_05S, "5 bits", Signal(0.05, bits=5), 0.5, i2s_only=True),))

    status = main(["--json"])

    answer = json.loads(capsys.readouterr().out)
    assert (status, answer["holds"], answer["status"]) == (1, False, "pre-compliance")
    assert abs(answer["points"][0]["error_percent"]) > 0.5


def test_the_table_says_no_more_than_pre_compliance() -> None:
    """And what was not part of it."""
    head = document([]).partition("## ")[0]

    assert "pre-compliance" in head
    assert "certifies nothing" in head


def test_json_has_one_entry_per_point() -> None:
    """With limit, error and margin."""
    point = Point(CLASS_1, "made up", Signal(1), 1.0)

    entry = json.loads(as_json([Result(point, 0.25, None)]))["points"][0]

    assert (entry["limit_percent"], entry["error_percent"], entry["margin_percent"], entry["onchip_percent"]) == (1.0, 0.25, 0.75, None)
