"""The independent recomputation of an import's conservation."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.carbon.inputs import CounterReading
from gateway.carbon.tests.builders import documents
from gateway.carbon.tests.evidenced import DECLARED, inputs, readings
from protocols.amount import outside
from protocols.quantity import QUANTITIES
from protocols.reading import iso
from tools import recompute_import
from tools.recompute_import import first_broken

SCRIPT = Path(recompute_import.__file__)
Row = dict[str, str]


def rows() -> list[Row]:
    return [row(*key, reading) for key, series in readings().items() for reading in series]


def row(meter: str, quantity: str, reading: CounterReading) -> Row:
    value = outside(quantity, reading.value or 0)
    return {"time": iso(reading.time_ms), "meter": meter, "quantity": quantity, "value": value, "unit": QUANTITIES[quantity].unit}


@pytest.fixture(scope="module")
def shifts() -> dict[str, Any]:
    return {"figures": documents(inputs(), readings(), DECLARED)}


def test_c7_the_figures_and_adjustments_of_an_eventful_import_are_what_its_rows_moved(shifts: dict[str, Any]) -> None:
    """In any order, more than once, in other units and with rows that are no readings."""
    given = rows()
    scaled = {**given[0], "value": str(int(given[0]["value"].replace(".", ""))), "unit": "Wh"}
    scaled["value"] = str(int(scaled["value"]) // 1000)
    nothing = [{**given[5], "value": "NaN"}, {**given[5], "value": "7", "reason": "no_answer"}, {**given[5], "value": "-1"}]

    assert first_broken([*reversed(given), *given[:3], scaled, *nothing], shifts) is None


def test_c7_a_lost_last_row_is_found_out(shifts: dict[str, Any]) -> None:
    """With the counter and both sums."""
    assert str(first_broken(rows()[:-1], shifts)).startswith("gas volume: the rows moved by 60")


def test_c7_an_instant_for_which_two_values_are_claimed_is_not_used(shifts: dict[str, Any]) -> None:
    """The figures were made from the value, the rows dispute it: the sums differ."""
    given = rows()

    assert str(first_broken([*given, {**given[-1], "value": "1.000"}], shifts)).startswith("gas volume")


def test_c7_a_forged_figure_is_found_out(shifts: dict[str, Any]) -> None:
    """One millionth of a kilowatt-hour is enough."""
    forged = json.loads(json.dumps(shifts))
    entry = forged["figures"][1]["meters"][0]
    entry["amount"] = entry["amount"][:-1] + str((int(entry["amount"][-1]) + 1) % 10)

    assert str(first_broken(rows(), forged)).startswith("main active_energy_import")


def test_c7_a_counter_without_figures_is_found_out(shifts: dict[str, Any]) -> None:
    """Rows that no figure knows are lost energy."""
    stray = row("stray", "volume", CounterReading(0, 5))

    assert first_broken([*rows(), stray], shifts) == "stray volume: the file has rows of it, but no figure has the counter"


def test_c7_only_the_newest_version_of_a_figure_counts(shifts: dict[str, Any]) -> None:
    """A restated figure replaces the one before."""
    older = {**shifts["figures"][0], "version": 0, "meters": []}

    assert first_broken(rows(), {"figures": [*shifts["figures"], older]}) is None


def test_c7_the_script_runs_alone_and_says_what_holds(shifts: dict[str, Any], tmp_path: Path) -> None:
    """From a file with a byte-order mark, as spreadsheets write it."""
    table, document = tmp_path / "readings.csv", tmp_path / "shifts.json"
    text = "time,meter,quantity,value,unit\n" + "".join(",".join(each.values()) + "\n" for each in rows())
    table.write_text(text, encoding="utf-8-sig")
    document.write_text(json.dumps(shifts), encoding="utf-8")

    done = subprocess.run([sys.executable, "-I", "-S", SCRIPT, table, document], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "6 counters: nothing lost and nothing counted twice\n", "")


def test_files_that_cannot_be_read_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, no traceback."""
    missing = str(tmp_path / "none")

    assert [recompute_import.main(words) for words in ([], [missing, missing])] == [2, 2]
    assert "cannot be read as an import and its figures" in capsys.readouterr().err
