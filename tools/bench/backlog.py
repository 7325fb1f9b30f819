"""A month's backlog drains while the gateway goes on: the real store, outbox and sender against a real hub process on loopback.

`python -m tools.bench.backlog [--days 30] [--meters 32] [--postgresql] [--folder DIR]` fills and seals a gateway's
store, and then lets the sender drain it while new readings come every ten seconds. One JSON line says how
long it took, how late live readings were at the hub, and how many bytes a reading costs on the wire and there.
Filling and sealing are preparation and are timed apart.
"""

import json
import random
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from gateway.buffer.store import Store
from gateway.deliver.client import HubClient
from gateway.deliver.enrolment import Enrolment
from gateway.deliver.key import GatewayKey, gateway_key
from gateway.deliver.sender import REACHABLE, Sender
from gateway.deliver.upstream import Upstream, open_session
from gateway.sealing import SEAL_AWAY_S, SEAL_S, Pace
from protocols.reading import Reading
from tools.bench import parts, postgresql
from tools.hub import manage

INTERVAL_MS = 10_000
COUNTERS_MS = 15 * 60_000
# What must hold: ten minutes for thirty days, and a central screen that is half a minute late at most.
DRAIN_S_MAX, LAG_S_MAX = 600.0, 30.0
DAYS = 30
LEVELS = (
    "voltage_l1_n", "voltage_l2_n", "voltage_l3_n", "current_l1", "current_l2", "current_l3",
    "active_power_l1", "active_power_l2", "active_power_l3", "active_power", "power_factor", "frequency",
)  # fmt: skip
_BASE = (230_000, 230_000, 230_000, 40_000, 40_000, 40_000, 9_000_000, 9_000_000, 9_000_000, 27_000_000, 960, 50_000)


def readings(meters: int, from_ms: int, to_ms: int, wobble: random.Random) -> Iterator[Reading]:
    """Every meter every ten seconds, its counter every quarter of an hour; values wander as real ones do."""
    for time_ms in range(from_ms, to_ms, INTERVAL_MS):
        for meter in range(meters):
            noise = wobble.getrandbits(60)
            values = {
                name: base + base * ((noise >> 5 * place & 31) - 16) // 2000
                for place, (name, base) in enumerate(zip(LEVELS, _BASE, strict=True))
            }
            if time_ms % COUNTERS_MS == 0:
                values["active_energy_import"] = time_ms // 1000 * 7_500 + meter
            yield Reading(f"meter-{meter:02}", 1, time_ms - from_ms, time_ms, values, {}, 35)


