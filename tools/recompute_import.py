"""Recomputes the conservation of an import with the standard library alone: raw last - raw first = figures + adjustments.

    python3 recompute_import.py READINGS.csv SHIFTS.json

READINGS.csv is what was imported, SHIFTS.json what `shiftwatt shifts --format json` printed. It shares no code with
what made the figures. It names the first counter that does not hold and ends with 1; with 0 if all hold, with 2 if
a file cannot be read. A meter that was renamed must bear one name in both files.
"""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any

Document = dict[str, Any]
Counter = tuple[str, str]
LARGEST = 2**63 - 1
# The units of counters, in thousandths of the inner unit; energy as heat is counted in MJ inside.
UNITS = {
    "Wh": 10**3, "kWh": 10**6, "MWh": 10**9, "GWh": 10**12, "varh": 10**3, "kvarh": 10**6, "Mvarh": 10**9,
    "VAh": 10**3, "kVAh": 10**6, "MVAh": 10**9, "m³": 10**3, "m3": 10**3, "l": 1, "L": 1, "MJ": 10**3, "GJ": 10**6,
    "kg": 10**3, "g": 1, "t": 10**6, "pieces": 10**3, "": 10**3, "h": 10**3,
}  # fmt: skip
HEAT_UNITS = {"MJ": 10**3, "GJ": 10**6, "kWh": 3_600, "MWh": 3_600_000}


def unit_size(quantity: str, unit: str) -> int | None:
    return (HEAT_UNITS if quantity == "heat" else UNITS).get(unit)


def first_broken(rows: Sequence[dict[str, str]], shifts: Document) -> str | None:
    """The sentence of the first counter that does not hold."""
    told, moved = told_by(shifts), moved_by(rows)
    for key in sorted(told.keys() | moved.keys()):
        raw, booked = moved.get(key), told.get(key)
        name = " ".join(key)
        if booked is None:
            return f"{name}: the file has rows of it, but no figure has the counter"
        if (raw or 0) != booked:
            return f"{name}: the rows moved by {raw or 0}, figures and adjustments say {booked} (thousandths)"
    return None


def told_by(shifts: Document) -> dict[Counter, Fraction]:
    """Amounts and adjustments of the newest version of every figure."""
    newest: dict[tuple[Any, ...], Document] = {}
    for figure in sorted(shifts["figures"], key=lambda each: int(each["version"])):
        newest[figure["production_line"], figure["date"], figure["shift"], figure["start"]] = figure
    told: dict[Counter, Fraction] = {}
    for entry in (entry for figure in newest.values() for entry in figure["meters"]):
        key = (entry["meter"], entry["quantity"])
        size = unit_size(key[1], entry["unit"]) or 0
        told[key] = told.get(key, Fraction(0)) + (Fraction(entry["amount"] or 0) + Fraction(entry["adjustment"])) * size
    return told


def moved_by(rows: Sequence[dict[str, str]]) -> dict[Counter, int]:
    """Raw last - raw first of every counter; an instant for which two values are claimed is not used."""
    claimed: dict[Counter, dict[int, set[int]]] = {}
    for key, time_ms, value in counter_rows(rows):
        claimed.setdefault(key, {}).setdefault(time_ms, set()).add(value)
    moved = {}
    for key, times in claimed.items():
        values = [next(iter(times[time_ms])) for time_ms in sorted(times) if len(times[time_ms]) == 1]
        moved[key] = values[-1] - values[0] if values else 0
    return moved


def counter_rows(rows: Sequence[dict[str, str]]) -> Iterator[tuple[Counter, int, int]]:
    """A row with a reason, a wrong number or time, or a unit that no counter has, is no reading."""
    for row in rows:
        quantity = row["quantity"].strip()
        size = unit_size(quantity, row["unit"].strip())
        try:
            number, since = Decimal(row["value"].strip()), datetime.fromisoformat(row["time"].strip()) - datetime(1970, 1, 1, tzinfo=UTC)
        except (InvalidOperation, ValueError, TypeError):
            continue
        if size is None or row.get("reason") or not number.is_finite():
            continue
        value = round(Fraction(number) * size)
        if 0 <= value <= LARGEST:
            yield (row["meter"].strip(), quantity), int(since // timedelta(milliseconds=1)), value


def main(words: Sequence[str]) -> int:
    if len(words) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        rows = list(csv.DictReader(Path(words[0]).read_text(encoding="utf-8-sig").splitlines()))
        shifts = json.loads(Path(words[1]).read_text(encoding="utf-8"))
        broken = first_broken(rows, shifts)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{' '.join(words)} cannot be read as an import and its figures: {error!r}", file=sys.stderr)
        return 2
    print(f"does not hold: {broken}" if broken else f"{len(told_by(shifts))} counters: nothing lost and nothing counted twice")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
