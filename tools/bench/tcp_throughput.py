"""Modbus TCP, 32 units, two blocks each, through to the store: block reads and values per second.

`python -m tools.bench.tcp_throughput [--seconds 10] [--connections 8]` serves the units from a process of its own on the
loopback, lets the real acquisition poll them without a pause, keeps every reading in a real store on disk, and prints
one JSON line. The bounds hold for a machine at rest; the processor time of a read says what a busy one hides.
"""

import asyncio
import json
import tempfile
import threading
import time
from argparse import ArgumentParser
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from gateway.acquisition import Acquisition
from gateway.buffer.store import COMMIT_S, Store
from gateway.clock import SystemClock
from gateway.deliver.key import gateway_key
from gateway.site import LineTable, MeterTable, PollTable, Site, SiteTable
from protocols.frame import TcpFrame, TcpReader, tcp_frame
from protocols.meter import Meter
from protocols.reading import Reading
from tools.bench.made_up_meter import made_up

UNITS = 32
READS_PER_S, VALUES_PER_S = 3_000, 50_000
# Two blocks that no planner joins: their distance is longer than a request may be.
SECOND = 1_000
_PHASES = ("l1", "l2", "l3")
_ROWS = (
    *((f"voltage_{phase}_n", "V") for phase in _PHASES),
    *((f"current_{phase}", "A") for phase in _PHASES),
    *((f"active_power_{phase}", "W") for phase in _PHASES),
    ("active_power", "W"),
    ("frequency", "Hz"),
    *((f"reactive_power_{phase}", "var") for phase in _PHASES),
    ("reactive_power", "var"),
    *((f"apparent_power_{phase}", "VA") for phase in _PHASES),
    ("apparent_power", "VA"),
    *((f"power_factor_{phase}", "") for phase in _PHASES),
    ("power_factor", ""),
    *((f"phase_angle_{phase}", "degrees") for phase in _PHASES),
    *((f"thd_voltage_{phase}", "%") for phase in _PHASES),
    *((f"thd_current_{phase}", "%") for phase in _PHASES),
    ("voltage_l1_l2", "V"),
    ("voltage_l2_l3", "V"),
    ("voltage_l3_l1", "V"),
)


def meter() -> Meter:
    half = len(_ROWS) // 2
    rows = []
    for index, (quantity, unit) in enumerate(_ROWS):
        address = 2 * index if index < half else SECOND + 2 * (index - half)
        rows.append({"quantity": quantity, "address": address, "scale": "0.001"} | ({"unit": unit} if unit else {}))
    return made_up(rows, 125, 1, 5, 1_000)


class _Server(asyncio.Protocol):
    """Answers each read with words that were made before: what is measured is the gateway."""

    _words = bytes(range(250))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._reader = TcpReader()

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while isinstance(frame := self._reader.take(), TcpFrame):
            length = 2 * frame.pdu[4]
            self._transport.write(tcp_frame(frame.transaction, frame.unit, bytes((frame.pdu[0], length)) + self._words[:length]))


def _serve(told: Connection) -> None:
    async def work() -> None:
        server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(work())


def site(folder: Path, port: int, connections: int) -> Site:
    lines = tuple(LineTable(name=f"tcp-{number}", tcp=f"127.0.0.1:{port}") for number in range(connections))
    meters = tuple(
        MeterTable(name=f"m{number}", line=f"tcp-{number % connections}", address=number + 1, model="made-up", role="load", counts=())
        for number in range(UNITS)
    )
    # No pause at all is no interval that a site file may have.
    poll = PollTable().model_copy(update={"interval_s": 0.001})
    found = Site(site=SiteTable(name="bench", timezone="UTC"), line=lines, meter=meters)
    return found.model_copy(update={"poll": poll, "folder": folder})


def measured(seconds: float, connections: int) -> dict[str, Any]:
    ours, theirs = Pipe()
    server = Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            key = gateway_key(Path(folder))
            store = Store(Path(folder), key.gateway, key.sign)
            try:
                answers, took, cpu = _polled(site(Path(folder), ours.recv(), connections), store, seconds)
                stored = {"readings_stored": store.status().readings_stored, "values_stored": _values(store)}
            finally:
                store.close()
    finally:
        server.terminate()
        server.join()
    reads_per_s = answers / took
    values_per_s = reads_per_s / 2 * len(_ROWS)
    return {
        "units": UNITS,
        "connections": connections,
        "seconds": round(took, 1),
        "block_reads_per_s": round(reads_per_s),
        "block_reads_ratio": round(reads_per_s / READS_PER_S, 3),
        "cpu_us_per_block_read": round(cpu / max(1, answers) * 1e6),
        "values_per_s": round(values_per_s),
        "values_ratio": round(values_per_s / VALUES_PER_S, 3),
        **stored,
    }


def _polled(found: Site, store: Store, seconds: float) -> tuple[int, float, float]:
    """Good answers, seconds and processor seconds, while a writer commits beside as the gateway's does."""
    clock, stop = SystemClock(), threading.Event()

    def commit() -> None:
        while not stop.wait(min(COMMIT_S, seconds / 4)):
            store.commit(clock.now_ms())

    def keep(reading: Reading) -> None:
        store.add([reading])

    writer = threading.Thread(target=commit)
    never = lambda: lambda _now_ms: 2**62  # noqa: E731 - no boundary: levels only
    acquisition = Acquisition(found, {"made-up": meter()}, clock, keep, lambda _: None, never, 1)
    acquisition.start()
    writer.start()
    time.sleep(1.0)  # the first answers bring every unit in step
    began, cpu, before = time.perf_counter(), time.process_time(), _answers(acquisition)
    time.sleep(seconds)
    took, cpu, after = time.perf_counter() - began, time.process_time() - cpu, _answers(acquisition)
    acquisition.stop()
    stop.set()
    writer.join()
    store.commit(clock.now_ms())
    return after - before, took, cpu


def _answers(acquisition: Acquisition) -> int:
    return sum(line.counters.answers for line in acquisition.lines())


def _values(store: Store) -> int:
    counts = (f'select count("{quantity}") from "power_m{number}"' for number in range(UNITS) for quantity, _ in _ROWS)  # noqa: S608 - our own names
    return sum(int(store.reader().execute(each).fetchone()[0]) for each in counts)


def main() -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=8)
    chosen = parser.parse_args()
    result = measured(chosen.seconds, chosen.connections)
    print(json.dumps(result))
    return 0 if result["block_reads_per_s"] >= READS_PER_S and result["values_per_s"] >= VALUES_PER_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
