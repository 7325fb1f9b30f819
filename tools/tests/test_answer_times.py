"""A part of the proof of the submeter's answer times; all of it is `python -m tools.bench.answer_times`."""

import pytest

from tools.bench import answer_times

HOURS = 0.03


def test_answers_come_between_the_silence_and_10_ms(capsys: pytest.CaptureFixture[str]) -> None:
    """Through windows, collections and saves; an answer that meets an erase within 120 ms."""
    found = answer_times.run(HOURS, 19_200, 6, 8, seed=2)
    with capsys.disabled():
        print(f"\n{HOURS} of {answer_times.HOURS} hours of answers, {found['requests']} requests")

    assert answer_times.faults(found) == []
    assert found["requests"] > 300


def test_a_chip_that_is_away_too_long_is_found() -> None:
    """With 60 ms for each window answers come late, and the proof says so."""
    found = answer_times.run(HOURS, 19_200, 60, 8, seed=2)

    assert answer_times.faults(found) == ["an answer that met no erase came later than 10 ms"]
