"""The journal's proof in small and the load profile, without a test runner: `test_journal_crashes` runs it on both interpreters."""

import io
import random
import sys

sys.path.insert(0, ".")

from firmware.load_profile import BLOCKS_MIN, NOT_RECORDED, LoadProfile, ProfileRecord
from tools.bench.journal_lives import Harm, Lives
from tools.bench.journal_trial import Trial
from tools.board.flash import SimulatedFlash, make_blank

RECORDS, LIVES, HARMS = 120, 15, 10


def check_journal() -> None:
    trial = Trial(random)  # type: ignore[arg-type]  # MicroPython's random is a module with these functions
    trial.run(RECORDS)
    lives = Lives(random)  # type: ignore[arg-type]  # as above
    lives.run(LIVES)
    harm = Harm(random)  # type: ignore[arg-type]  # as above
    harm.run(HARMS)
    assert not trial.faults + lives.faults + harm.faults, trial.faults + lives.faults + harm.faults
    assert trial.cuts > RECORDS
    assert lives.cuts
    assert harm.announced


def check_profile() -> None:
    store = io.BytesIO()
    make_blank(store, BLOCKS_MIN)
    flash = SimulatedFlash(store, BLOCKS_MIN, random)  # type: ignore[arg-type]  # as above
    profile = LoadProfile(flash, 0, BLOCKS_MIN)
    kept = ProfileRecord(1_990_000, 7, 100, [2**40 - 1, 2**40, 2**62, 0])
    profile.put(kept)
    profile.service(lambda: True)
    again = LoadProfile(flash, 0, BLOCKS_MIN)
    assert list(again.records(1_990_000, 1_990_002)) == [(1_990_000, kept), (1_990_001, NOT_RECORDED)]


random.seed(1)
check_journal()
check_profile()
print("all good")  # noqa: T201 - what the test waits for
