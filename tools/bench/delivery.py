"""Delivery through every kind of trouble, in simulated time: in the end every record is at the hub exactly once, and it can prove so.

`python -m tools.bench.delivery [--runs 1000] [--seed 1]` plays one gateway and one hub per run: the real store, outbox,
sender and enrolment, the real hub application over its real SQLite store. Simulated are the clock, the link between
them (requests lost, answers lost, doubled, late and out of order) and the faults of the store (disk full in the middle
of a transaction, killed before or after the commit). Gateway and hub are killed and started again. One JSON line says what was met.
"""

import asyncio
import json
import logging
import os
import random
import shutil
import sys
import tempfile
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.progress import Progress

from gateway.buffer import outbox as outbox_file
from gateway.buffer.store import Store
from gateway.deliver.client import HubClient
from gateway.deliver.enrolment import Enrolment
from gateway.deliver.key import gateway_key
from gateway.deliver.sender import Sender
from protocols.reading import ClockSet, Event, Reading, Record
from tools.bench import ledger
from tools.bench.faulty_hub import Hub, Link
from tools.hub.registry import Registry

URL = "http://hub.invalid"
START_MS = 1_790_000_000_000
RECORDS_PER_BATCH = 7  # small batches: many numbers, much to mix up
STEPS = 12  # times that the gateway reads and seals; between them anything may happen
CALLS_MAX = 4_000  # far more than any run needs; a sender that never ends is a failure, not a hang


class Trial:
    """One gateway, one hub, one seed."""

    def __init__(self, folder: Path, seed: int, met: Counter[str], runner: asyncio.Runner) -> None:
        self.now_ms = START_MS
        self._folder = folder
        self._chance = random.Random(seed)
        self._met = met
        self.hub = Hub(folder / "hub.db", lambda: self.now_ms, runner)
        self._link = Link(self.hub, self._chance, met)
        (folder / "hub.token").write_text(Registry(self.hub.database, lambda: self.now_ms).invite("works"))
        self._open()

    def _open(self) -> None:
        self._key = gateway_key(self._folder, self._chance.randbytes)
        self._store = Store(self._folder, self._key.gateway, self._key.sign)
        session = requests.Session()
        session.mount("http://", self._link)
        enrolment = Enrolment(self._folder, URL, self._folder / "hub.token", self._key)
        self._sender = Sender(
            self._store.outbox, HubClient(session, URL), enrolment, now_ms=lambda: self.now_ms, random=self._chance.random
        )

    def run(self) -> list[str]:
        """What does not hold in the end."""
        try:
            for _ in range(STEPS):
                self._store.add(self._records())
                self._store.commit(self.now_ms)
                if self._chance.random() < 0.8:
                    self._store.outbox.seal(self.now_ms)
                for _ in range(self._chance.randrange(4)):
                    self._pass(self._sender.work())
                if self._chance.random() < 0.15:
                    self._met["gateway killed"] += 1
                    self._store.close()  # what was not committed is gone; sealed or not, acknowledged or not, the rest is there
                    self._open()
                if self._chance.random() < 0.1:
                    self._met["hub restarted"] += 1
                    self.hub.restart()
            return self._finish()
        finally:
            self._store.close()
            self.hub.database.close()

    def _pass(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000) + 1

    def _records(self) -> Sequence[Record]:
        found: list[Record] = [Event("note", "main", f"{self._chance.random()}", 1, 5, self.now_ms)] if self._chance.random() < 0.3 else []
        if self._chance.random() < 0.1:
            found.append(ClockSet(self._store.boot, START_MS, self.now_ms))
        for place in range(self._chance.randrange(1, 20)):
            time_ms = None if self._chance.random() < 0.05 else self.now_ms + place
            values = {"active_power": self._chance.getrandbits(24)}
            found.append(Reading(f"meter-{place % 3}", self._store.boot, place, time_ms, values, {}, 9))
        return found

    def _finish(self) -> list[str]:
        self._store.outbox.seal(self.now_ms)
        for _ in range(CALLS_MAX):
            if not self._store.outbox.depth().batches:
                break
            self._pass(self._sender.work())
        else:
            return [f"batches are still waiting: {self._sender.status()}"]
        here = [record.sequence for record in ledger.records(self._folder)]
        there = sorted(sequence for sequence, _ in ledger.at_hub(f"sqlite:///{self._folder}/hub.db", self._key.gateway))
        found = self._proof()
        faults = [] if here == there else [f"{len(here)} records here, {len(there)} at the hub"]
        faults += ledger.undelivered(self._folder, f"sqlite:///{self._folder}/hub.db")
        head = self._store.reader().execute("select number, hash from batch order by number desc limit 1").fetchone()
        if (found["complete"], found["highest"], found["head"], found["records"]) != (True, head["number"], head["hash"], len(here)):
            faults.append(f"completeness says {found}")
        if refused := self._store.reader().execute("select count(*) from batch where refused is not null").fetchone()[0]:
            faults.append(f"{refused} batches were refused for good")
        return faults

    def _proof(self) -> dict[str, Any]:
        request = requests.Request("GET", f"{URL}/v1/completeness").prepare()
        _, _, body = self.hub.handle(request)
        found: dict[str, Any] = json.loads(body)["gateways"][0]
        return found


def run(folder: Path, runs: int, seed: int, progress: Callable[[int], None]) -> dict[str, Any]:
    met: Counter[str] = Counter()
    faults: list[str] = []
    before, outbox_file.RECORDS_MAX = outbox_file.RECORDS_MAX, RECORDS_PER_BATCH
    logging.disable(logging.CRITICAL)  # thousands of failures are what is asked for here
    try:
        with asyncio.Runner() as runner:
            for number in range(seed, seed + runs):
                place = folder / f"{number}"
                place.mkdir()
                faults += [f"seed {number}: {fault}" for fault in Trial(place, number, met, runner).run()]
                shutil.rmtree(place)
                progress(number - seed + 1)
    finally:
        logging.disable(logging.NOTSET)
        outbox_file.RECORDS_MAX = before
    return {"runs": runs, "seed": seed, "met": dict(met.most_common()), "faults": faults}


@contextmanager
def quick_folder() -> Iterator[Path]:
    """In memory where there is such a place: no power is cut here, and the flushes of thousands of commits would only take time."""
    memory = Path("/dev/shm")  # noqa: S108 - a place, not a name that others could guess
    with tempfile.TemporaryDirectory(prefix="shiftwatt-delivery-", dir=memory if os.access(memory, os.W_OK) else None) as name:
        yield Path(name)


def main() -> int:
    parser = ArgumentParser(prog="python -m tools.bench.delivery", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    wishes = parser.parse_args()
    console = Console(stderr=True)
    with (
        quick_folder() as folder,
        Progress(console=console, disable=not console.is_terminal) as bar,
    ):
        task = bar.add_task("runs", total=wishes.runs)
        found = run(folder, wishes.runs, wishes.seed, lambda done: bar.update(task, completed=done))
    print(json.dumps(found))
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
