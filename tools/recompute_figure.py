"""Recomputes the amounts, the conservation and the carbon of one figure from its evidence, with the standard library alone.

    python3 recompute_figure.py EVIDENCE.json

It shares no code with what made the figures. It says the first thing that does not hold and ends with 1; with 0
if all holds, with 2 if a file cannot be read. What it takes on trust: the weights by which a gap was divided
after another meter or an earlier week, and which readings count as implausible.
"""

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

Document = dict[str, Any]
NOT_HASHED = ("version", "state", "known_at", "reasons", "sha256")
LARGEST = 2**63 - 1
# Unit of a factor -> what of it the metered quantity is in, and the inner thousandths in one.
FACTOR_UNITS = {
    "m3": ("volume", Fraction(1000)), "Nm3": ("volume", Fraction(1000)), "litre": ("volume", Fraction(1)),
    "US gallon": ("volume", Fraction("3.785411784")), "kg": ("mass", Fraction(1000)), "tonne": ("mass", Fraction(10**6)),
    "GJ": ("heat", Fraction(10**6)), "TJ": ("heat", Fraction(10**9)), "kWh": ("heat", Fraction(3600)),
    "mmBtu": ("heat", Fraction("1055055.85262")),
}  # fmt: skip
# Unit of a metered fuel -> its quantity and the inner thousandths in one.
METERED_UNITS = {"m³": ("volume", 10**3), "kg": ("mass", 10**3), "GJ": ("heat", 10**6)}


class DoesNotHoldError(Exception):
    """The first thing that does not hold."""


def require(holds: bool, sentence: str) -> None:  # noqa: FBT001  # reads as the sentence it is
    if not holds:
        raise DoesNotHoldError(sentence)