class CountingAdapter(HTTPAdapter):
    """Counts what goes over the wire in both directions, heads included."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        response = super().send(request, *args, **options)
        heads = [*request.headers.items(), *response.headers.items()]
        self.bytes += sum(len(name) + len(value) + 4 for name, value in heads) + len(request.body or b"") + 120
        return response


class Gateway:
    """A store with a backlog, and the sender that drains it."""

    def __init__(self, folder: Path, meters: int) -> None:
        self.key: GatewayKey = gateway_key(folder)
        self.store = Store(folder, self.key.gateway, self.key.sign)
        self.wire = CountingAdapter()
        self._folder = folder
        self._meters = meters
        self._wobble = random.Random(1)

    def prepare(self, begin_ms: int, end_ms: int, progress: Callable[[str, float], None]) -> dict[str, Any]:
        """As the gateway seals while its hub is away: one batch of ten minutes after the other."""
        began, sealed_s, batches = time.monotonic(), 0.0, 0
        span_ms = SEAL_AWAY_S * 1000
        for from_ms in range(begin_ms, end_ms, span_ms):
            to_ms = min(from_ms + span_ms, end_ms)
            self.poll(from_ms, to_ms)
            at = time.monotonic()
            batches += self.store.outbox.seal(to_ms)
            sealed_s += time.monotonic() - at
            if (from_ms - begin_ms) // span_ms % 500 == 0:
                progress("filling", (from_ms - begin_ms) / (end_ms - begin_ms))
        filled_s = time.monotonic() - began - sealed_s
        records = self.store.status().readings_stored
        return {"records": records, "batches": batches, "fill_s": round(filled_s, 1), "seal_s": round(sealed_s, 1)}

    def poll(self, from_ms: int, to_ms: int) -> None:
        self.store.add(list(readings(self._meters, from_ms, to_ms, self._wobble)))
        self.store.commit(0)

    @contextmanager
    def sending(self, url: str, token: str) -> Iterator[Sender]:
        session = open_session(Upstream(url))
        session.mount("http://", self.wire)
        (self._folder / "hub.token").write_text(token)
        enrolment = Enrolment(self._folder, url, self._folder / "hub.token", self.key)
        sender = Sender(self.store.outbox, HubClient(session, url), enrolment, now_ms=_now_ms, random=random.random)
        stop = threading.Event()
        thread = threading.Thread(target=sender.run, args=(stop,))
        thread.start()
        try:
            yield sender
        finally:
            stop.set()
            thread.join()

    def live(self, stop: threading.Event, hub_takes: Callable[[], bool]) -> None:
        """What the gateway goes on doing: read, commit every ten seconds, seal at its own pace."""
        pace = Pace(time.monotonic, lambda: self.store.outbox.depth().batches, hub_takes)
        next_ms = _now_ms()
        while not stop.wait(max(0.0, (next_ms - _now_ms()) / 1000)):
            self.poll(next_ms, next_ms + INTERVAL_MS)
            if pace.due():
                self.store.outbox.seal(_now_ms())
            next_ms += INTERVAL_MS

    def lags_s(self, since_ms: int) -> list[float]:
        """How old the oldest reading of each live batch was when the hub had confirmed it, had it just missed a commit."""
        rows = self.store.reader().execute(
            "select acknowledged_ms, (select min(time_ms) from power where sequence between first_sequence and last_sequence) "
            "from batch where sealed_ms >= ? and acknowledged_ms is not null",
            (since_ms,),
        )
        return [(acknowledged - oldest + INTERVAL_MS) / 1000 for acknowledged, oldest in rows]


def run(folder: Path, days: float, meters: int, db: str, progress: Callable[[str, float], None]) -> dict[str, Any]:
    end_ms = _now_ms() // INTERVAL_MS * INTERVAL_MS
    begin_ms = end_ms - round(days * 86_400_000) // INTERVAL_MS * INTERVAL_MS
    gateway = Gateway(folder, meters)
    stop = threading.Event()
    try:
        done = folder / "prepared.json"
        if not done.exists():
            done.write_text(json.dumps(gateway.prepare(begin_ms, end_ms, progress)))
        prepared = json.loads(done.read_text())
        records, batches = prepared["records"], prepared["batches"]
        with _hub(folder, db) as hub, gateway.sending(hub.url, manage.enrol(db, "backlog")) as sender:
            live = threading.Thread(target=gateway.live, args=(stop, lambda: sender.status().hub == REACHABLE))
            began, began_ms = time.monotonic(), _now_ms()
            live.start()
            while (left := gateway.store.outbox.depth().batches) > 1:
                progress("draining", 1 - left / batches)
                time.sleep(0.5)
            drained_s = time.monotonic() - began
            time.sleep(SEAL_S + INTERVAL_MS / 1000)
            stop.set()
            live.join()
            lags = gateway.lags_s(began_ms)
            held = manage.list_gateways(db)[0]
            cpu_s = hub.cpu_s()
    finally:
        stop.set()
        gateway.store.close()
    return {
        "days": days,
        "meters": meters,
        "quantities": len(LEVELS),
        **prepared,
        "drain_s": round(drained_s, 1),
        "records_per_s": round(records / drained_s),
        "live_batches": len(lags),
        "live_lag_s_max": round(max(lags, default=0.0), 1),
        "wire_bytes_per_record": round(gateway.wire.bytes / held["records"], 1),
        "hub_cpu_s": round(cpu_s, 1),
        "records_at_hub": held["records"],
        "complete": held["complete"],
    }


class _Hub:
    def __init__(self, part: parts.Part, url: str) -> None:
        self.url = url
        self._part = part

    def cpu_s(self) -> float:
        return postgresql.cpu_s(self._part.process.pid)


@contextmanager
def _hub(folder: Path, db: str) -> Iterator[_Hub]:
    port = parts.free_port()
    with parts.hub(folder, port, db) as part:
        yield _Hub(part, f"http://{parts.HOST}:{port}")
        part.stop()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def faults(found: dict[str, Any]) -> list[str]:
    said = []
    if not found["complete"] or found["records_at_hub"] < found["records"]:
        said.append(f"the hub holds {found['records_at_hub']} of {found['records']} records and more")
    if found["drain_s"] > DRAIN_S_MAX * found["days"] / DAYS + LAG_S_MAX:
        said.append(f"{found['days']} days took {found['drain_s']} s")
    if found["live_lag_s_max"] > LAG_S_MAX:
        said.append(f"a live reading was {found['live_lag_s_max']} s late")
    return said


def _wishes() -> Namespace:
    parser = ArgumentParser(prog="python -m tools.bench.backlog", description=__doc__)
    parser.add_argument("--days", type=float, default=DAYS)
    parser.add_argument("--meters", type=int, default=32)
    parser.add_argument("--postgresql", action="store_true", help="a PostgreSQL of our own instead of SQLite")
    parser.add_argument(
        "--folder", type=Path, default=None, help="is kept, and its backlog used again by the next run; default: a temporary one"
    )
    parser.add_argument("--prepare", action="store_true", help="make the backlog in --folder and end")
    return parser.parse_args()


def _prepare(folder: Path, wishes: Namespace) -> int:
    gateway = Gateway(folder, wishes.meters)
    end_ms = _now_ms() // INTERVAL_MS * INTERVAL_MS
    done = gateway.prepare(end_ms - round(wishes.days * 86_400_000), end_ms, _tell)
    (folder / "prepared.json").write_text(json.dumps(done))
    gateway.store.close()
    return 0


def _tell(what: str, share: float) -> None:
    print(f"{what} {share:.0%}", file=sys.stderr)


def main() -> int:
    wishes = _wishes()
    with ExitStack() as stack:
        folder = wishes.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shiftwatt-backlog-")))
        folder.mkdir(parents=True, exist_ok=True)
        if wishes.prepare:
            return _prepare(folder, wishes)
        db = stack.enter_context(postgresql.server()).fresh() if wishes.postgresql else parts.hub_address(folder)
        found = run(folder, wishes.days, wishes.meters, db, _tell)
        if not wishes.postgresql:
            found["hub_bytes_per_record"] = round(sum(path.stat().st_size for path in folder.glob("hub.db*")) / found["records_at_hub"], 1)
    print(json.dumps({**found, "store": "postgresql" if wishes.postgresql else "sqlite", "faults": faults(found)}))
    return 1 if faults(found) else 0


if __name__ == "__main__":
    sys.exit(main())
