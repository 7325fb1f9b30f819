"""Random counters through the real commands: conservation, the true energy, and the same figures for any order, split and repeat.

`python -m tools.bench.import_sequences [--sequences 2000] [--seed 1]` prints one JSON line and ends with 1 at the first seed
that does not hold. A site has 25 counters; each site is imported twice: at once, and shuffled, split, doubled, with its
declarations in between. `tools/recompute_import.py`, which shares no code with the engine, recomputes conservation from the file.
"""

import argparse
import contextlib
import csv
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from protocols.amount import decimal_text
from protocols.reading import iso, milliseconds_of
from tools.bench.counter_sequence import Life, Swap, life
from tools.command import app

COUNTERS_A_SITE = 25
# Zone and start: a clock change each, half an hour on Lord Howe; the skipped day of Samoa; a leap day.
PLACES = (
    ("UTC", "2026-03-02T06:00:00Z"),
    ("Europe/Berlin", "2026-03-27T23:00:00Z"),
    ("Europe/Berlin", "2026-10-24T11:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-03T14:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-02T09:00:00Z"),
    ("Pacific/Apia", "2011-12-28T20:00:00Z"),
    ("Asia/Shanghai", "2028-02-28T03:00:00Z"),
)
SHIFTS = (("early", "06:00", "14:00"), ("late", "14:00", "22:00"), ("night", "22:00", "02:30"))
# What may differ by when and how something was known (C30).
NOT_COMPARED = ("version", "state", "known_at", "reasons")
Document = dict[str, Any]


class NotHeldError(Exception):
    """The sentence names what did not hold."""


def site_text(lives: Sequence[Life], place: str) -> str:
    rows = [f'[site]\nname = "random"\ntimezone = "{place}"\nregion = ["CN"]\n']
    for number, each in enumerate(lives):
        modulus = 'modulus = "5000 kWh"\n' if each.has_modulus else ""
        rows.append(f'[[meter]]\nname = "m{number}"\nrole = "load"\nrating = "100 kW"\n{modulus}')
    return "".join([*rows, *(f'[[shift]]\nname = "{name}"\nstart = "{start}"\nend = "{end}"\n' for name, start, end in SHIFTS)])


def csv_rows(lives: Sequence[Life]) -> list[list[str]]:
    return [
        [iso(time_ms), f"m{number}", "active_energy_import", decimal_text(value, 6), "kWh"]
        for number, each in enumerate(lives)
        for time_ms, value in each.rows
    ]


def swaps(lives: Sequence[Life]) -> list[list[str]]:
    return [
        [*("declare", "swap", "--meter", f"m{number}", "--time", iso(swap.time_ms)), *_values(swap)]
        for number, each in enumerate(lives)
        for swap in each.swaps
    ]


def _values(swap: Swap) -> list[str]:
    return ["--old-final", decimal_text(swap.old_final, 6), "--new-start", decimal_text(swap.new_start, 6)]


def command(site: Path, *words: str) -> str:
    """What the command prints; NotHeldError if it does not end with 0."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            app([*words, "--site", str(site)], standalone_mode=True)
        except SystemExit as end:
            if end.code:
                raise NotHeldError(f"{' '.join(words)} ended with {end.code}: {err.getvalue()}") from end
    return out.getvalue()


def imported(folder: Path, text: str, parts: Sequence[Sequence[list[str]]], declarations: Sequence[list[str]]) -> Document:
    """The figures after importing the parts, with the declarations spread between them."""
    folder.mkdir()
    site = folder / "site.toml"
    site.write_text(text, encoding="utf-8")
    for number, part in enumerate(parts):
        for words in declarations[number :: len(parts)]:
            command(site, *words)
        file = folder / f"{number}.csv"
        _write(file, part)
        command(site, "import", str(file))
    found: Document = json.loads(command(site, "shifts", "--format", "json"))
    return found


def _write(file: Path, rows: Sequence[list[str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows([["time", "meter", "quantity", "value", "unit"], *rows])


def mixed(random: Random, rows: list[list[str]]) -> list[list[list[str]]]:
    """Every row twice, shuffled, in one to four parts."""
    both = rows * 2
    random.shuffle(both)
    count = random.randrange(1, 5)
    return [both[number::count] for number in range(count)]


def compared(shifts: Document) -> list[Document]:
    return [{key: value for key, value in figure.items() if key not in NOT_COMPARED} for figure in shifts["figures"]]


def check_truth(lives: Sequence[Life], shifts: Document) -> None:
    """The true energy comes back; across a reset it is never exceeded."""
    for number, each in enumerate(lives):
        entries = [entry for figure in shifts["figures"] for entry in figure["meters"] if entry["meter"] == f"m{number}"]
        told = sum(int(Decimal(entry["amount"] or 0).scaleb(6)) for entry in entries)
        if told > each.true_mwh or (told < each.true_mwh and not each.resets):
            raise NotHeldError(f"m{number}: {told} mWh stand in the figures, {each.true_mwh} flowed, {each.resets} resets")


def check_site(seed: int, folder: Path, counters: int = COUNTERS_A_SITE) -> int:
    """Returns how many readings there were."""
    random = Random(seed)
    place, start = random.choice(PLACES)
    lives = [life(seed * 1000 + number, milliseconds_of(start) + random.randrange(0, 900_000)) for number in range(counters)]
    text, rows, told = site_text(lives, place), csv_rows(lives), swaps(lives)
    whole = imported(folder / "whole", text, [rows], told)
    check_truth(lives, whole)
    _write(folder / "all.csv", rows)
    (folder / "shifts.json").write_text(json.dumps(whole), encoding="utf-8")
    script = Path(__file__).parent.parent / "recompute_import.py"
    words = [sys.executable, "-I", str(script), str(folder / "all.csv"), str(folder / "shifts.json")]
    recomputed = subprocess.run(words, capture_output=True, text=True, check=False)
    if recomputed.returncode:
        raise NotHeldError(recomputed.stdout + recomputed.stderr)
    if compared(imported(folder / "mixed", text, mixed(random, rows), told)) != compared(whole):
        raise NotHeldError(f"in {place}: other figures from the same rows in another order")
    return len(rows)


def sites(count: int, seed: int) -> Iterator[tuple[int, int]]:
    """Seed and readings of each site; NotHeldError names the seed."""
    for number in range(seed, seed + count):
        with tempfile.TemporaryDirectory(prefix="shiftwatt-sequences-") as folder:
            try:
                yield number, check_site(number, Path(folder))
            except NotHeldError as error:
                raise NotHeldError(f"seed {number}: {error}") from error


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    count, begun, readings, done = -(-given.sequences // COUNTERS_A_SITE), time.perf_counter(), 0, 0
    try:
        for _, found in sites(count, given.seed):
            readings, done = readings + found, done + 1
    except NotHeldError as error:
        print(json.dumps({"bench": "import_sequences", "holds": False, "sequences": done * COUNTERS_A_SITE, "broken": str(error)}))
        return 1
    seconds = round(time.perf_counter() - begun, 1)
    facts = {"sequences": done * COUNTERS_A_SITE, "readings": readings, "seed": given.seed, "seconds": seconds}
    print(json.dumps({"bench": "import_sequences", "holds": True, **facts}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
