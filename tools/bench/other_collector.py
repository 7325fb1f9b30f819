"""Side by side with another collector: modpoll and our gateway on the same virtual RS-485 line, in real time.

`python -m tools.bench.other_collector --install` (or `--python PATH` of an environment that has modpoll) gives each
of them ten meters at 9600 baud, one block each, behind a pseudo-terminal: all well, one of them dead, a tenth of the
answers late. Each is asked to poll without a pause. What they did is taken from what the line knows to be true; what
they booked, from modpoll's table and from our store. Prints one JSON line; takes some eight minutes.
"""

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
import venv
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from protocols.reading import iso
from tools.bench.late_line import Device
from tools.bench.line_cycle import least_us
from tools.bench.parts import HOST, free_port
from tools.factory.faults import DeadMeter, Fault, LateReply
from tools.factory.pace import Pace
from tools.factory.protocol_virtual import SCHEME
from tools.factory.pty_line import PtyLine
from tools.factory.serial_settings import LineSettings
from tools.factory.station import Station
from tools.factory.truth import Reply
from tools.factory.wire import Line

OTHER = ("modpoll==1.6.0", "pyserial")  # it needs the second one for a serial port, and does not say so to pip
METERS = 10
REGISTERS = 40  # so that even nine meters fill more than a second, the shortest interval of ours
SETTINGS = LineSettings(9600, "N", 1)
TURNAROUND_US = (30_000, 50_000)
QUANTITIES = ("voltage_l1_n", "voltage_l2_n", "voltage_l3_n", "current_l1", "current_l2", "current_l3", "active_power", "frequency")
_UNITS = ("V", "V", "V", "A", "A", "A", "W", "Hz")
_SPREAD = (REGISTERS - 2) // (len(QUANTITIES) - 1) // 2 * 2
ADDRESSES = (*range(0, _SPREAD * (len(QUANTITIES) - 1), _SPREAD), REGISTERS - 2)
# Twice what a slow answer takes: what a careful person would set.
TUNED_S, SHIPPED_S = 0.3, 3.0
# Both have found the meters by then, and ours knows the dead one.
WARM_UP_S = 20.0
STOP_S_MAX = 20.0
SCENARIOS: dict[str, tuple[int, Fault | None]] = {
    "all_well": (0, None),
    "one_dead": (1, DeadMeter()),
    "late_answers": (METERS, LateReply(0.1, 400_000, 3_000_000)),
}


class Booked(NamedTuple):
    """A value that a collector took for that of a meter's register."""

    meter: int
    address: int
    value: int


@dataclass(frozen=True)
class Collector:
    name: str
    python: str = ""
    timeout_s: float = 0.0

    def words(self, folder: Path, link: Path) -> list[str]:
        if not self.python:
            site = _write_site(folder, f"{SCHEME}{link}")
            return [sys.executable, "-m", "tools.command", "run", "--force", "--site", str(site)]
        config = folder / "modpoll.csv"
        config.write_text(_modpoll_config())
        serial = ["--serial", str(link), "--serial-baud", str(SETTINGS.baud)]
        pace = ["--rate", "0", "--interval", "0", "--delay", "0", "--timeout", str(self.timeout_s)]
        return [self.python, "-u", "-m", "modpoll", "-f", str(config), *serial, *pace, "--loglevel", "CRITICAL"]

    def booked(self, folder: Path, log: Path, from_ms: int) -> list[Booked]:
        """Ours stand with their time in the store; modpoll's table does not say when, so that its warm-up counts too."""
        return list(_told(log.read_text(errors="replace")) if self.python else _stored(folder / "data" / "shiftwatt.db", from_ms))


def _modpoll_config() -> str:
    rows = []
    for number in range(1, METERS + 1):
        rows += [f"device,m{number},{number},,", f"poll,holding_register,0,{REGISTERS},BE_BE"]
        rows += [f"ref,r{address},{address},uint32,r" for address in ADDRESSES]
    return "\n".join(rows) + "\n"


