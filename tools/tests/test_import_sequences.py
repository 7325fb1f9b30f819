"""Random counters through the real commands: a seeded share of what `tools.bench.import_sequences` runs."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tools.bench import import_sequences
from tools.bench.counter_sequence import Life, life
from tools.bench.import_sequences import COUNTERS_A_SITE, NotHeldError, check_site, check_truth, command
from tools.bench.year_of_figures import site_text, value_at
from tools.command import app

SHARE = f"{COUNTERS_A_SITE} of 2000 counters"


def test_c7_random_counters_conserve_their_energy_in_any_order(tmp_path: Path) -> None:
    """Raw last - raw first from the file alone, the true energy, and the same figures shuffled, split and doubled."""
    print(f"share of the whole proof: {SHARE}")

    assert check_site(7, tmp_path) > COUNTERS_A_SITE


def test_the_proof_can_fail() -> None:
    """A milliwatt-hour too many is seen; across a reset less is allowed, more never."""
    entry = {"meter": "m0", "amount": "1.000001"}
    shifts = {"figures": [{"meters": [entry]}]}

    for flowed, resets in ((1_000_000, 0), (1_000_000, 1), (1_000_002, 0)):
        with pytest.raises(NotHeldError):
            check_truth([Life([], [], flowed, resets, has_modulus=False)], shifts)
    check_truth([Life([], [], 1_000_002, 1, has_modulus=False)], shifts)


def test_a_seed_gives_the_same_life_again() -> None:
    """A failure is reported as its seed."""
    assert life(5, 0) == life(5, 0) != life(6, 0)
    assert import_sequences.NOT_COMPARED == ("version", "state", "known_at", "reasons")


def test_the_year_is_a_sound_site(tmp_path: Path) -> None:
    """The commands that look ahead take it: what is declared, which factors apply, which shifts will be."""
    site = tmp_path / "site.toml"
    site.write_text(site_text(3), encoding="utf-8")

    shown = json.loads(command(site, "shifts", "--preview", "--from", "2026-03-02", "--to", "2026-03-03", "--json"))
    factors = json.loads(command(site, "factors", "--at", "2026-03-02", "--json"))

    assert [each["shift"] for each in shown["shifts"]] == ["night", "early", "late", "night"]
    assert factors["factors"][0]["chosen"]["region"] == "CN-EAST"
    assert value_at(4, 0, 3) > value_at(4, 1, 3)


def test_a_time_that_ends_before_it_begins_is_refused(tmp_path: Path) -> None:
    """Not answered with "no figure", which would be taken for a fact."""
    site = tmp_path / "site.toml"
    site.write_text(site_text(2), encoding="utf-8")

    told = CliRunner().invoke(app, ["shifts", "--site", str(site), "--from", "2026-03-03", "--to", "2026-03-02"])

    assert told.exit_code == 2
    assert "--to 2026-03-02 must lie after --from 2026-03-03" in told.stderr


def test_declarations_by_command_are_listed_with_their_numbers(tmp_path: Path) -> None:
    """Declared before there is any reading, taken back, and told once more."""
    site = tmp_path / "site.toml"
    site.write_text(site_text(2), encoding="utf-8")
    swap = ("declare", "swap", "--meter", "m1", "--time", "2026-03-02T06:00:00Z", "--old-final", "5", "--new-start", "1")

    first = command(site, *swap)
    again = command(site, *swap)
    undone = json.loads(command(site, "declare", "undo", "d1", "--json"))
    listed = json.loads(command(site, "declare", "list", "--json"))["declarations"]

    assert first == "d1\n"
    assert "Declared before, word for word, as d1" in again
    assert undone == {"ids": ["d2"], "known": []}
    assert [(each["id"], each["holds"]) for each in listed] == [("d1", False), ("d2", True)]
    with pytest.raises(NotHeldError, match=r"ended with 2: there is no meter 'mm'"):
        command(site, *(word.replace("m1", "mm") for word in swap))
