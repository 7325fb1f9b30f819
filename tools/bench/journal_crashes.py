"""The power goes at every program and erase step of the counter journal: nothing falls, is lost beyond the bound or invented.

`python -m tools.bench.journal_crashes [--records 100000] [--lives 3000] [--harms 3000] [--seed 1] [--one-second]`. At every step of
so many records the flash is torn, in half of the cases a bit of other records flips as well, and a second journal starts
from it; then one meter lives through so many cuts, resets and worn cells; then records are harmed more than is promised.
One JSON line says what came of it; the status is 1 if a promise was broken.
"""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.progress import Progress

from firmware.counter_journal import ONE_SECOND, TEN_SECONDS, JournalPlan
from tools.bench.journal_lives import Harm, Lives
from tools.bench.journal_trial import BLOCKS, Trial

# Two flips that both fall on ones of the check word make a whole record look unfinished: two bits of 256 do so in one
# of about 250 cases, more bits hardly ever. What is more than that is a mistake of the journal.
UNANNOUNCED_SHARE_MAX = 0.005
FAULTS_SHOWN = 20


def run(
    records: int, lives: int, harms: int, seed: int, plan: JournalPlan = TEN_SECONDS, progress: Callable[[int], object] = lambda _done: None
) -> dict[str, Any]:
    """The figures and the faults; `progress` hears records, then lives and harms beyond them."""
    trial = Trial(Random(seed), plan)
    trial.run(records, progress)
    lived = Lives(Random(seed + 1))
    for life in range(lives):
        lived.run(1)
        progress(records + life + 1)
    harm = Harm(Random(seed + 2))
    for harmed in range(harms):
        harm.run(1)
        progress(records + lives + harmed + 1)
    faults = trial.faults + lived.faults + harm.faults
    if harm.unannounced > harms * UNANNOUNCED_SHARE_MAX:
        faults.append(f"{harm.unannounced} of {harms} harmed records made a total fall without a new epoch")
    return {
        "seed": seed,
        "records": trial.records,
        "cuts": trial.cuts,
        "cuts_during_restart": trial.nested,
        "bits_flipped": trial.flips,
        "times_round_the_ring": trial.journal.erases // BLOCKS,
        "loss_ms_max": trial.loss_ms_max,
        "loss_ms_bound": plan.loss_bound_ms,
        "lives": {"power_cuts": lived.cuts, "watchdog_resets": lived.resets, "records_rejected": lived.rejected},
        "harmed": {"records": harm.harmed, "new_epoch": harm.announced, "fell_unannounced": harm.unannounced},
        "faults": len(faults),
        "first_faults": faults[:FAULTS_SHOWN],
    }


def main() -> int:
    parser = ArgumentParser(prog="python -m tools.bench.journal_crashes", description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--lives", type=int, default=3_000)
    parser.add_argument("--harms", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--one-second", action="store_true", help="the large ring with its bound of one second")
    wishes = parser.parse_args()
    console = Console(stderr=True)
    plan = ONE_SECOND if wishes.one_second else TEN_SECONDS
    began = perf_counter()
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("power cuts", total=wishes.records + wishes.lives + wishes.harms)
        found = run(wishes.records, wishes.lives, wishes.harms, wishes.seed, plan, lambda done: bar.update(task, completed=done))
    print(json.dumps({"date": f"{datetime.now(UTC):%Y-%m-%d}", **found, "seconds": round(perf_counter() - began)}))
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
