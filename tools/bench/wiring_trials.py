"""Every wiring mistake at every kind of load, through the wiring doctor: `python -m tools.bench.wiring_trials`.

The cabinet is modelled with complex numbers: voltages and currents of the supply, then the mistake, then what a meter
makes of its terminals. Prints the table of verdicts and one JSON line.
"""

import argparse
import cmath
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import acos, degrees, radians

from gateway.commissioning.finding import UNTOLD, Finding
from gateway.commissioning.phasor import PHASES
from gateway.commissioning.ratio import against_clamp
from gateway.commissioning.wiring import wiring

NOMINAL_MV = 230_000
NOT_TOLD = ", Q not told"
# Angle by which the current lags.
LOADS = {"resistive": 0.0, "motor 0.8": degrees(acos(0.8)), "capacitive 0.9": -degrees(acos(0.9)), "PV export": 180.0}
ROLES = {"PV export": ("generation", "import")}
OTHER_ROLES = ("load", "import")
# A 200/5 transformer where the meter is set to another usual one, and one turn too many through the window.
RATIOS = ((100, 200), (150, 200), (250, 200), (400, 200), (1000, 200), (200, 1000), (600, 200))


@dataclass(frozen=True)
class Cabinet:
    """Voltages (V) and currents (A) as the meter's terminals get them, complex, one of each phase."""

    voltages: tuple[complex, ...]
    currents: tuple[complex, ...]

    def values(self, *, tells_reactive: bool) -> dict[str, int]:
        """What a meter shows, in thousandths."""
        shown: dict[str, int] = {}
        for phase, voltage, current in zip(PHASES, self.voltages, self.currents, strict=True):
            power = voltage * current.conjugate()
            shown[f"voltage_{phase}_n"] = round(abs(voltage) * 1000)
            shown[f"current_{phase}"] = round(abs(current) * 1000)
            shown[f"active_power_{phase}"] = round(power.real * 1000)
            if tells_reactive:
                shown[f"reactive_power_{phase}"] = round(power.imag * 1000)
        return shown


def cabinet(angle: float | None, chance: random.Random) -> Cabinet:
    """Unbalanced as factories are: currents 1 : 3, angles and voltages a little apart; without `angle` each phase has another load."""
    angles = [chance.uniform(-25, 50) if angle is None else angle + chance.uniform(-8, 8) for _ in range(3)]
    voltages = tuple(cmath.rect(230 * chance.uniform(0.97, 1.03), radians(-120 * phase)) for phase in range(3))
    currents = tuple(cmath.rect(chance.uniform(20, 60), radians(-120 * phase - angles[phase])) for phase in range(3))
    return Cabinet(voltages, currents)


def reversed_at(phase: int) -> Callable[[Cabinet], Cabinet]:
    return lambda right: Cabinet(right.voltages, tuple(-each if at == phase else each for at, each in enumerate(right.currents)))


def exchanged(values: tuple[complex, ...], left: int, right: int) -> tuple[complex, ...]:
    found = list(values)
    found[left], found[right] = found[right], found[left]
    return tuple(found)


def swapped_transformers(left: int, right: int) -> Callable[[Cabinet], Cabinet]:
    return lambda at: Cabinet(at.voltages, exchanged(at.currents, left, right))


def swapped_taps(left: int, right: int) -> Callable[[Cabinet], Cabinet]:
    return lambda at: Cabinet(exchanged(at.voltages, left, right), at.currents)


def without_tap(phase: int) -> Callable[[Cabinet], Cabinet]:
    """The open input floats at a few volts."""
    return lambda right: Cabinet(tuple(each * 0.02 if at == phase else each for at, each in enumerate(right.voltages)), right.currents)


def mistakes() -> Iterator[tuple[str, tuple[str, ...], Callable[[Cabinet], Cabinet]]]:
    for phase, name in enumerate(("L1", "L2", "L3")):
        yield "ct_reversed", (name,), reversed_at(phase)
        yield "tap_missing", (name,), without_tap(phase)
    for left, right in ((0, 1), (1, 2), (0, 2)):
        where = (f"L{left + 1}", f"L{right + 1}")
        yield "cts_swapped", where, swapped_transformers(left, right)
        yield "taps_swapped", where, swapped_taps(left, right)
    yield "all_cts_reversed", ("L1", "L2", "L3"), lambda at: Cabinet(at.voltages, tuple(-each for each in at.currents))