def _told(text: str) -> Iterator[Booked]:
    meter = 0
    for line in text.splitlines():
        if found := re.match(r"Device: m(\d+)", line):
            meter = int(found[1])
        elif found := re.match(r"\|\s*r(\d+)\s*\|\s*(\d+)\s*\|", line):
            yield Booked(meter, int(found[1]), int(found[2]))


def _stored(path: Path, from_ms: int) -> Iterator[Booked]:
    with sqlite3.connect(path) as database:
        for number in range(1, METERS + 1):
            columns = ", ".join(QUANTITIES)
            try:
                rows = database.execute(
                    f"select {columns} from power_m{number} where time_ms >= ? order by sequence",  # noqa: S608 - our own names
                    (from_ms,),
                ).fetchall()
            except sqlite3.OperationalError:
                continue  # it never answered
            for row in rows:
                yield from (Booked(number, address, value) for address, value in zip(ADDRESSES, row, strict=True) if value is not None)
    database.close()


def _write_site(folder: Path, port: str) -> Path:
    meters = folder / "data" / "meters"
    meters.mkdir(parents=True)
    rows = [
        f'  {{ address = {address}, quantity = "{quantity}", unit = "{unit}", scale = 0.001 }},'
        for address, quantity, unit in zip(ADDRESSES, QUANTITIES, _UNITS, strict=True)
    ]
    # A load must have a counter; it is read every quarter of an hour, as one block more.
    rows.append(f'  {{ address = {ADDRESSES[-1] - 4}, quantity = "active_energy_import", unit = "Wh", scale = 0.001 }},')
    limits = f"limits = {{ registers_max = {REGISTERS}, turnaround_ms = 40, turnaround_slow_ms = 60, timeout_ms_max = 500 }}"
    head = ['name = "made-up"', 'manufacturer = "none"', 'covers = ["none"]', 'proof = "unproven"', "serial = {}", limits]
    source = 'sources = [{ document = "made up for this comparison" }]'
    registers = ["[registers]", "function = 3", 'type = "uint32"', "rows = [", *rows, "]"]
    (meters / "made-up.toml").write_text("\n".join([*head, source, *registers]) + "\n")
    tables = [
        '[site]\nname = "bench"\ntimezone = "UTC"\nregion = ["CN"]',
        "[poll]\ninterval_s = 1",
        f'[pages]\nlisten = "{HOST}:{free_port()}"',
    ]
    tables.append(f'[[line]]\nname = "bus"\nport = "{port}"\nbaud = {SETTINGS.baud}\nparity = "N"\nstop_bits = 1')
    tables += [
        f'[[meter]]\nname = "m{number}"\nline = "bus"\naddress = {number}\nmodel = "made-up"\nrole = "load"'
        for number in range(1, METERS + 1)
    ]
    site = folder / "site.toml"
    site.write_text("\n\n".join(tables) + "\n")
    return site


def _line(afflicted: int, fault: Fault | None, seed: int) -> Line:
    faults = [fault] if fault else []
    stations = [
        Station(f"m{number}", number, Device(number).serve, turnaround_us=TURNAROUND_US, faults=faults if number <= afflicted else [])
        for number in range(1, METERS + 1)
    ]
    return Line(stations, SETTINGS, random=Random(seed))


