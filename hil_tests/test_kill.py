"""`kill -9` at random moments; `python -m tools.bench.kill_gateway` does the same fifty times."""

from pathlib import Path

import pytest

from hil_tests.bench import Bench, VirtualBench, cannot
from tools.bench import kill_gateway

KILLS, SEED = 5, 1


def test_a_killed_gateway_loses_nothing_it_had_committed(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After every kill all committed records are there, once; the hub has them, and the books balance."""
    if not isinstance(bench, VirtualBench):
        cannot("a line that is asked as fast as it can be belongs to the virtual factory")
    found = kill_gateway.run(tmp_path, KILLS, SEED)
    with capsys.disabled():
        print(f"\nkill -9: {found['survived']} of {found['kills']} survived, {found['loss_ms_max']} ms lost at most")  # noqa: T201 - the share is what one runs it for

    assert found["faults"] == []
    assert found["survived"] == KILLS
    assert found["acknowledged"] > 0
    assert found["imports_answered"] > 0
    assert found["loss_ms_max"] <= kill_gateway.LOSS_MS_MAX
