"""What the gateway takes of a machine with 32 meters: memory, bytes of the store per poll, bytes written to the disk.

`python -m tools.bench.footprint [--seconds 120]` serves 32 meters of 30 level quantities and a counter over Modbus TCP from this process,
polls them once a second by a gateway process that delivers to a hub process, and prints one JSON line. Status 1 over a bound.
The first half is warming up: what is measured is the second.
"""

import asyncio
import json
import sqlite3
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser
from pathlib import Path
from random import Random
from typing import Any

from gateway import catalogue, control
from gateway.buffer.connection import FILE
from tools.bench import parts
from tools.factory.tcp_meters import TcpMeters, Unit
from tools.factory.virtual_meter import VirtualMeter
from tools.hub import manage

UNITS = 32
MODEL = "made-up-thirty"
# Budgets of the design: collectors without pages, carbon or a chain take 35 to 66 MB.
MEMORY_MB_MAX = 80
BYTES_PER_POLL_MAX = 150
WRITTEN_TIMES_MAX = 3
_PHASES = ("l1", "l2", "l3")
_ROWS = (
    *((f"voltage_{phase}_n", "V", 230_000) for phase in _PHASES),
    *((f"current_{phase}", "A", 41_250) for phase in _PHASES),
    *((f"active_power_{phase}", "W", 9_100_000) for phase in _PHASES),
    *((f"reactive_power_{phase}", "var", 2_300_000) for phase in _PHASES),
    *((f"apparent_power_{phase}", "VA", 9_400_000) for phase in _PHASES),
    *((f"power_factor_{phase}", "", 968) for phase in _PHASES),
    *((f"phase_angle_{phase}", "degrees", 14_200) for phase in _PHASES),
    *((f"voltage_{pair}", "V", 398_000) for pair in ("l1_l2", "l2_l3", "l3_l1")),
    ("current_n", "A", 1_120),
    ("active_power", "W", 27_300_000),
    ("reactive_power", "var", 6_900_000),
    ("apparent_power", "VA", 28_200_000),
    ("power_factor", "", 968),
    ("frequency", "Hz", 50_010),
    ("active_energy_import", "Wh", 812_345_000),
)


def meter_file() -> str:
    rows = "\n".join(
        f'  {{ quantity = "{name}", address = {2 * at}, scale = "0.001"{f", unit = {json.dumps(unit)}" if unit else ""} }},'
        for at, (name, unit, _) in enumerate(_ROWS)
    )
    return f"""name = "{MODEL}"
manufacturer = "none"
covers = ["none"]
proof = "unproven"
sources = [{{ document = "made up for this measurement" }}]
serial = {{}}
limits = {{ registers_max = 125, turnaround_ms = 1, turnaround_slow_ms = 5, timeout_ms_max = 1000 }}
[registers]
function = 3
type = "int32"
rows = [
{rows}
]
"""


def measure(seed: int) -> Any:
    """Values that tremble as measured ones do: equal ones would compress to nothing."""
    chance = Random(seed)
    return lambda now_ms: {
        name: now_ms // 1000 if name == "active_energy_import" else round(value * chance.uniform(0.95, 1.05)) for name, _, value in _ROWS
    }


class Meters:
    """32 units on a loop and thread of their own."""

    def __init__(self, data: Path) -> None:
        model = catalogue.meters(data)[MODEL]
        units = {number: Unit(f"m{number}", _served(VirtualMeter(model, measure(number)))) for number in range(1, UNITS + 1)}
        self._meters = TcpMeters(units, random=Random(1))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> int:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._meters.start(), self._loop).result()
        return self._meters.address[1]

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._meters.stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _served(meter: VirtualMeter) -> Any:
    return lambda request, now_us: meter.serve(request, now_us // 1000)


def site(folder: Path, port: int, hub_port: int) -> Path:
    (folder / "hub.token").write_text(manage.enrol(parts.hub_address(folder), "footprint"))
    meters = "".join(
        f'[[meter]]\nname = "m{number}"\nline = "lan"\naddress = {number}\nmodel = "{MODEL}"\nrole = "load"\n'
        for number in range(1, UNITS + 1)
    )
    path = folder / "site.toml"
    path.write_text(
        f'[site]\nname = "footprint"\ntimezone = "UTC"\n[poll]\ninterval_s = 1\n[pages]\nlisten = "{parts.HOST}:{parts.free_port()}"\n'
        f'[upstream]\nurl = "http://{parts.HOST}:{hub_port}/"\nenrol_token_file = "hub.token"\n'
        f'[[line]]\nname = "lan"\ntcp = "{parts.HOST}:{port}"\n{meters}'
    )
    return path


def _sizes(data: Path, process: int) -> dict[str, int]:
    """Bytes now: of the store's rows, written by the process, and of its memory; polls that are stored."""
    status = Path(f"/proc/{process}/status").read_text()
    written = Path(f"/proc/{process}/io").read_text()
    with sqlite3.connect(f"file:{data / FILE}?mode=ro", uri=True) as connection:
        page, pages, free = (connection.execute(f"pragma {name}").fetchone()[0] for name in ("page_size", "page_count", "freelist_count"))
        counts = [f'select count(*) from "power_m{number}"' for number in range(1, UNITS + 1)]  # noqa: S608 - names made here
        polls = sum(connection.execute(count).fetchone()[0] for count in counts)
    connection.close()
    return {
        "store": page * (pages - free),
        "written": int(written.partition("write_bytes: ")[2].split()[0]),
        "peak_kb": int(status.partition("VmHWM:")[2].split()[0]),
        "polls": polls,
    }


def measured(seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data = folder / "data" / "meters"
        data.mkdir(parents=True)
        (data / f"{MODEL}.toml").write_text(meter_file())
        hub_port = parts.free_port()
        with Meters(folder / "data") as port:
            path = site(folder, port, hub_port)
            found = _watched(folder, path, hub_port, seconds)
    return found


def _watched(folder: Path, path: Path, hub_port: int, seconds: float) -> dict[str, Any]:
    with parts.hub(folder, hub_port), parts.gateway(path) as gateway:
        gateway.until(lambda: _answers(folder / "data"), "it polls")
        time.sleep(seconds / 2)
        before = _sizes(folder / "data", gateway.process.pid)
        time.sleep(seconds / 2)
        after = _sizes(folder / "data", gateway.process.pid)
        gateway.stop()
    polls = after["polls"] - before["polls"]
    stored, written = (after["store"] - before["store"]) / polls, (after["written"] - before["written"]) / polls
    return {
        "meters": UNITS,
        "quantities": len(_ROWS) - 1,
        "polls": polls,
        "memory_mb": round(after["peak_kb"] / 1000, 1),
        "memory_ratio": round(after["peak_kb"] / 1000 / MEMORY_MB_MAX, 3),
        "bytes_per_poll": round(stored, 1),
        "bytes_ratio": round(stored / BYTES_PER_POLL_MAX, 3),
        "written_bytes_per_poll": round(written, 1),
        "written_times": round(written / BYTES_PER_POLL_MAX, 2),
    }


def _answers(data: Path) -> bool:
    try:
        return bool(control.ask(data, "counts")["answers"])
    except (control.ControlError, OSError):
        return False


def main() -> int:
    parser = ArgumentParser(prog="python -m tools.bench.footprint", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0)
    found = measured(parser.parse_args().seconds)
    print(json.dumps(found))
    return int(found["memory_ratio"] > 1 or found["bytes_ratio"] > 1 or found["written_times"] > WRITTEN_TIMES_MAX)


if __name__ == "__main__":
    sys.exit(main())