def moment(text: str) -> int:
    since = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return int(since // timedelta(milliseconds=1))


def inner(text: str, decimals: int) -> int:
    scaled = Fraction(text) * 10**decimals
    require(scaled.denominator == 1, f"{text} has more than {decimals} decimals")
    return int(scaled.numerator)


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


def half_even(value: Fraction) -> Fraction:
    """To six decimals: Python rounds a ratio half-even."""
    return Fraction(round(value * 10**6), 10**6)


def check_figure(evidence: Document) -> str:
    require(evidence["format"] == 1, f"evidence format {evidence['format']} is not known here")
    figure = evidence["figure"]
    hashed = {key: value for key, value in figure.items() if key not in NOT_HASHED}
    require(digest(hashed) == figure["sha256"], "the figure's sha256 is not that of its contents")
    start, end = moment(figure["start"]), moment(figure["end"])
    require(start < end and figure["elapsed_s"] == (end - start) // 1000, "elapsed_s is not the time from start to end")
    counters = {(each["meter"], each["quantity"]): each for each in evidence["counters"]}
    for entry in figure["meters"]:
        key = (entry["meter"], entry["quantity"])
        require(key in counters, f"{' '.join(key)}: the evidence holds no readings of it")
        check_counter(entry, counters[key], start, end)
    check_balance(figure)
    check_carbon(figure, evidence)
    return f"{figure['date']} {figure['shift']} version {figure['version']}: {len(figure['meters'])} counters, all holds"


def check_counter(entry: Document, counter: Document, start: int, end: int) -> None:
    name, decimals = f"{entry['meter']} {entry['quantity']}", counter["decimals"]
    values = usable((moment(each["time"]), inner(each["value"], decimals)) for each in counter["readings"])
    pairs = [Pair(each, counter, values, name) for each in counter["pairs"]]
    for before, after in pairwise(pairs):
        require(before.end == after.start, f"{name}: the accepted readings have a hole at {after.start}")
    parts = {"measured": 0, "interpolated": 0, "estimated": 0}
    missing = end - start
    for pair in pairs:
        shared = min(end, pair.end) - max(start, pair.start)
        if shared > 0 and pair.advance is not None:
            missing -= shared
            kind, energy = share(pair, counter, start, end, name)
            parts[kind] += energy
    known = missing < end - start
    for part, energy in (*parts.items(), ("amount", sum(parts.values()))):
        told = None if entry[part] is None else inner(entry[part], decimals)
        require(told == (energy if known else None), f"{name}: {part} is {entry[part]}, recomputed {Decimal(energy).scaleb(-decimals)}")
    require(entry["missing_s"] == -(-missing // 1000), f"{name}: missing_s is {entry['missing_s']}, recomputed {-(-missing // 1000)}")
    check_events(entry, counter, start, end, name)
    check_conservation(counter, values, pairs, name)


def usable(rows: Iterator[tuple[int, int]]) -> dict[int, int]:
    """One value per instant; where two are claimed none is used."""
    claimed: dict[int, set[int]] = {}
    for time_ms, value in rows:
        if 0 <= value <= LARGEST:
            claimed.setdefault(time_ms, set()).add(value)
    return {time_ms: next(iter(values)) for time_ms, values in sorted(claimed.items()) if len(values) == 1}


class Pair:
    """Two neighbouring accepted readings; its advance is what the raw values and what was declared between them allow."""

    def __init__(self, told: Document, counter: Document, values: dict[int, int], name: str) -> None:
        self.start, self.end = moment(told["from"]), moment(told["to"])
        where = f"{name}: from {told['from']} to {told['to']}"
        require(self.start in values and self.end in values, f"{where}: an accepted reading is not among the readings")
        decimals = counter["decimals"]
        self.advance = None if told["advance"] is None else inner(told["advance"], decimals)
        first, last = values[self.start], values[self.end]
        breaks = [each for each in counter["breaks"] if self.start < moment(each["time"]) <= self.end]
        kinds = {each["kind"] for each in counter["events"] if self.start < moment(each["time"]) <= self.end}
        if breaks:
            allowed = bridged(first, last, breaks, counter)
        elif last >= first and "reset" not in kinds:
            allowed = last - first
        elif "rollover" in kinds and counter["modulus"] is not None:
            allowed = last - first + inner(counter["modulus"], decimals)
        else:
            allowed = None
        unknown_is_told = self.advance is None and bool(kinds & {"swap", "ratio", "reset"})
        require(
            unknown_is_told or (self.advance is not None and self.advance == allowed),
            f"{where}: the advance {told['advance']} does not follow",
        )
        aside = [time_ms for time_ms in values if self.start < time_ms < self.end]
        excused = bool(kinds & {"transient", "quarantine", "swap", "ratio"})
        require(not aside or excused, f"{where}: {len(aside)} readings were set aside without an event")


def bridged(first: int, last: int, breaks: Sequence[Document], counter: Document) -> int | None:
    """Each part of the way up; a part that falls went over the modulus, where there is one."""
    decimals, advance, level = counter["decimals"], 0, first
    around = inner(counter["modulus"] or "0", decimals)
    for each in breaks:
        if each["kind"] != "swap":
            return None
        final, start = inner(each["old_final"], decimals), inner(each["new_start"], decimals)
        advance, level = advance + final - level + (around if final < level else 0), start
    return advance + last - level + (around if last < level else 0)


def share(pair: Pair, counter: Document, start: int, end: int, name: str) -> tuple[str, int]:
    """What of a pair belongs to [start, end), and under which name it stands."""
    energy = pair.advance or 0
    if start <= pair.start and pair.end <= end:
        return "measured", energy
    found = [each for each in counter["divisions"] if moment(each["from"]) == pair.start and moment(each["to"]) == pair.end]
    require(bool(found), f"{name}: the evidence does not say how the pair across the boundary was divided")
    edges, weights = [moment(edge) for edge in found[0]["edges"]], [int(weight) for weight in found[0]["weights"]]
    is_gap = pair.end - pair.start > counter["gap_limit_s"] * 1000
    if not is_gap or found[0]["method"] == "linear in time":
        require(weights == [after - before for before, after in pairwise(edges)], f"{name}: a linear division is not linear")
    lowest = max(start, pair.start)
    require(
        edges[0] == pair.start and edges[-1] == pair.end and lowest in edges[:-1], f"{name}: the edges of a division do not fit the shift"
    )
    return "estimated" if is_gap else "interpolated", largest_remainders(energy, weights)[edges.index(lowest)]


def largest_remainders(total: int, weights: Sequence[int]) -> list[int]:
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda k: (-(total * weights[k] % whole), k))
    for k in order[: total - sum(parts)]:
        parts[k] += 1
    return parts


def check_events(entry: Document, counter: Document, start: int, end: int, name: str) -> None:
    told = [(each["kind"], each["time"], each["adjustment"]) for each in entry["events"] if each["kind"] != "gap"]
    known = [(each["kind"], each["time"], each["adjustment"]) for each in counter["events"]]
    inside = [each for each in known if start < moment(each[1]) <= end]
    require(set(inside) <= set(told), f"{name}: an event of this time is not in the figure")
    require(all(each in known or moment(each[1]) == start for each in told), f"{name}: an event of the figure is not in the evidence")
    adjustment = sum(inner(each[2], counter["decimals"]) for each in told)
    require(inner(entry["adjustment"], counter["decimals"]) == adjustment, f"{name}: the adjustment is not the sum of its events")


def check_conservation(counter: Document, values: dict[int, int], pairs: Sequence[Pair], name: str) -> None:
    raw = list(values.values())
    if len(raw) < 2:
        return
    booked = sum(pair.advance or 0 for pair in pairs)
    adjusted = sum(inner(each["adjustment"], counter["decimals"]) for each in counter["events"])
    require(
        raw[-1] - raw[0] == booked + adjusted,
        f"{name}: the readings moved by {raw[-1] - raw[0]}, booked and adjusted are {booked + adjusted}",
    )


def check_balance(figure: Document) -> None:
    kwh = {name: None if value is None else Fraction(value) for name, value in figure["balance"].items()}
    flows = [kwh.get(f"{name}_kwh", Fraction(0)) for name in ("import", "generation", "discharge", "export", "charge")]
    load = kwh["load_kwh"]
    if load is not None and all(flow is not None for flow in flows):
        into, out = sum((flow or 0 for flow in flows[:3]), Fraction(0)), sum((flow or 0 for flow in flows[3:]), Fraction(0))
        require(load == into - out, "the load is not import + generation + discharge - export - charge")


def check_carbon(figure: Document, evidence: Document) -> None:
    factors = {each["sha256"]: each["row"] for each in evidence["factors"]}
    for sha256, row in factors.items():
        require(digest(row) == sha256, f"factor {row['id']}: its sha256 is not that of its row")
    carbon = figure["carbon"]
    for line in carbon["lines"]:
        if line["factor"] is not None:
            check_line(line, factors, evidence["calorific"])
    for name in ("scope1", "scope2_location", "scope2_market"):
        own = [line for line in carbon["lines"] if line["line"] == name]
        mixed = len({line["gases"] for line in own}) > 1 or any(line["kg"] is None for line in own)
        whole = None if mixed or not own else sum((Fraction(line["kg"]) for line in own), Fraction(0))
        told = carbon[f"{name}_kg"]
        require(
            (None if told is None else Fraction(told)) == whole,
            f"{name}_kg is {told}, its lines sum to {whole if whole is None else float(whole)}",
        )
    check_bought(figure)


def check_line(line: Document, factors: dict[str, Document], calorific: Document) -> None:
    where = f"{line['line']} of {line['subject']}"
    row = factors.get(line["factor"]["sha256"])
    require(row is not None, f"{where}: its factor {line['factor']['id']} is not in the evidence")
    assert row is not None
    require(Fraction(row["value"]) == Fraction(line["factor"]["value"]), f"{where}: the value of the factor is another one")
    require(row["gases"] == line["gases"], f"{where}: the gases are not those of the factor")
    exact = in_factor_unit(line, row, calorific, where) * Fraction(row["value"])
    told = Fraction(line["kg"])
    if line["line"] == "export":
        require(0 <= -told <= exact, f"{where}: the credit is more than what was exported")
    else:
        require(told in (exact, half_even(exact)), f"{where}: {line['kg']} kg, recomputed {float(half_even(exact))}")


def in_factor_unit(line: Document, row: Document, calorific: Document, where: str) -> Fraction:
    amount = Fraction(line["amount"])
    if line["unit"] == "kWh":
        return amount
    quantity, inner_size = METERED_UNITS[line["unit"]]
    needed, size = FACTOR_UNITS[row["unit"]]
    thousandths = amount * inner_size
    if needed == quantity:
        return thousandths / size
    value = calorific.get(line["subject"], {"basis": None})
    require(value["basis"] == row["basis"], f"{where}: no calorific value on the basis of its factor")
    return thousandths * Fraction(value["megajoules"]) / size


def check_bought(figure: Document) -> None:
    """Both halves of scope 2 are made from the same electricity, and it is what came in."""
    sums = {
        name: sum(
            (
                Fraction(line["amount"])
                for line in figure["carbon"]["lines"]
                if line["line"] == name and line.get("amount") and line["activity"] == "electricity"
            ),
            Fraction(0),
        )
        for name in ("scope2_location", "scope2_market")
    }
    known = figure["carbon"]["scope2_location_kg"] is not None and figure["carbon"]["scope2_market_kg"] is not None
    if known:
        require(
            sums["scope2_location"] == sums["scope2_market"], "location- and market-based scope 2 are not made from the same electricity"
        )
        bought = figure["balance"]["import_kwh"]
        require(bought is None or sums["scope2_location"] == Fraction(bought), "scope 2 is not made from what was imported")


def main(words: Sequence[str]) -> int:
    if len(words) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        print(check_figure(json.loads(Path(words[0]).read_text(encoding="utf-8"))))
    except DoesNotHoldError as error:
        print(f"does not hold: {error}")
        return 1
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{words[0]} cannot be read as the evidence of a figure: {error!r}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
