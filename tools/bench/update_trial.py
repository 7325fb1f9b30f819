"""An update with the power going in the middle of programs and erases: which cuts, and what comes of them; see `update_lives`.

The way to a cut is the same every time, so it is gone once: its steps are kept, and a cut tears one of them on a copy of the
flash. That this is what a cut does is tried for each step: once the way is gone in full, and flash and counters compared.
A life without another cut follows from the flash alone: where two cuts leave the same bytes it is lived once.
Runs on MicroPython only.
"""
# mypy: ignore-errors
# ruff: noqa: B905, PTH123, RUF005, SIM105, UP031 - MicroPython has neither pathlib nor contextlib, no star in a list, and no word to zip

import gc
import io
import json
import random
import sys
from hashlib import sha256

sys.path[:] = [__file__.rsplit("/", 3)[0], ".frozen"]

from tools.bench.update_lives import BLOCKS, Board  # noqa: E402
from tools.board.flash import PowerCut, SimulatedFlash  # noqa: E402

gc.threshold(-1)  # the firmware collects every 2 KiB, which takes ten times as long as all else where the heap has megabytes
LIVES_MAX = 40  # a trial that loses power three times is given up, and the update begins anew
_WALK_CUTS = 7  # beyond the first
_ERASE = 6


class Trial:
    """From one slot into the other."""

    def __init__(self, board: Board, seed: int, slot: int) -> None:
        self._board = board
        self._seed = seed
        self._slot = slot
        self._way = []  # what was asked of the flash, and the count at that moment
        self._seen = set()
        self.faults = []
        self.lives = self.alike = self.compared = 0

    def walk_the_way(self) -> None:
        self._board.before_step = self._note
        self._set((self._board.fresh_count, False))
        steps, fault, done = self._board.live(io.BytesIO(self._board.fresh), None)
        self._board.before_step = None
        assert done, fault
        assert steps == len(self._way), (steps, len(self._way))

    def _truth(self) -> tuple:
        return self._board.count, self._board.confirmed

    def _set(self, truth: tuple) -> None:
        self._board.count, self._board.confirmed = truth

    @property
    def steps(self) -> int:
        return len(self._way)

    def _note(self, name: str, words: tuple) -> None:
        if name == "writeblocks":
            self._way.append((name, (words[0], bytes(words[1]), words[2]), self._truth()))
        elif words[0] == _ERASE:
            self._way.append((name, words, self._truth()))

    def run(self, plans: "dict[int, list[tuple[int, list[int]]]]", told: object) -> None:
        """`plans`: for a step of the way, what follows a cut there: (number, further cuts)."""
        before = io.BytesIO(self._board.fresh)
        flash = SimulatedFlash(before, BLOCKS, random)
        for step, (name, words, truth) in enumerate(self._way, 1):
            for turn, (number, more) in enumerate(plans.get(step, ())):
                random.seed(self._drawn(number))
                store = io.BytesIO(before.getvalue())
                torn = SimulatedFlash(store, BLOCKS, random)
                torn.cut_at = 1
                try:
                    getattr(torn, name)(*words)
                except PowerCut:
                    pass
                if not turn:
                    self._compare(step, number, store, truth)
                self._go_on(step, store, truth, more)
                told()
            getattr(flash, name)(*words)

    def _drawn(self, number: int) -> int:
        """Seeds that follow one another would draw alike."""
        return int.from_bytes(sha256(b"%d %d" % (self._seed, number)).digest()[:4], "big")

    def _compare(self, step: int, number: int, store: io.BytesIO, truth: object) -> None:
        self.compared += 1
        random.seed(self._drawn(number))
        long_way = io.BytesIO(self._board.fresh)
        self._set((self._board.fresh_count, False))
        self._board.live(long_way, step)
        if long_way.getvalue() != store.getvalue() or self._truth() != truth:
            self._blame([step], "something else was left when the way was gone again")

    def _blame(self, cuts: "list[int]", fault: str) -> None:
        self.faults.append("from slot %d, cuts at %s: %s" % (self._slot, cuts, fault))

    def _go_on(self, step: int, store: io.BytesIO, truth: object, cuts: "list[int]") -> None:
        """After the first cut."""
        key = sha256(store.getvalue()).digest(), truth
        if not cuts and key in self._seen:
            self.alike += 1
            return
        self._seen.add(key)
        self._set(truth)
        for life in range(LIVES_MAX):
            self.lives += 1
            _, fault, done = self._board.live(store, cuts[life] if life < len(cuts) else None)
            if fault:
                self._blame([step] + cuts, fault)
            if fault or done:
                return
        self._blame([step] + cuts, "the update never came to its end")


def planned(seed: int, steps: int, wanted: int, rounds: int, walks: int) -> "list[tuple[int, ...]]":
    """First cut and those of later lives: `wanted` single ones (0: each step, `rounds` times), then the walks."""
    random.seed(seed)
    cuts = [random.randrange(1, steps + 1) for _ in range(wanted)] if wanted else list(range(1, steps + 1)) * rounds
    return [(cut,) for cut in cuts] + [tuple([random.randrange(1, steps + 1) for _ in range(1 + _WALK_CUTS)]) for _ in range(walks)]


def main(bundle_path: str, key: str, seed: int, wanted: int, rounds: int, walks: int, share: int, shares: int) -> None:
    """From each slot; of all plans those whose first cut falls to this share. Says how many, a dot for each, and what came of them."""
    with open(bundle_path, "rb") as file:
        bundle = file.read()
    trials = [Trial(Board(bundle, bytes.fromhex(key), slot), 2 * seed + slot, slot) for slot in range(2)]
    plans = []
    for trial in trials:
        trial.walk_the_way()
        planned_here = {}
        for number, cuts in enumerate(planned(seed, trial.steps, wanted, rounds, walks)):
            if cuts[0] % shares == share:
                planned_here.setdefault(cuts[0], []).append((number, list(cuts[1:])))
        plans.append(planned_here)
    print(sum([len(each) for one in plans for each in one.values()]))
    for trial, one in zip(trials, plans):
        trial.run(one, lambda: print("."))
    sums = {name: sum([getattr(trial, name) for trial in trials]) for name in ("steps", "lives", "alike", "compared")}
    print(json.dumps(sums | {"faults": [fault for trial in trials for fault in trial.faults]}))


main(sys.argv[1], sys.argv[2], *[int(word) for word in sys.argv[3:]])