@contextmanager
def _running(words: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def measured(collector: Collector, scenario: str, seconds: float, seed: int) -> dict[str, Any]:
    afflicted, fault = SCENARIOS[scenario]
    line = _line(afflicted, fault, seed)
    with TemporaryDirectory() as name:
        folder = Path(name)
        link, log, pace = folder / "bus", folder / "log", Pace()
        with PtyLine(line, link, pace), _running(collector.words(folder, link), log) as process:
            time.sleep(WARM_UP_S)
            from_us, from_ms = pace.now_us(), time.time_ns() // 1_000_000
            time.sleep(seconds)
            until_us = pace.now_us()
            if process.poll() is not None:
                raise SystemExit(f"{collector.name} ended by itself and said:\n{log.read_text()[-2_000:]}")
        booked = collector.booked(folder, log, from_ms)
    found = [reply for reply in line.truth if reply.delivered and from_us <= reply.sent_at_us and (reply.ended_us or 0) <= until_us]
    good = [reply for reply in found if not reply.overtaken]
    return {
        "good_answers_per_s": round(len(good) / seconds, 3),
        "cycle_over_least": _cycle_over_least(good) if scenario == "all_well" else None,
        "longest_wait_s": _longest_wait_s(good, from_us, until_us, afflicted if scenario == "one_dead" else 0),
        **_judged(booked, list(line.truth)),
    }


def _cycle_over_least(good: list[Reply]) -> float:
    """The median way from one answer of the first meter to its next, over what wire and meters took for the answers in it."""
    starts = [index for index, reply in enumerate(good) if reply.station == "m1"]
    return round(
        median((good[after].sent_at_us - good[at].sent_at_us) / sum(map(least_us, good[at:after])) for at, after in pairwise(starts)), 3
    )


def _longest_wait_s(good: list[Reply], from_us: int, until_us: int, dead: int) -> float:
    waits = []
    for number in range(dead + 1, METERS + 1):
        ends = [from_us, *(reply.ended_us or 0 for reply in good if reply.station == f"m{number}"), until_us]
        waits.append(max(later - earlier for earlier, later in pairwise(ends)))
    return round(max(waits) / 1e6, 3)


def _judged(booked: list[Booked], replies: list[Reply]) -> dict[str, Any]:
    """`foreign`: not what that meter said of that register. `older`: it said so in answer to a request that a newer one had followed."""
    truth = {(int(reply.station[1:]), int.from_bytes(reply.said[4:6], "big")): reply for reply in replies}
    foreign = older = 0
    oldest_us = 0
    for each in booked:
        reply = truth.get((each.meter, each.value & 0xFFFF))
        if reply is None or each.value >> 16 != each.meter << 9 | each.address:
            foreign += 1
        elif reply.overtaken:
            older += 1
            oldest_us = max(oldest_us, (reply.ended_us or 0) - reply.sent_at_us)
    return {"booked_values": len(booked), "foreign": foreign, "older": older, "oldest_s": round(oldest_us / 1e6, 3)}


def _installed(folder: Path) -> str:
    """An environment of its own: its dependencies are not ours."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *OTHER], check=True)
    return str(python)


def _version(python: str) -> str:
    words = "import importlib.metadata as m; print('modpoll', m.version('modpoll'), 'on pymodbus', m.version('pymodbus'))"
    return subprocess.run([python, "-c", words], check=True, capture_output=True, text=True).stdout.strip()


def main() -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--python", help="interpreter of an environment that has modpoll")
    parser.add_argument("--install", action="store_true", help=f"make such an environment with {OTHER[0]}, and throw it away")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each of the nine runs, after the warm-up")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    if bool(chosen.python) == chosen.install:
        parser.error("give --python PATH of an environment with modpoll, or --install")
    with TemporaryDirectory() as folder:
        python = _installed(Path(folder)) if chosen.install else chosen.python
        collectors = (
            Collector("shiftwatt"),
            Collector("modpoll_tuned", python, TUNED_S),
            Collector("modpoll_timeout_as_shipped", python, SHIPPED_S),
        )
        result: dict[str, Any] = {
            "other": _version(python),
            "date": iso(time.time_ns() // 1_000_000)[:10],
            "meters": METERS,
            "baud": SETTINGS.baud,
        }
        for scenario in SCENARIOS:
            result[scenario] = {each.name: measured(each, scenario, chosen.seconds, chosen.seed) for each in collectors}
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
