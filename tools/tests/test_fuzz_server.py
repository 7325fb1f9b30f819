"""A hundredth of the fuzzing of the submeter's server; all of it is `python -m tools.bench.fuzz_server`."""

from random import Random

import pytest

from tools.bench.fuzz_server import FRAMES, Fuzz, fuzz

SHARE = 100


def test_no_fuzzed_frame_gets_a_wrong_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """Every answer and every silence is the one the second implementation gives, for every kind of frame."""
    frames = FRAMES // SHARE
    result = fuzz(frames, seed=2)
    with capsys.disabled():
        print(f"\nfuzzed {frames} of {FRAMES} frames (1/{SHARE}), {result['answers']} answered")

    assert result["wrong"] == []
    assert (result["frames"], result["lost"]) == (frames, 0)
    assert min(result["kinds"].values()) > frames // 100
    assert result["answers"] - result["exceptions"] > frames // 10


def test_a_server_that_answers_others_is_found() -> None:
    """The judge is not blind: a server with another address than it should have is wrong at once."""
    machine = Fuzz(Random(1))
    machine.server.unit = 8
    for _ in machine.run(300):
        pass

    assert machine.wrong
