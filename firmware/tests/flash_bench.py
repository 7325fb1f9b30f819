"""What the tests of everything that lies in flash share: a small device, a journal on it, permission given or not."""

import io
from random import Random

from firmware.counter_journal import CounterJournal, JournalPlan
from tools.bench.journal_trial import RtcMemory
from tools.board.flash import SimulatedFlash, make_blank

PLAN = JournalPlan(10_000, 8_000, 4)
BLOCKS = 6


def blank_store(blocks: int = BLOCKS) -> io.BytesIO:
    store = io.BytesIO()
    make_blank(store, blocks)
    return store


def new_flash(blocks: int = BLOCKS, seed: int = 1) -> SimulatedFlash:
    return SimulatedFlash(blank_store(blocks), blocks, Random(seed))


def start(
    flash: SimulatedFlash, memory: RtcMemory | None = None, plan: JournalPlan = PLAN, drawn: int = 99, counters: int = 16
) -> CounterJournal:
    return CounterJournal(flash, 0, plan, memory or RtcMemory(), lambda: drawn, counters)


def allowed() -> bool:
    return True


def forbidden() -> bool:
    return False
