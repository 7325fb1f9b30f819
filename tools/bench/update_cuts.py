"""The power goes at every step of the flash during an update: `python -m tools.bench.update_cuts [--seed 1] [--rounds 10] [--walks 500]`.

A real littlefs, the real boot record, update and counters on the real MicroPython; see `update_lives` and `update_trial`.
One JSON line says what came of it; the status is 1 if a board did not come through. The test command runs a part.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.progress import Progress

from tools.bench.update_lives import HARDWARE, NEW, NEW_FILES
from tools.bundle import sealed
from tools.submeter import INTERPRET, require_interpreter

TRIAL = Path(__file__).parent / "update_trial.py"
HEAP = "32m"  # a partition of 256 KiB in memory, several times
# How a program or an erase is torn is drawn anew each time: several rounds see several ways.
ROUNDS, WALKS = 10, 500
FAULTS_SHOWN = 5
Told = Callable[[int, int], object]  # so many more are to be done, so many more are done


def run(seed: int, cuts: int, rounds: int, walks: int, told: Told = lambda _wanted, _done: None) -> dict[str, Any]:
    """From each of the two slots. `cuts` 0: every step, `rounds` times. What is drawn does not depend on how many processors there are."""
    require_interpreter()
    key = Ed25519PrivateKey.from_private_bytes(seed.to_bytes(32, "big"))
    public = key.public_key().public_bytes_raw().hex()
    shares = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="shiftwatt-update-") as folder, ThreadPoolExecutor(shares) as pool:
        path = Path(folder, "bundle")
        path.write_bytes(sealed(NEW_FILES, NEW, HARDWARE, key.sign))
        words = [[str(path), public, *map(str, (seed, cuts, rounds, walks, share, shares))] for share in range(shares)]
        found = list(pool.map(lambda each: _share(each, told), words))
    faults = [fault for each in found for fault in each["faults"]]
    sums = {name: sum(each[name] for each in found) for name in ("cuts", "lives", "alike", "compared")}
    return {"seed": seed, "steps": found[0]["steps"], "walks": 2 * walks, **sums, "faults": len(faults), "first": faults[:FAULTS_SHOWN]}


def _share(words: list[str], told: Told) -> dict[str, Any]:
    """The trial's own process says the number of its cuts, a dot for each, and at last what came of them."""
    last = "{}"
    wanted = 0
    with subprocess.Popen(
        [sys.executable, "-c", INTERPRET, "-X", f"heapsize={HEAP}", str(TRIAL), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            last = line.strip()
            if last == ".":
                told(0, 1)
            elif last.isdecimal():
                wanted = int(last)
                told(wanted, 0)
            else:
                said.append(line)
    if process.returncode:
        raise RuntimeError(f"the trial ended with {process.returncode}: {''.join(said)[-4000:]}")
    found: dict[str, Any] = json.loads(last)
    return {**found, "cuts": wanted}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.bench.update_cuts", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--walks", type=int, default=WALKS)
    wished = parser.parse_args()
    console = Console(stderr=True)
    began = perf_counter()
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("power cuts", total=0)

        def told(wanted: int, done: int) -> None:
            bar.update(task, total=(bar.tasks[0].total or 0) + wanted, advance=done)

        found = run(wished.seed, 0, wished.rounds, wished.walks, told)
    print(json.dumps({**found, "seconds": round(perf_counter() - began)}))
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
