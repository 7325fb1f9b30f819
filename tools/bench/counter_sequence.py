"""Random life of one counter, seeded: what it measured in truth, what was read of it, and what a person would declare.

Trouble comes one at a time, with ordinary readings between, and never such that even a person could not tell what happened.
"""

from dataclasses import dataclass
from random import Random

MINUTE_MS = 60_000
STEP_MS = 15 * MINUTE_MS
RATING_MWH = 100 * 10**6  # 100 kW: 100 kWh an hour
STEP_MWH_MAX = RATING_MWH // 4
MODULUS_MWH = 5_000 * 10**6
CALM_READINGS = 8  # two hours of ordinary readings after each trouble
TROUBLES = ("dip", "zero", "spike", "gap", "late", "double", "swap", "reset", "silent")
# With a modulus a fall from just below it is a rollover, for a person too: no resets or dips there.
TROUBLES_WITH_MODULUS = ("spike", "gap", "late", "double", "swap")


@dataclass(frozen=True)
class Swap:
    time_ms: int
    old_final: int
    new_start: int


@dataclass(frozen=True)
class Life:
    """`true_mwh` is what flowed from the first reading to the last; `resets` how often the counter began anew unseen."""

    rows: list[tuple[int, int]]
    swaps: list[Swap]
    true_mwh: int
    resets: int
    has_modulus: bool


class _Counter:
    def __init__(self, random: Random, start_ms: int, *, has_modulus: bool) -> None:
        self.random = random
        self.modulus = MODULUS_MWH if has_modulus else None
        self.time_ms = start_ms
        self.value = random.randrange(4_000 * 10**6, MODULUS_MWH)
        self.true_mwh = 0
        self.rows = [(start_ms, self.value)]
        self.swaps: list[Swap] = []
        self.resets = 0

    def run(self, elapsed_ms: int) -> None:
        energy = self.random.randrange(0, max(1, STEP_MWH_MAX * elapsed_ms // STEP_MS))
        self.true_mwh += energy
        self.time_ms += elapsed_ms
        self.value += energy
        if self.modulus is not None:
            self.value %= self.modulus

    def read(self) -> None:
        self.rows.append((self.time_ms, self.value))

    def calm(self) -> None:
        for _ in range(CALM_READINGS):
            self.run(STEP_MS)
            self.read()

    def trouble(self, kind: str) -> None:
        getattr(self, f"_{kind}")()

    def _dip(self) -> None:
        for _ in range(self.random.choice((1, 2, 2))):
            self.run(STEP_MS)
            self.rows.append((self.time_ms, self.value // 3))

    def _zero(self) -> None:
        self.run(STEP_MS)
        self.rows.append((self.time_ms, 0))

    def _spike(self) -> None:
        self.run(STEP_MS)
        self.rows.append((self.time_ms, self.value + self.random.randrange(10**9, 10**15)))

    def _gap(self) -> None:
        self.run(STEP_MS * self.random.randrange(4, 120))
        self.read()

    def _late(self) -> None:
        self.run(STEP_MS + self.random.randrange(1, 4 * MINUTE_MS))
        self.read()

    def _double(self) -> None:
        self.rows += self.rows[-3:]

    def _silent(self) -> None:
        self.run(STEP_MS * 24)

    def _swap(self) -> None:
        self.run(STEP_MS // 2)
        new = self.random.randrange(0, 1_000 * 10**6)
        self.swaps.append(Swap(self.time_ms, self.value, new))
        self.value = new

    def _reset(self) -> None:
        self.run(STEP_MS)
        self.value = 0
        self.resets += 1


def life(seed: int, start_ms: int, troubles: int = 12) -> Life:
    random = Random(seed)
    has_modulus = random.random() < 0.3
    counter = _Counter(random, start_ms, has_modulus=has_modulus)
    counter.calm()
    for _ in range(troubles):
        counter.trouble(random.choice(TROUBLES_WITH_MODULUS if has_modulus else TROUBLES))
        counter.calm()
    return Life(counter.rows, counter.swaps, counter.true_mwh, counter.resets, has_modulus)
