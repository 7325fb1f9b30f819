"""`kill -9` of hubs, PostgreSQL and gateways while they work: in the end every record is at the hub exactly once.

`python -m tools.bench.kill_delivery [--runs 30] [--seed 1]` runs real processes: a PostgreSQL server that flushes to the
disk, two hubs over one database of it, and two gateways, one at each hub. One after another is killed at a random
moment and started again. Then the gateways are asked to finish, and the stores are held against one another.
"""

import json
import random
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from gateway.deliver.key import gateway_key
from tools.bench import ledger, parts, postgresql
from tools.bench.feeder import DRAIN_S_MAX, READY
from tools.hub import manage
from tools.hub.server import now_ms, open_database
from tools.hub.source import HubRecords

KILLS = 5  # in each run
PAUSE_S = (0.2, 1.2)
VICTIMS = ("hub 1", "hub 2", "postgresql", "gateway 1", "gateway 2")


class Bench:
    """The parts of one run; those that were killed are up again when `strike` returns."""

    def __init__(self, folder: Path, server: postgresql.Server, stack: ExitStack) -> None:
        self.db = server.fresh()
        self._folder = folder
        self._server = server
        self._ports = [parts.free_port(), parts.free_port()]
        with closing(open_database(self.db)):
            """The tables are there before the first hub comes."""
        self.folders = [folder / "gateway-1", folder / "gateway-2"]
        for number, each in enumerate(self.folders, start=1):
            each.mkdir()
            (each / "hub.token").write_text(manage.enrol(self.db, f"gateway {number}"))
        self._parts: dict[str, parts.Part] = {}
        self._starts: Counter[str] = Counter()
        stack.callback(self._end)
        for name in VICTIMS:
            self._start(name)

    def _start(self, name: str) -> None:
        kind, _, number = name.partition(" ")
        if kind == "postgresql":
            return
        index = int(number) - 1
        self._starts[name] += 1
        if kind == "hub":
            self._parts[name] = parts.hub(self._folder, self._ports[index], self.db, f"hub-{number}.log")
        else:
            words = (self.folders[index], f"http://{parts.HOST}:{self._ports[index]}")
            self._parts[name] = parts.Part.start(
                self._folder / f"gateway-{number}-life-{self._starts[name]}.log", "tools.bench.feeder", *words
            )

    def strike(self, name: str) -> None:
        if name == "postgresql":
            self._server.kill()
            self._server.start()
        else:
            self._parts[name].kill()
            self._start(name)

    def finish(self) -> list[str]:
        """What does not hold after the gateways have been asked to finish."""
        gateways = [self._parts[name] for name in VICTIMS if name.startswith("gateway")]
        for part in gateways:
            part.until_said(READY)  # earlier it does not know yet what it is asked by a signal
            part.process.terminate()
        statuses = [part.until_ended(DRAIN_S_MAX * 2) for part in gateways]
        faults = [] if statuses == [0, 0] else [f"the gateways ended with {statuses}"]
        with closing(open_database(self.db)) as database:
            found = {each["gateway"]: each for each in HubRecords(database, now_ms).completeness(None, None)["gateways"]}
        for folder in self.folders:
            here = [record.sequence for record in ledger.records(folder)]
            gateway = gateway_key(folder).gateway
            there = sorted(sequence for sequence, _ in ledger.at_hub(self.db, gateway))
            if here != there:
                faults.append(f"{len(here)} records at {folder.name}, {len(there)} at the hub")
            faults += ledger.undelivered(folder, self.db)
            if not here or not found[gateway]["complete"] or found[gateway]["records"] != len(here):
                faults.append(f"completeness of {folder.name}, which has {len(here)}: {found[gateway]}")
        return faults

    def _end(self) -> None:
        for part in self._parts.values():
            part.kill()


def one(folder: Path, server: postgresql.Server, seed: int, met: Counter[str]) -> list[str]:
    chance = random.Random(seed)
    with ExitStack() as stack:
        bench = Bench(folder, server, stack)
        time.sleep(1.0)
        for _ in range(KILLS):
            time.sleep(chance.uniform(*PAUSE_S))
            name = chance.choice(VICTIMS)
            met[name] += 1
            bench.strike(name)
        return bench.finish()


def run(folder: Path, runs: int, seed: int, progress: Callable[[int], None]) -> dict[str, Any]:
    met: Counter[str] = Counter()
    faults: list[str] = []
    with postgresql.server() as server:
        for number in range(seed, seed + runs):
            place = folder / f"{number}"
            place.mkdir()
            faults += [f"seed {number}: {fault}" for fault in one(place, server, number, met)]
            progress(number - seed + 1)
    return {"runs": runs, "seed": seed, "kills": dict(met.most_common()), "faults": faults}


def main() -> int:
    parser = ArgumentParser(prog="python -m tools.bench.kill_delivery", description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    wishes = parser.parse_args()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="shiftwatt-kill-") as folder, Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("runs", total=wishes.runs)
        found = run(Path(folder), wishes.runs, wishes.seed, lambda done: bar.update(task, completed=done))
    print(json.dumps(found))
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