def scaled(values: Mapping[str, int], set_to: int, fitted: int) -> dict[str, int]:
    return {name: value if name.startswith("voltage") else value * set_to // fitted for name, value in values.items()}


def trials(seed: int, count: int) -> Iterator[tuple[str, str, str, str]]:
    """(load, role, mistake, verdict): named, untold, false alarm, or what was said instead."""
    chance = random.Random(seed)
    for _ in range(count):
        for load, angle in LOADS.items():
            for role in ROLES.get(load, OTHER_ROLES):
                for reactive in (True, False):
                    kind = load if reactive else load + NOT_TOLD
                    yield from _one_cabinet(kind, angle, role, chance, reactive=reactive)
        for role in OTHER_ROLES:
            yield "of every kind", role, "nothing", _healthy(cabinet(None, chance).values(tells_reactive=True), role)


def _one_cabinet(load: str, angle: float, role: str, chance: random.Random, *, reactive: bool) -> Iterator[tuple[str, str, str, str]]:
    right = cabinet(angle, chance)
    healthy = right.values(tells_reactive=reactive)
    yield load, role, "nothing", _healthy(healthy, role)
    for kind, where, spoil in mistakes():
        found = wiring(spoil(right).values(tells_reactive=reactive), role, NOMINAL_MV)
        yield load, role, kind, _verdict(found, kind, where)
    for set_to, fitted in RATIOS:
        wrong = scaled(healthy, set_to, fitted)
        clamp = {phase: round(healthy[f"current_{phase}"] * chance.uniform(0.985, 1.015)) for phase in PHASES}
        yield load, role, "ct_ratio", _verdict(against_clamp(wrong, clamp), "ratio_wrong", ("L1", "L2", "L3"))


def _healthy(values: Mapping[str, int], role: str) -> str:
    return "named" if _kinds(wiring(values, role, NOMINAL_MV)) <= {"wiring_right"} else "false alarm"


def _kinds(found: list[Finding]) -> set[str]:
    return {each.kind for each in found if each.confidence != UNTOLD}


def _verdict(found: list[Finding], kind: str, where: tuple[str, ...]) -> str:
    said = [each for each in found if each.confidence != UNTOLD and each.kind != "wiring_right"]
    if any(each.where == where and (each.kind == kind or _is_pair(each.kind, kind)) for each in said):
        return "named"
    if said:
        return said[0].kind
    return "untold" if any(each.confidence == UNTOLD for each in found) else "missed"


def _is_pair(said: str, kind: str) -> bool:
    """Where a meter does not tell lead from lag, taps and transformers of a pair are told together."""
    return said == "pair_exchanged" and kind in ("cts_swapped", "taps_swapped")


def counted(seed: int, count: int) -> dict[tuple[str, str, str], Counter[str]]:
    table: dict[tuple[str, str, str], Counter[str]] = {}
    for load, role, mistake, verdict in trials(seed, count):
        table.setdefault((mistake, load, role), Counter())[verdict] += 1
    return table


def summary(table: Mapping[tuple[str, str, str], Counter[str]]) -> dict[str, int | float]:
    """All CTs reversed under a role that allows feeding in may stay untold; it is counted apart."""
    open_cases = {key for key in table if key[0] == "all_cts_reversed" and key[2] == "import"}
    closed = {key: count for key, count in table.items() if key not in open_cases and key[0] != "nothing"}
    silent = [count for key, count in closed.items() if key[1].endswith(NOT_TOLD)]
    told = [count for key, count in closed.items() if not key[1].endswith(NOT_TOLD)]
    return {
        "cases": sum(count.total() for count in told),
        "named_share": _share(told),
        "cases_without_reactive_power": sum(count.total() for count in silent),
        "named_share_without_reactive_power": _share(silent),
        "allowed_untold": sum(table[key].total() for key in open_cases),
        "healthy": sum(count.total() for key, count in table.items() if key[0] == "nothing"),
        "false_alarms": sum(count["false alarm"] for key, count in table.items() if key[0] == "nothing"),
    }


def _share(counts: list[Counter[str]]) -> float:
    return round(sum(count["named"] for count in counts) / sum(count.total() for count in counts), 4)


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=200, help="unbalanced cabinets per load and role")
    wished = parser.parse_args(words)
    table = counted(wished.seed, wished.count)
    print("| mistake | load | role | verdicts |\n|---|---|---|---|")
    for (mistake, load, role), count in sorted(table.items()):
        print(f"| {mistake} | {load} | {role} | {', '.join(f'{verdict} {times}' for verdict, times in count.most_common())} |")
    found = summary(table)
    print(json.dumps(found))
    return int(found["false_alarms"] > 0 or found["named_share"] < 0.95)


if __name__ == "__main__":
    sys.exit(main())
