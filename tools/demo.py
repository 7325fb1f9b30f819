"""The demo as a thing: a virtual factory, a hub and a gateway, each a process of its own, in one folder.

Prepares two weeks of history through the same import as everybody's, runs, stops cleanly, and counts
from the stores what came of it.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from gateway import control, importing
from gateway.books import Books
from gateway.buffer.store import Store
from gateway.clock import SystemClock
from gateway.deliver.key import gateway_key
from gateway.folder import FolderLock
from protocols.reading import milliseconds_of
from tools.board import carried
from tools.commands.options import load
from tools.factory.equipment import OWN, RS485
from tools.factory.factory import SETTINGS, Factory, HistoryRow, opened_before
from tools.factory.own_submeters import flash_of, why_simulated
from tools.factory.protocol_virtual import SCHEME
from tools.factory.site_file import write_site
from tools.hub import manage

HOST = "127.0.0.1"
GATEWAY_NAME = "virtual-works"
# A part that is not up after this long never comes: say so instead of waiting.
START_S_MAX = 60.0
STOP_S_MAX = 20.0
HISTORY_LINES_AT_ONCE = 5_000

Progress = Callable[[str, float], None]  # (what is being done, share of it done)


class DemoError(Exception):
    """A part of the demo did not start; the sentence says which, and where its log is."""


@dataclass
class Demo:
    folder: Path
    port: int
    seed: int = 1
    speed: float = 1.0
    faults: list[str] = field(default_factory=list)
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def page(self) -> str:
        return f"http://{HOST}:{self.port}/"

    @property
    def hub(self) -> str:
        return f"http://{HOST}:{self._hub_port}/"

    @property
    def hub_db(self) -> str:
        return f"sqlite:///{self.folder / 'hub.db'}"

    @property
    def simulated_because(self) -> str:
        """Why our own submeters are not the real firmware; empty where they are."""
        return why_simulated(self.speed)

    def prepare(self, start_ms: int, progress: Progress) -> None:
        """Site file, hub enrolment and history up to `start_ms`; a folder that was used before goes on from where it is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        taken = _free_port(self.port, wanted=True)
        self.port = taken
        self._hub_port, self._tcp_port = _free_port(self.port + 1), _free_port(self.port + 2)
        opened = self.folder / "opened.json"
        if not opened.exists():
            opened.write_text(json.dumps({"opened_ms": opened_before(start_ms), "seed": self.seed}))
        self._opened_ms, self.seed = json.loads(opened.read_text()).values()
        token = self.folder / "hub.token"
        if not token.exists():
            token.write_text(manage.enrol(self.hub_db, GATEWAY_NAME))
        path = write_site(
            self.folder,
            rs485_port=f"{SCHEME}{self.folder.resolve() / RS485}",
            settings=SETTINGS,
            tcp=f"{HOST}:{self._tcp_port}",
            listen=f"{HOST}:{self.port}",
            hub_url=self.hub,
            hub_token_file=token.name,
        )
        self.site, self.models = load(path)
        self._fill(start_ms, progress)
        if not self.simulated_because:
            progress("firmware of the submeters", 0.0)
            carried.compile_ahead()
            progress("firmware of the submeters", 1.0)

    def _fill(self, start_ms: int, progress: Progress) -> None:
        """History through the import path, with figures and batches."""
        factory = Factory(self.seed, self._opened_ms)
        steps = max(1, start_ms - self._opened_ms)
        clock = SystemClock()
        with FolderLock(self.site.data_folder):
            key = gateway_key(self.site.data_folder)
            store = Store(self.site.data_folder, key.gateway, key.sign)
            try:
                report = importing.Report()
                # What real ones have counted in this folder is not written anew.
                real_before = [place.name for place in OWN if flash_of(self.folder, place.name).exists()]
                rows = factory.history(start_ms, without=real_before)
                lines = _with_progress(rows, lambda done: progress("two weeks of history", (done - self._opened_ms) / steps))
                for piece in importing.pieces(importing.rows_of(lines, self.site, None), report):
                    importing.take(store, piece, report, clock.now_ms())
                progress("energy and carbon of each shift", 0.0)
                if report.changed_from_ms is not None:
                    Books(self.site, self.models, store, lambda: start_ms).update(report.changed_from_ms)
                store.outbox.seal(clock.now_ms())
                progress("energy and carbon of each shift", 1.0)
            finally:
                store.close()

    def start(self, start_ms: int, progress: Progress) -> None:
        """Hub, factory and gateway, in this order, each up before the next."""
        self._spawn("hub", "tools.command", "hub", "--db", self.hub_db, "--listen", f"{HOST}:{self._hub_port}", "--public-read")
        progress("hub, factory, gateway", 0.1)
        faults = [word for fault in self.faults for word in ("--fault", fault)]
        times = ["--start-ms", str(start_ms), "--opened-ms", str(self._opened_ms), "--speed", str(self.speed)]
        wires = ["--folder", str(self.folder.resolve()), "--tcp-port", str(self._tcp_port), "--seed", str(self.seed)]
        own = [] if self.simulated_because else ["--own-submeters"]
        self._spawn("factory", "tools.factory.process", *wires, *times, *own, *faults)
        self._wait_until("factory", lambda: (self.folder / RS485).exists() and _listens(self._tcp_port))
        self._wait_until("hub", lambda: _listens(self._hub_port))
        progress("hub, factory, gateway", 0.6)
        scaled = ["--speed", str(self.speed), "--start-ms", str(start_ms)] if self.speed != 1.0 else []
        self._spawn("gateway", "tools.command", "run", "--site", str(self.folder / "site.toml"), *scaled)
        self._wait_until("gateway", lambda: _listens(self.port))
        progress("hub, factory, gateway", 1.0)

    def _spawn(self, name: str, module: str, *words: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            # A group of its own: Ctrl-C at the terminal reaches the demo, and the demo stops its parts in order.
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", module, *words],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait_until(self, name: str, up: Callable[[], bool]) -> None:
        until = time.monotonic() + START_S_MAX
        while not up():
            if self._processes[name].poll() is not None or time.monotonic() > until:
                raise DemoError(f"the {name} did not start; what it said is in {self.folder / (name + '.log')}")
            time.sleep(0.05)

    def broken(self) -> str | None:
        """A sentence if one of the parts has ended by itself."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                return f"the {name} ended by itself (status {process.returncode}); what it said is in {self.folder / (name + '.log')}"
        return None

    def counts(self) -> dict[str, int]:
        """Polls, answers and time-outs so far, from the running gateway."""
        answer: dict[str, int] = control.ask(self.site.data_folder, "counts")
        return answer

    def stop(self) -> None:
        """Gateway first: its last commit and batches still find the hub."""
        for name in ("gateway", "factory", "hub"):
            process = self._processes.get(name)
            if process is None:
                continue
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(STOP_S_MAX)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            if process.stdin is not None:
                process.stdin.close()
        self._processes.clear()

    def summary(self, counts: dict[str, int], seconds: float) -> dict[str, Any]:
        """What came of it, from the stores on disk."""
        with FolderLock(self.site.data_folder):
            key = gateway_key(self.site.data_folder)
            store = Store(self.site.data_folder, key.gateway, key.sign)
            try:
                faults = Books(self.site, self.models, store, SystemClock().now_ms).conservation()
                depth = store.outbox.depth()
                stored = store.status().readings_stored
                figures = store.reader().execute("select count(*) from figure").fetchone()[0]
            finally:
                store.close()
        at_hub = next((each for each in manage.list_gateways(self.hub_db) if each["gateway"] == key.gateway), None)
        for fault in faults:
            print(fault, file=sys.stderr)
        return {
            "seconds": round(seconds, 1),
            **counts,
            "readings_stored": stored,
            "figures": figures,
            "batches_acknowledged": depth.batches_acknowledged,
            "records_acknowledged": depth.records_acknowledged,
            "records_at_hub": at_hub["records"] if at_hub else 0,
            "conservation": "broken" if faults else "exact",
            "submeters": "simulated" if self.simulated_because else "firmware",
            "page": self.page,
            "hub": self.hub,
            "data": str(self.folder),
        }


def _with_progress(rows: Iterator[HistoryRow], at: Callable[[int], None]) -> Iterator[str]:
    """The lines of the import file that the factory's past would be."""
    yield ",".join(importing.COLUMNS)
    while piece := list(islice(rows, HISTORY_LINES_AT_ONCE)):
        yield from (",".join(row) for row in piece)
        at(milliseconds_of(piece[-1].time))


def _free_port(wanted_port: int, *, wanted: bool = False) -> int:
    """`wanted_port` if it is free; else another one, or DemoError where only this one will do."""
    for port in (wanted_port, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                if wanted:
                    raise DemoError(f"port {wanted_port} is in use ({error.strerror}); choose another one with --port") from error
                continue
            return int(probe.getsockname()[1])
    raise DemoError(f"no free port could be had on {HOST}")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0
