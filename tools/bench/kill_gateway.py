"""`kill -9` of the gateway at random moments, under load: what it had committed stays, nothing is there twice.

`python -m tools.bench.kill_gateway [--kills 50] [--seed 1] [--folder DIR]` runs factory, hub and gateway as
processes: a virtual line that is asked as fast as it can be, and imports through the socket, in an order
that makes past shifts change. It kills the gateway while it starts, polls, imports, computes and sends,
starts it again, and in the end holds the stores against one another. One JSON line says what came of it.
"""

import json
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import Progress

from gateway import control
from gateway.buffer.store import COMMIT_S
from gateway.importing import Row, as_json
from gateway.writer import LOOK_S
from protocols.reading import IMPORTED, Reading
from tools.bench import ledger, parts
from tools.factory.factory import SETTINGS, opened_before
from tools.factory.protocol_virtual import SCHEME
from tools.factory.site_file import write_site
from tools.hub import manage

INTERVAL_S = 1
# The newest committed reading before a kill is at most so old: one group, the writer's look, an interval
# between readings, and a commit that is on its way to a busy disk.
LOSS_MS_MAX = round((COMMIT_S + LOOK_S + INTERVAL_S + 1.5) * 1000)


class Span(NamedTuple):
    """Seconds after its start, or after its first answer, at which a gateway is killed; what a slow machine delays is not counted."""

    earliest_s: float
    latest_s: float
    from_start: bool
    importing: bool


# While it starts, while all is busy, and once in five towards the end of a group that nothing hurries, so that the
# bound is reached. The last of five dies with figures still to be computed, and nothing is imported afterwards.
LIVES = (
    Span(0.1, 2.0, from_start=True, importing=True),
    Span(0.5, 3.0, from_start=False, importing=True),
    Span(COMMIT_S - 2.0, COMMIT_S + 1.0, from_start=False, importing=False),
    Span(0.2, 2.0, from_start=False, importing=False),
    Span(0.5, 3.0, from_start=False, importing=True),
)
IMPORTED_METER = "workshop"
ROWS_AT_ONCE = 25
HISTORY_MIN = 5 * 24 * 60  # a row a minute, so that there is always something new to bring
PAUSE_S = 0.05
DELIVERED_S_MAX = 60.0


@dataclass
class Load:
    """Rows of a counter in shuffled order; those the gateway has said to have must be there for ever."""

    meter: str
    waiting: list[Row]
    answered: dict[int, int] = field(default_factory=dict)

    def bring(self, data: Path) -> bool:
        """One import through the socket; False if nobody answered, and then the same rows come again."""
        rows = self.waiting[:ROWS_AT_ONCE]
        try:
            control.ask(data, "import", rows=[as_json(row) for row in rows])
        except (control.ControlError, OSError):
            return False
        del self.waiting[: len(rows)]
        self.answered.update((row.reading.time_ms or 0, row.reading.values["active_energy_import"]) for row in rows)
        return True

    def lost(self, data: Path) -> list[str]:
        """Answered rows that are not stored exactly once."""
        stored: dict[int, list[int]] = {}
        for reading in ledger.readings(data):
            if reading.meter == self.meter and reading.boot == IMPORTED:
                stored.setdefault(reading.time_ms or 0, []).extend(reading.values.values())
        wrong = [time_ms for time_ms, value in self.answered.items() if stored.get(time_ms) != [value]]
        return [f"the import of {time_ms} was answered but is stored as {stored.get(time_ms)}" for time_ms in wrong]


class Life(NamedTuple):
    """What one life of the gateway left behind."""

    loss_ms: int
    faults: list[str]


