"""What was learnt about a meter's registers outlives a restart, and is forgotten when it no longer holds."""

from pathlib import Path

import pytest

from gateway.buffer import series
from gateway.buffer.memory import FORGOTTEN_MS
from gateway.tests.works import HOUR_MS, KWH, ms, open_store, put, steady

NOW_MS = ms("2026-03-02 10:00")
HOLES = {"holes": [[3, 10, 11]], "alone": [], "refused": {}}


def test_what_was_learnt_outlives_a_restart(tmp_path: Path) -> None:
    """It is written with the next commit."""
    store = open_store(tmp_path)
    store.memory.keep("press", "file-1", HOLES)
    store.commit(NOW_MS)
    store.close()
    again = open_store(tmp_path)
    found = again.memory.recall("press", "file-1", NOW_MS + 1)
    again.close()

    assert found == HOLES


@pytest.mark.parametrize(
    ("meter", "fingerprint", "later_ms"),
    [("other", "file-1", 1), ("press", "file-2", 1), ("press", "file-1", FORGOTTEN_MS)],
    ids=["another meter", "another meter file", "too long ago"],
)
def test_what_no_longer_holds_is_forgotten(tmp_path: Path, meter: str, fingerprint: str, later_ms: int) -> None:
    """A meter file that says something else, another model, or thirty days."""
    store = open_store(tmp_path)
    store.memory.keep("press", "file-1", HOLES)
    store.commit(NOW_MS)
    found = store.memory.recall(meter, fingerprint, NOW_MS + later_ms)
    store.close()

    assert found is None


def test_gaps_are_stretches_without_a_counter_reading(tmp_path: Path) -> None:
    """The one up to now counts; a meter that was never read has none."""
    store = open_store(tmp_path)
    put(store, steady("press", "2026-03-02 06:00", "2026-03-02 07:00", KWH, 0), NOW_MS)
    put(store, steady("press", "2026-03-02 08:30", "2026-03-02 09:00", KWH, 20 * KWH), NOW_MS)
    found = [series.gaps(store.reader(), [name], "active_energy_import", 0, NOW_MS, HOUR_MS // 2) for name in ("press", "other")]
    store.close()

    assert found == [[(ms("2026-03-02 07:00"), ms("2026-03-02 08:30")), (ms("2026-03-02 09:00"), NOW_MS)], []]
