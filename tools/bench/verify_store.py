"""How long `verify` takes and how much memory it needs as a store grows: it must stay flat.

`python -m tools.bench.verify_store [--readings 500000]` makes stores of an eighth and of all of the readings (32 meters, half of the
readings counters and half power), verifies each in a process of its own, and prints one JSON line.
It ends with 1 if a store does not hold, or if the large one needs twice the memory of the small one.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from protocols.reading import Reading
from tools.bench.small_works import KWH, MINUTE_MS, Works

METERS = 32
SHARE = 8  # the small store is so many times smaller
MEMORY_TIMES_MAX = 2
STEP_MS = 15 * MINUTE_MS
START_MS = 1_767_225_600_000  # 2026-01-01
AT_ONCE = 50_000
_SHIFTS = (("early", "06:00", "14:00"), ("late", "14:00", "22:00"), ("night", "22:00", "06:00"))


def site_text() -> str:
    meters = [f'[[meter]]\nname = "m{number}"\nrole = "load"\nrating = "100 kW"\n' for number in range(METERS)]
    shifts = [f'[[shift]]\nname = "{name}"\nstart = "{start}"\nend = "{end}"\n' for name, start, end in _SHIFTS]
    return "".join(['[site]\nname = "large"\ntimezone = "Europe/Berlin"\nregion = ["CN"]\n', *meters, *shifts])


def readings(count: int) -> Iterator[Reading]:
    for step in range(count // (2 * METERS)):
        for number in range(METERS):
            at = START_MS + step * STEP_MS
            yield Reading(f"m{number}", 1, at - START_MS, at, {"active_energy_import": step * (KWH + number)}, {}, 20)
            yield Reading(f"m{number}", 1, at - START_MS, at, {"active_power": 4_000_000 + step, "voltage_l1_n": 230_100}, {}, 20)


def make(folder: Path, count: int) -> Works:
    works = Works(folder, site_text())
    works.now_ms = START_MS + (count // (2 * METERS) + 200) * STEP_MS
    waiting: list[Reading] = []
    for reading in readings(count):
        waiting.append(reading)
        if len(waiting) == AT_ONCE:
            works.put(*waiting)
            waiting = []
    works.put(*waiting)
    works.step()
    works.store.outbox.acknowledge(range(1, works.store.outbox.last_number() + 1), works.now_ms)
    works.store.close()
    return works


def verified(folder: Path) -> dict[str, Any]:
    """In a process of its own: its highest memory is that of the verification."""
    words = [sys.executable, "-m", "tools.bench.verify_store", "--verify", str(folder / "site.toml")]
    found: dict[str, Any] = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    return found


def _verify(site: Path) -> None:
    from tools.command import app  # noqa: PLC0415 - only the child needs it

    begun = time.perf_counter()
    try:
        app(["verify", "--site", str(site)], standalone_mode=True)
    except SystemExit as end:
        status = end.code
    seconds = round(time.perf_counter() - begun, 1)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"status": status or 0, "seconds": seconds, "memory_mb": memory}), file=sys.__stdout__)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readings", type=int, default=500_000)
    parser.add_argument("--verify", type=Path)
    given = parser.parse_args()
    if given.verify is not None:
        sys.stdout = sys.stderr
        _verify(given.verify)
        return 0
    found = {}
    for count in (given.readings // SHARE, given.readings):
        with tempfile.TemporaryDirectory(prefix="shiftwatt-verify-") as folder:
            make(Path(folder), count)
            found[count] = verified(Path(folder))
    small, large = found.values()
    holds = small["status"] == large["status"] == 0 and large["memory_mb"] < MEMORY_TIMES_MAX * small["memory_mb"]
    print(json.dumps({"bench": "verify_store", "holds": holds, "readings": given.readings, "small": small, "large": large}))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
