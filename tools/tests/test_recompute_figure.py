"""The independent recomputation of figures, against figures on which everything happened and against forged ones."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from gateway.carbon import CounterReading
from gateway.carbon.evidence import evidence
from gateway.carbon.tests.builders import KWH, documents, ms, site
from gateway.carbon.tests.builders import counter as spec_of
from gateway.carbon.tests.evidenced import exports
from tools import recompute_figure
from tools.recompute_figure import NOT_HASHED, DoesNotHoldError, check_figure, digest

Document = dict[str, Any]
SCRIPT = Path(recompute_figure.__file__)


@pytest.fixture(scope="module")
def originals() -> list[Document]:
    return exports()


def counter(export: Document, meter: str) -> Document:
    found: Document = next(each for each in export["counters"] if each["meter"] == meter)
    return found


def entry(export: Document, meter: str) -> Document:
    found: Document = next(each for each in export["figure"]["meters"] if each["meter"] == meter)
    return found


def rehashed(export: Document) -> Document:
    """A forger who knows how to hash."""
    figure = export["figure"]
    figure["sha256"] = digest({key: value for key, value in figure.items() if key not in NOT_HASHED})
    return export


def test_c7_every_figure_of_an_eventful_site_holds(originals: list[Document]) -> None:
    """Rollover, swap, spike, reset, gap, fuel, export, hourly factors, a certificate; every boundary straddled."""
    kinds = {event["kind"] for each in originals for meter in each["figure"]["meters"] for event in meter["events"]}
    lines = {line["line"] for each in originals for line in each["figure"]["carbon"]["lines"]}

    sentences = [check_figure(each) for each in originals]

    assert kinds >= {"rollover", "swap", "transient", "reset", "gap"}
    assert lines >= {"scope1", "scope2_location", "scope2_market", "export"}
    assert len(sentences) == len(originals) >= 4


def test_c7_the_script_runs_without_anything_of_ours(originals: list[Document], tmp_path: Path) -> None:
    """Isolated: no package of this project and none that is installed can be imported."""
    file = tmp_path / "evidence.json"
    file.write_text(json.dumps(originals[0]), encoding="utf-8")

    done = subprocess.run([sys.executable, "-I", "-S", SCRIPT, file], capture_output=True, text=True, cwd=tmp_path, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert "all holds" in done.stdout


def raise_amount(export: Document) -> None:
    entry(export, "main")["amount"] = "999.000000"


def move_to_estimated(export: Document) -> None:
    main = entry(export, "main")
    main["measured"], main["estimated"] = main["estimated"], main["measured"]


def raise_reading(export: Document) -> None:
    counter(export, "gas")["readings"][4]["value"] = "90.000"


def drop_reading(export: Document) -> None:
    del counter(export, "gas")["readings"][4]


def raise_advance(export: Document) -> None:
    counter(export, "gas")["pairs"][4]["advance"] = "5.000"


def drop_pair(export: Document) -> None:
    del counter(export, "gas")["pairs"][4]


def change_swap(export: Document) -> None:
    counter(export, "hall")["breaks"][0]["old_final"] = "96.000000"


def skew_weights(export: Document) -> None:
    counter(export, "gas")["divisions"][0]["weights"].reverse()


def hide_event(export: Document) -> None:
    main = entry(export, "main")
    main["events"] = [event for event in main["events"] if event["kind"] != "rollover"]


def change_adjustment(export: Document) -> None:
    entry(export, "main")["adjustment"] = "0.000000"


def hide_missing(export: Document) -> None:
    entry(export, "main")["missing_s"] += 1


def change_load(export: Document) -> None:
    export["figure"]["balance"]["load_kwh"] = "1.000000"


def change_factor(export: Document) -> None:
    export["factors"][0]["row"]["value"] = "0.1"


def change_kg(export: Document) -> None:
    line = export["figure"]["carbon"]["lines"][0]
    line["kg"] = line["kg"] + "1"


def drop_line(export: Document) -> None:
    del export["figure"]["carbon"]["lines"][0]


def change_sum(export: Document) -> None:
    export["figure"]["carbon"]["scope1_kg"] = "0.1"


@pytest.mark.parametrize(
    ("forge", "sentence"),
    [
        (raise_amount, "main active_energy_import: amount is 999.000000, recomputed"),
        (move_to_estimated, "main active_energy_import: measured is"),
        (raise_reading, "gas volume: from .* does not follow"),
        (drop_reading, "an accepted reading is not among the readings"),
        (raise_advance, "the advance 5.000 does not follow"),
        (drop_pair, "gas volume: the accepted readings have a hole"),
        (change_swap, "hall active_energy_import: from .* does not follow"),
        (skew_weights, "gas volume: a linear division is not linear"),
        (hide_event, "an event of this time is not in the figure"),
        (change_adjustment, "the adjustment is not the sum of its events"),
        (hide_missing, "missing_s is"),
        (change_load, "the load is not import"),
        (change_factor, "its sha256 is not that of its row"),
        (change_kg, "kg, recomputed"),
        (drop_line, "_kg is .*, its lines sum to"),
        (change_sum, "scope1_kg is 0.1"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_c7_a_forged_figure_is_found_out_though_its_hash_is_right(
    forge: Callable[[Document], None], sentence: str, originals: list[Document]
) -> None:
    """The first thing that does not hold is named with its counter."""
    forged = copy.deepcopy(originals[1])
    forge(forged)

    with pytest.raises(DoesNotHoldError, match=sentence):
        check_figure(rehashed(forged))


def test_c30_a_change_of_the_figure_breaks_its_hash(originals: list[Document], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 1 and one sentence."""
    forged = copy.deepcopy(originals[0])
    forged["figure"]["complete"] = not forged["figure"]["complete"]
    file = tmp_path / "evidence.json"
    file.write_text(json.dumps(forged), encoding="utf-8")

    status = recompute_figure.main([str(file)])

    assert (status, capsys.readouterr().out) == (1, "does not hold: the figure's sha256 is not that of its contents\n")


def test_a_file_that_is_no_evidence_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, no traceback."""
    file = tmp_path / "evidence.json"
    file.write_text("{}", encoding="utf-8")

    statuses = [recompute_figure.main(words) for words in ([str(file)], [str(tmp_path / "none.json")], [])]

    assert statuses == [2, 2, 2]
    assert "cannot be read as the evidence of a figure" in capsys.readouterr().err


STEPS = some.lists(some.tuples(some.integers(1, 90), some.integers(-60, 60)), min_size=2, max_size=40)


@settings(deadline=None, max_examples=150)
@given(steps=STEPS, modulus=some.sampled_from([None, 100]), rated=some.booleans(), at_change=some.booleans())
def test_c7_whatever_a_counter_did_its_figures_are_recomputed(
    steps: list[tuple[int, int]], modulus: int | None, rated: bool, at_change: bool
) -> None:
    """Spikes, dips, rollovers, resets, pending counters and gaps in any order: a second opinion agrees on every figure."""
    when, value, series = ms("2026-03-02 05:30" if at_change else "2026-03-02 05:31"), 50, []
    for minutes, advance in steps:
        when, value = when + minutes * 60_000, abs(value + advance)
        series.append(CounterReading(when, value * KWH))
    spec = spec_of(modulus_thousandths=modulus and modulus * KWH, rating_thousandths_per_hour=60 * KWH if rated else None)
    given_site, readings = site(spec), {spec.key: series}

    for figure in documents(given_site, series):
        assert "all holds" in check_figure(json.loads(json.dumps(evidence(given_site, readings, (), figure))))
