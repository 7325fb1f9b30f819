"""Fault-injected polls: whatever goes wrong on the wire, no value is booked that its meter did not say, then and there.

`python -m tools.bench.faulty_polls [--polls 1000000] [--seed 1] [--processes 2]` runs the real line owner on virtual
lines in simulated time with every fault at once, holds each stored value against what the line knows to be true,
and prints one JSON line. Damage here is what a CRC-16 surely sees: up to three flipped bits or one burst of up to
16 bits in a frame. `--heavy` garbles whole frames as well and says how many of them pass what: see `heavy_noise`.
Exit status 1 if a value is wrong, or fewer than 99 % of the good answers are kept.
"""

import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

from tools.bench.heavy_noise import ALONE, FORGED, Garbled, Passed, alone, expectation, forged, passed
from tools.bench.late_judge import Verdict, judge
from tools.bench.late_line import bench
from tools.bench.late_replies import run_simulated
from tools.factory.faults import BabblingMeter, BitFlips, BurstError, Echo, ExceptionSix, Fault, LostReply, TruncatedFrame

# One line is polled so often, then the next begins: its answers tell their request by 16 bits.
POLLS_A_LINE = 20_000
KEPT_SHARE_MIN = 0.99
# In a hundred answers of one meter; together about one poll in ten meets a fault.
LATE_SHARE = 0.03
GARBLED_SHARE = 0.1  # of the answers, with --heavy
_METER_FAULTS: tuple[Fault, ...] = (LostReply(0.02), ExceptionSix(0.01), TruncatedFrame(0.01), BitFlips(0.02), BurstError(0.02))
# The babble of one meter runs into the answers of others: collisions, once in some seconds for each of ten meters.
_LINE_FAULTS: tuple[Fault, ...] = (Echo(0.05), BabblingMeter(0.01, most_bytes=8))
Result = TypeVar("Result")


def one_line(polls: int, seed: int) -> Verdict:
    found = bench(seed, late_share=LATE_SHARE, faults=_METER_FAULTS, line_faults=_LINE_FAULTS)
    return judge(found, run_simulated(found, polls))


def one_heavy_line(polls: int, seed: int) -> tuple[Verdict, Passed]:
    garbled = Garbled(GARBLED_SHARE)
    found = bench(seed, late_share=LATE_SHARE, faults=(*_METER_FAULTS, garbled), line_faults=_LINE_FAULTS)
    verdict = judge(found, run_simulated(found, polls))
    return verdict, passed(garbled.made, found.line.truth)


def lines(one: Callable[[int, int], Result], polls: int, seed: int, processes: int) -> Iterator[Result]:
    """The results of as many lines as it takes, each with a seed of its own."""
    count = -(-polls // POLLS_A_LINE)
    job = partial(one, min(polls, POLLS_A_LINE))
    seeds = range(seed * 1_000, seed * 1_000 + count)
    if processes == 1:
        yield from map(job, seeds)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(job, seeds)


def heavy_summary(lines: Sequence[Passed], wrong_values: int) -> dict[str, Any]:
    total = Passed(*map(sum, zip(*lines, strict=True)))
    return {
        "garbled_frames": total.frames,
        "checksum_passed": total.checksum,
        **expectation(total.frames),
        "fit_function_and_length": total.fit,
        "booked_values": wrong_values,
    }


def summary(verdicts: list[Verdict], seconds: float) -> dict[str, Any]:
    total = {name: sum(getattr(each, name) for each in verdicts) for name in Verdict.__dataclass_fields__}
    return {
        "polls": total["polls"],
        "late": total["late"],
        "stored_values": total["stored_values"],
        "wrong_values": total["wrong_values"],
        "wrong_instants": total["wrong_instants"],
        "good_answers": total["in_time"],
        "good_answers_kept": total["in_time_stored"],
        "kept_share": round(total["in_time_stored"] / max(1, total["in_time"]), 6),
        "simulated_hours": round(total["seconds"] / 3600, 1),
        "seconds": round(seconds, 1),
        "polls_per_s": round(total["polls"] / seconds),
    }


def main() -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--polls", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--heavy", action="store_true", help="garble whole frames: what the check sum lets through")
    chosen = parser.parse_args()
    began = perf_counter()
    found: dict[str, Any] = {"heavy": chosen.heavy}
    if chosen.heavy:
        pairs = list(lines(one_heavy_line, chosen.polls, chosen.seed, chosen.processes))
        found |= summary([verdict for verdict, _ in pairs], perf_counter() - began)
        found["on_the_line"] = heavy_summary([each for _, each in pairs], found["wrong_values"])
        found["alone"] = alone(ALONE, chosen.seed)
        found["forged"] = forged(FORGED, chosen.seed)
    else:
        found |= summary(list(lines(one_line, chosen.polls, chosen.seed, chosen.processes)), perf_counter() - began)
    print(json.dumps(found))
    good = found["wrong_values"] == 0 and found["kept_share"] >= KEPT_SHARE_MIN
    return 0 if good or chosen.heavy else 1


if __name__ == "__main__":
    raise SystemExit(main())
