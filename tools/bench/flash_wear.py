"""How fast the counter journal and the load profile wear the flash out: `python -m tools.bench.flash_wear`, one JSON line.

Arithmetic only; the rows of docs/explanation/counters-that-survive.md are these, and a test compares them.
"""

import json
import sys
from typing import NamedTuple

from firmware.counter_journal import ONE_SECOND, TEN_SECONDS, JournalPlan
from firmware.counter_records import GROUP, PAIR
from firmware.flash_sectors import BLOCK_BYTES, SLOTS
from firmware.load_profile import BLOCKS, QUARTER_S

ERASES_PER_BLOCK = 100_000  # what the makers of the usual SPI NOR flash promise
COUNTERS = 16
DAY_S = 86_400
DAYS_PER_YEAR = 365
# Groups that change between two saves: import, active and reactive, is the usual load; four is every direction at once.
GROUPS = (1, 2, 4)


class Wear(NamedTuple):
    """Tenths, so that all is whole numbers."""

    name: str
    kib: int
    erases_per_day_tenths: int
    seconds_between_erases: int
    years_tenths: int

    def row(self) -> str:
        """As it stands in the docs."""
        return " | ".join(
            (
                f"| {self.name}",
                f"{self.kib} KiB",
                f"{self.erases_per_day_tenths / 10:.1f}",
                f"{self.seconds_between_erases / 60:.1f} min",
                f"{self.years_tenths / 10:.1f} |",
            )
        )


def journal_wear(plan: JournalPlan, groups: int) -> Wear:
    """A sector holds its title, all counters once in full, and what fits of whole saves."""
    saves_per_sector = (SLOTS - 1 - COUNTERS // PAIR) // groups
    name = f"journal, {plan.loss_bound_ms // 1000} s, {groups} of {COUNTERS // GROUP} groups changing"
    return _wear(name, plan.blocks, saves_per_sector * plan.save_every_ms)


def profile_wear() -> Wear:
    return _wear("load profile", BLOCKS, (SLOTS - 1) * QUARTER_S * 1000)


def _wear(name: str, blocks: int, erase_every_ms: int) -> Wear:
    return Wear(
        name=name,
        kib=blocks * BLOCK_BYTES // 1024,
        erases_per_day_tenths=DAY_S * 10_000 // erase_every_ms,
        seconds_between_erases=erase_every_ms // 1000,
        years_tenths=ERASES_PER_BLOCK * blocks * erase_every_ms // (DAY_S * DAYS_PER_YEAR * 100),
    )


def rows() -> list[Wear]:
    return [*(journal_wear(plan, groups) for plan in (TEN_SECONDS, ONE_SECOND) for groups in GROUPS), profile_wear()]


def main() -> int:
    print(json.dumps([wear._asdict() for wear in rows()]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