class Bench:
    """Hub and factory run as long as it is open; the gateway comes and goes."""

    def __init__(self, folder: Path, random: Random) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._random = random
        tcp_port, hub_port = parts.free_port(), parts.free_port()
        self.site = _site(folder, tcp_port, hub_port)
        self.load = Load(IMPORTED_METER, _shuffled_history(random, time.time_ns() // 1_000_000))
        self._parts = [parts.hub(folder, hub_port)]
        self._parts.append(parts.factory(folder, tcp_port, opened_before(time.time_ns() // 1_000_000, days=1)))

    def close(self) -> None:
        for part in reversed(self._parts):
            part.stop()

    def life(self, number: int) -> Life:
        """Start the gateway, let it work, kill it, look at what it left."""
        span = LIVES[number % len(LIVES)]
        after_s = self._random.uniform(span.earliest_s, span.latest_s)
        gateway = self._started()
        if not span.from_start:
            gateway.until(self._answers, "it answers")
        kill = _Kill(self.data, gateway, after_s)
        while not kill.done.wait(PAUSE_S):
            if kill.up_ms is None and self._answers():
                kill.up_ms = time.time_ns() // 1_000_000
            if kill.up_ms is not None and span.importing:
                self.load.bring(self.data)
        return kill.left_behind(number)

    def _started(self) -> parts.Part:
        """By force: the line is to be asked as fast as it can be, and a new site with such an interval is refused."""
        return parts.gateway(self.site, "--force")

    def _answers(self) -> bool:
        try:
            control.ask(self.data, "counts")
        except (control.ControlError, OSError):
            return False
        return True

    def finish(self) -> None:
        """A last life that ends in order, after everything has been delivered."""
        with self._started() as gateway:
            gateway.until(self._answers, "it answers again")
            before = ledger.sums(self.data).readings
            gateway.until(lambda: ledger.sums(self.data).readings > before, "it stores again")
            brought = ledger.sums(self.data).records
            gateway.until(lambda: ledger.sums(self.data).acknowledged >= brought, "the hub has everything", DELIVERED_S_MAX)
            gateway.stop()


class _Kill:
    """Kills the gateway on a thread of its own, so that it strikes in the middle of whatever goes on."""

    def __init__(self, data: Path, gateway: parts.Part, after_s: float) -> None:
        self.up_ms: int | None = None  # since when it polls
        self.done = threading.Event()
        self._data = data
        self._gateway = gateway
        self._committed: list[Any] = []
        self._killed_ms = 0
        self._timer = threading.Timer(after_s, self._strike)
        self._timer.start()

    def _strike(self) -> None:
        try:
            self._committed = ledger.records(self._data) if self.up_ms is not None else []
            self._killed_ms = time.time_ns() // 1_000_000
        finally:
            self._gateway.kill()
            self.done.set()

    def left_behind(self, number: int) -> Life:
        self._timer.join()
        faults = [f"kill {number}: the gateway had ended by itself"] if self._gateway.process.returncode != -9 else []
        if self.up_ms is None:
            return Life(0, faults)
        found = ledger.records(self._data)
        if found[: len(self._committed)] != self._committed:
            faults.append(f"kill {number}: of {len(self._committed)} committed records some are missing or others than before")
        polled = [record.time_ms or 0 for record in found if isinstance(record, Reading) and record.boot != IMPORTED]
        return Life(max(0, self._killed_ms - max([self.up_ms, *polled])), faults)


def _site(folder: Path, tcp_port: int, hub_port: int) -> Path:
    (folder / "hub.token").write_text(manage.enrol(parts.hub_address(folder), "killed"))
    path = write_site(
        folder,
        rs485_port=f"{SCHEME}{folder.resolve() / 'rs485-1'}",
        settings=SETTINGS,
        tcp=f"{parts.HOST}:{tcp_port}",
        listen=f"{parts.HOST}:{parts.free_port()}",
        hub_url=f"http://{parts.HOST}:{hub_port}/",
        hub_token_file="hub.token",  # noqa: S106 - the name of a file
        interval_s=INTERVAL_S,
    )
    with path.open("a") as file:
        file.write(f'\n[[meter]]\nname = "{IMPORTED_METER}"\nrole = "load"\nrating = "60 kW"\n')
    return path


def _shuffled_history(random: Random, now_ms: int) -> list[Row]:
    """A counter that grows by 0.2 kWh a minute, in any order."""
    start_ms = now_ms // 60_000 * 60_000 - HISTORY_MIN * 60_000

    def row(minute: int) -> Row:
        values = {"active_energy_import": 1_000_000 + minute * 200_000}
        return Row(minute, Reading(IMPORTED_METER, IMPORTED, 0, start_ms + minute * 60_000, values, {}))

    return [row(minute) for minute in random.sample(range(HISTORY_MIN), HISTORY_MIN)]


def run(folder: Path, kills: int, seed: int, progress: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
    """The figures and every fault found; `folder` is empty."""
    bench = Bench(folder, Random(seed))
    lives = []
    try:
        for number in range(kills):
            lives.append(bench.life(number))
            progress(number + 1)
        bench.finish()
    finally:
        bench.close()
    sums = ledger.sums(bench.data)
    loss_ms = max((life.loss_ms for life in lives), default=0)
    faults = [fault for life in lives for fault in life.faults]
    faults += ledger.unsound(bench.data) + bench.load.lost(bench.data) + ledger.undelivered(bench.data, parts.hub_address(folder))
    at_hub = manage.list_gateways(parts.hub_address(folder))
    faults += [f"the hub misses batches: {each['missing']}" for each in at_hub if not each["complete"]]
    faults += ledger.misbooked(bench.site)
    if loss_ms > LOSS_MS_MAX:
        faults.append(f"the newest committed reading was {loss_ms} ms old at a kill; at most {LOSS_MS_MAX} are stated")
    return {
        "kills": kills,
        "seed": seed,
        "survived": sum(not life.faults for life in lives),
        "loss_ms_max": loss_ms,
        "loss_ms_bound": LOSS_MS_MAX,
        "imports_answered": len(bench.load.answered),
        **sums._asdict(),
        "faults": faults,
    }


def main() -> int:
    parser = ArgumentParser(prog="python -m tools.bench.kill_gateway", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=None, help="an empty folder that is kept; default: a temporary one")
    wishes = parser.parse_args()
    console = Console(stderr=True)
    bar = Progress(console=console, disable=not console.is_terminal)
    with tempfile.TemporaryDirectory(prefix="shiftwatt-kill-") as temporary, bar:
        task = bar.add_task("kills", total=wishes.kills)
        found = run(wishes.folder or Path(temporary), wishes.kills, wishes.seed, lambda done: bar.update(task, completed=done))
    print(json.dumps(found))
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
