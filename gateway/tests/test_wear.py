"""What was written to the card, as the kernel counts it."""

from pathlib import Path

from gateway.wear import Wear


def test_wear_counts_from_its_start(tmp_path: Path) -> None:
    """What was written before does not count; the disk's size stands beside it."""
    counted = tmp_path / "io"
    counted.write_text("rchar: 1\nwrite_bytes: 4096\ncancelled_write_bytes: 7\n")
    wear = Wear(tmp_path, 5, counted)
    counted.write_text("rchar: 1\nwrite_bytes: 12288\ncancelled_write_bytes: 7\n")

    found = wear.status()

    assert found is not None
    assert (found.written_bytes, found.since_ms, found.disk_bytes > 0) == (8192, 5, True)


def test_system_that_does_not_count_says_nothing(tmp_path: Path) -> None:
    """No number is better than a made-up one."""
    assert Wear(tmp_path, 0, tmp_path / "missing").status() is None
