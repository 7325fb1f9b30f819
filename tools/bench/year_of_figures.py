"""How long a year of 32 meters at 15 minutes takes to recompute from nothing: through the store, and in the engine alone.

`python -m tools.bench.year_of_figures [--meters 32] [--days 365]` prints one JSON line. Memory is the process's highest, after
each half of the year, so that growth would show; the year is put into a store of its own first.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gateway import site_check
from gateway.books import Books
from gateway.buffer import series
from gateway.buffer.store import Store
from gateway.carbon.engine import figures
from gateway.carbon.inputs import CounterReading
from gateway.site import Site
from gateway.site_inputs import counted, inputs_of
from protocols.reading import IMPORTED, Reading

START_MS = 1_735_689_600_000  # 2025-01-01 UTC
STEP_MS = 900_000
DAY_STEPS = 96
FULL_LOAD_MWH = 2_000_003  # 2 kWh a quarter of an hour, and a little that does not divide


def site_text(meters: int) -> str:
    """One main meter, the others below it, three shifts."""
    rows = ['[site]\nname = "year"\ntimezone = "Asia/Shanghai"\nregion = ["CN-EAST", "CN"]\n']
    rows.append('[[meter]]\nname = "main"\nrole = "import"\ncounts = ["active_energy_import"]\nrating = "4000 kW"\nclass = "1"\n')
    rows += [f'[[meter]]\nname = "m{n}"\nrole = "load"\nparent = "main"\nrating = "100 kW"\nclass = "1"\n' for n in range(1, meters)]
    hours = (("early", "06:00", "14:00"), ("late", "14:00", "22:00"), ("night", "22:00", "06:00"))
    return "".join([*rows, *(f'[[shift]]\nname = "{name}"\nstart = "{start}"\nend = "{end}"\n' for name, start, end in hours)])


def value_at(step: int, meter: int, meters: int) -> int:
    own = FULL_LOAD_MWH + meter
    return step * (own if meter else own * meters)


def fill(folder: Path, meters: int, days: int) -> None:
    store = Store(folder, "gw-year", lambda digest: digest + digest)
    names = ["main", *(f"m{n}" for n in range(1, meters))]
    for day in range(days):
        steps = range(day * DAY_STEPS, (day + 1) * DAY_STEPS)
        store.add(
            Reading(name, IMPORTED, 0, START_MS + step * STEP_MS, {"active_energy_import": value_at(step, number, meters)}, {})
            for step in steps
            for number, name in enumerate(names)
        )
        store.commit(START_MS)
    store.close()


def highest_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def through_store(path: Path) -> dict[str, object]:
    """Recomputes everything; run in a process of its own, so that its memory is its own."""
    site = site_check.load(path, {})
    store = Store(site.data_folder, "gw-year", lambda digest: digest + digest)
    begin_mb, begun = highest_mb(), time.perf_counter()
    made = Books(site, {}, store, lambda: START_MS + 400 * DAY_STEPS * STEP_MS).update(0)
    seconds = time.perf_counter() - begun
    again = time.perf_counter()
    changed = Books(site, {}, store, lambda: START_MS + 400 * DAY_STEPS * STEP_MS).update(0)
    readings = store.status().readings_stored
    store.close()
    return {
        "readings": readings,
        "figures": made,
        "seconds": round(seconds, 2),
        "again_seconds": round(time.perf_counter() - again, 2),
        "again_figures": changed,
        "memory_mb": [begin_mb, highest_mb()],
    }


def in_engine(path: Path) -> dict[str, object]:
    site = site_check.load(path, {})
    inputs = inputs_of(site, {})
    store = Store(site.data_folder, "gw-year", lambda digest: digest + digest)
    rows = _all_rows(store, site)
    store.close()
    begun = time.perf_counter()
    made = figures(inputs, rows, (), START_MS + 400 * DAY_STEPS * STEP_MS)
    return {"figures": len(made), "seconds": round(time.perf_counter() - begun, 2), "memory_mb": highest_mb()}


def _all_rows(store: Store, site: Site) -> dict[tuple[str, str], list[CounterReading]]:
    connection = store.reader()
    return {
        each.spec.key: list(map(CounterReading._make, series.values(connection, each.names, each.spec.quantity, 0, None)))
        for each in counted(site, {})
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meters", type=int, default=32)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--part", choices=("store", "engine"), help=argparse.SUPPRESS)
    parser.add_argument("--site", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        print(json.dumps(through_store(given.site) if given.part == "store" else in_engine(given.site)))
        return 0
    with tempfile.TemporaryDirectory(prefix="shiftwatt-year-") as folder:
        path = Path(folder) / "site.toml"
        path.write_text(site_text(given.meters), encoding="utf-8")
        fill(Path(folder) / "data", given.meters, given.days)
        found = {part: _part(part, path) for part in ("engine", "store")}
    print(json.dumps({"bench": "year_of_figures", "meters": given.meters, "days": given.days, **found}))
    return 0


def _part(part: str, path: Path) -> object:
    command = [sys.executable, "-m", "tools.bench.year_of_figures", "--part", part, "--site", str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    sys.exit(main())
