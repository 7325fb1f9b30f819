"""Every kind of tampering with a stored record, one at a time: `verify` must find each, and name the place.

`python -m tools.bench.tampered_store [--trials 3000] [--seed 1]` prints one JSON line and ends with 1 if one was not found.
The store holds every kind of record; the newest batches still have their bodies, the others only their digests.
"""

import argparse
import json
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

from gateway.buffer.connection import FILE
from gateway.chain_proof import Head, VerifierOf
from gateway.deliver.key import gateway_key, verifier
from gateway.proof import Proof, prove
from tools.bench import small_works
from tools.bench.tampering import KINDS, Desk, Tampering


class Bench:
    def __init__(self, folder: Path) -> None:
        with small_works.closing(lambda: small_works.full_store(folder)) as works:
            self.gateway = works.gateway
            self._key = gateway_key(works.data)
            self._original = works.data / FILE
        self._copy = folder / "copy.db"
        check = verifier(self._key.public_key)
        self._verifier: VerifierOf = lambda _number: check
        untouched = self._prove(self._original, ())
        assert untouched.broken is None, untouched.broken
        assert untouched.chain is not None
        assert untouched.chain.head is not None
        self.head = untouched.chain.head
        self.facts = {"records": untouched.chain.records, "batches": untouched.chain.batches, "figures": untouched.figures}

    def _prove(self, path: Path, heads: Sequence[Head]) -> Proof:
        with closing(sqlite3.connect(f"file:{path.as_posix()}?mode=ro", uri=True)) as connection:
            return prove(connection, self.gateway, self._verifier, heads, _no_step)

    def trial(self, seed: int, kind: Callable[[Desk], Tampering] | None = None) -> tuple[Tampering, Proof]:
        random = Random(seed)
        shutil.copyfile(self._original, self._copy)
        with closing(sqlite3.connect(self._copy)) as connection:
            connection.row_factory = sqlite3.Row
            desk = Desk(connection, random, self._key.sign, self.gateway)
            done = (kind or random.choice(KINDS))(desk)
            connection.commit()
        return done, self._prove(self._copy, (self.head,) if done.with_head else ())


def _no_step(_count: int) -> None: ...


def missed(done: Tampering, proof: Proof) -> str | None:
    """Why a trial did not succeed: not found, or found at another place."""
    found = proof.broken
    if found is None:
        return f"{done.kind} of record {done.sequence}, batch {done.batch} was not found"
    # What a clock record dated is earlier than the record: whichever of both was changed or cut off, its date does not follow.
    if "clock record" in found.sentence and ("clock" in done.kind or done.with_head):
        return None
    if done.sequence is not None and found.sequence != done.sequence:
        return f"{done.kind} of record {done.sequence} was found as: {found.sentence}"
    # A batch that was taken out or changed may show at the one that links to it.
    if done.batch is not None and found.batch is not None and found.batch not in (done.batch, done.batch + 1):
        return f"{done.kind} of batch {done.batch} was found as: {found.sentence}"
    return None


@contextmanager
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="shiftwatt-tampered-") as folder:
        yield Bench(Path(folder))


def run(trials: int, seed: int) -> tuple[Mapping[str, int], list[str], Mapping[str, Any]]:
    """How often each kind was tried, what was missed, and what the store held."""
    kinds: Counter[str] = Counter()
    faults = []
    with bench() as found:
        for number in range(seed, seed + trials):
            done, proof = found.trial(number)
            kinds[done.kind] += 1
            fault = missed(done, proof)
            if fault is not None:
                faults.append(f"seed {number}: {fault}")
        return kinds, faults, found.facts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    begun = time.perf_counter()
    kinds, faults, facts = run(given.trials, given.seed)
    seconds = round(time.perf_counter() - begun, 1)
    line = {"bench": "tampered_store", "holds": not faults, "trials": given.trials, "kinds": len(kinds), "missed": faults[:10], **facts}
    print(json.dumps({**line, "seed": given.seed, "seconds": seconds}))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
