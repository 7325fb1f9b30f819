"""Which slot is started: the whole table of what a start can find, and the record that survives."""

from pathlib import Path

import pytest

from firmware import boot
from firmware.boot import BACK, FACTORY, FALLBACK, GOOD, LOST, TRIAL, Record, chosen


@pytest.mark.parametrize(
    ("found", "power_on", "started"),
    [
        (FACTORY, True, Record(0, GOOD, 1, 0, "-")),
        (Record(0, GOOD, 2, 0, "1.0.0"), False, Record(0, GOOD, 3, 0, "1.0.0")),
        (Record(0, GOOD, 3, 0, "1.0.0"), False, Record(1, FALLBACK, 1, 0, "1.0.0")),
        (Record(0, GOOD, 3, 0, "1.0.0"), True, Record(0, GOOD, 1, 0, "1.0.0")),
        (Record(1, TRIAL, 0, 0, "1.0.0"), False, Record(1, TRIAL, 1, 0, "1.0.0")),
        (Record(1, TRIAL, 2, 0, "1.0.0"), True, Record(1, TRIAL, 3, 0, "1.0.0")),
        (Record(1, TRIAL, 3, 0, "1.0.0"), True, Record(0, FALLBACK, 1, BACK, "1.0.0")),
        (Record(0, FALLBACK, 3, BACK, "1.0.0"), False, Record(0, LOST, 1, BACK, "1.0.0")),
        (Record(0, FALLBACK, 3, BACK, "1.0.0"), True, Record(0, FALLBACK, 1, BACK, "1.0.0")),
        (Record(0, LOST, 3, 0, "1.0.0"), False, Record(0, LOST, 1, 0, "1.0.0")),
        (Record(0, LOST, 1, 0, "1.0.0"), True, Record(0, GOOD, 1, 0, "1.0.0")),
    ],
)
def test_each_start_is_counted_and_the_third_failure_changes_what_starts(found: Record, power_on: bool, started: Record) -> None:
    """A trial gives way to the old version, a good one to the other slot, both to recovery; lost power accuses only a trial."""
    assert chosen(found, power_on=power_on) == started


def test_the_record_survives_and_a_damaged_one_is_the_factory_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written and read back; with any byte changed, or cut short, the factory's slot starts."""
    monkeypatch.chdir(tmp_path)
    none = boot.read()
    record = Record(1, TRIAL, 2, 0, "0.2.0")
    boot.write(record)
    kept = boot.read()
    text = Path("slot").read_bytes()
    damaged = []
    for at in range(len(text)):
        for wrong in (text[:at], text[:at] + bytes((text[at] ^ 1,)) + text[at + 1 :], text[:at] + b"\xff" + text[at + 1 :]):
            Path("slot").write_bytes(wrong)
            damaged.append(boot.read())

    assert (none, kept) == (FACTORY, record)
    assert set(damaged) == {FACTORY}
