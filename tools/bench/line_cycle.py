"""Thirty meters on one line at 9600 baud, one block each: how near a round comes to what the wire allows, and what dead meters cost.

`python -m tools.bench.line_cycle [--minutes 60] [--dead 3]` runs the real line owner on a virtual line in simulated time
and prints one JSON line. The bound is what the wire itself took: bytes, both silences and the meters' own turnarounds.
Exit status 1 if a round takes more than 1.05 of it, or the dead ones take more than 2 % of the line once they are known.
"""

import json
from argparse import ArgumentParser
from itertools import pairwise
from random import Random
from statistics import median
from typing import Any

from gateway.acquire.station import Station as Asked
from gateway.acquire.station import StationSpec
from gateway.site import LineTable, MeterTable
from protocols.meter import Meter
from tools.bench.late_line import Bench, Device
from tools.bench.late_replies import run_for
from tools.bench.made_up_meter import made_up
from tools.factory.faults import DeadMeter
from tools.factory.serial_settings import LineSettings
from tools.factory.station import Station
from tools.factory.truth import Reply
from tools.factory.wire import Line

METERS = 30
REGISTERS = 20
SETTINGS = LineSettings(9600, "N", 1)
INTERVAL_S = 10.0
RATIO_MAX = 1.05
DEAD_SHARE_MAX = 0.02
SETTLED_S = 1_800.0  # the backoff has grown to its longest
# A round ends where the line rests for longer than any answer takes.
REST_US = 500_000
TIMEOUT_US_MAX = 500_000 + SETTINGS.wire_us(8 + 5 + 2 * REGISTERS)


def meter() -> Meter:
    rows = [{"quantity": "voltage_l1_n", "address": 0, "unit": "V"}, {"quantity": "active_power", "address": REGISTERS - 2, "unit": "W"}]
    return made_up(rows, REGISTERS, 40, 60, 500)


def line(dead: int, seed: int) -> Bench:
    table = LineTable(name="bench", port="/dev/none", baud=9600)
    model = meter()
    names = [f"m{number}" for number in range(1, METERS + 1)]
    devices = [Device(number) for number in range(1, METERS + 1)]
    asked = [
        Asked(StationSpec(MeterTable(name=name, line="bench", address=device.number, model=model.name, role="load"), table, model, ()))
        for name, device in zip(names, devices, strict=True)
    ]
    wired = [
        Station(name, device.number, device.serve, turnaround_us=(30_000, 50_000), faults=[DeadMeter()] if device.number <= dead else [])
        for name, device in zip(names, devices, strict=True)
    ]
    return Bench(Line(wired, SETTINGS, random=Random(seed)), devices, [], asked)


def least_us(reply: Reply) -> int:
    """What the wire and the meter took for one exchange, with the silence after it."""
    assert reply.ended_us is not None
    return reply.ended_us - reply.sent_at_us + SETTINGS.silence_us


def rounds(replies: list[Reply]) -> list[list[Reply]]:
    found: list[list[Reply]] = [[replies[0]]]
    for before, reply in pairwise(replies):
        if reply.sent_at_us - (before.ended_us or 0) > REST_US:
            found.append([])
        found[-1].append(reply)
    return found


def ratio(found: Bench, from_us: int) -> float:
    """The median round's duration over what its own exchanges needed."""
    replies = [reply for reply in found.line.truth if reply.ended_us is not None and reply.sent_at_us >= from_us]
    whole = [each for each in rounds(replies)[1:-1] if len(each) == METERS]
    return median(((each[-1].ended_us or 0) - each[0].sent_at_us) / (sum(map(least_us, each)) - SETTINGS.silence_us) for each in whole)


def dead_share(found: Bench, dead: int, from_us: int) -> float:
    """Of the line's whole time, what passed between a request to a dead meter and the next request, or its time-out."""
    sent = [request for request in found.line.requests if request.sent_at_us >= from_us]
    lost_us = 0
    for request, following in pairwise(sent):
        if request.frame[0] <= dead:
            lost_us += min(following.sent_at_us - request.sent_at_us, TIMEOUT_US_MAX)
    return lost_us / (sent[-1].sent_at_us - sent[0].sent_at_us)


def measured(minutes: float, dead: int, seed: int = 1) -> dict[str, Any]:
    healthy, crippled = line(0, seed), line(dead, seed)
    run_for(healthy, minutes * 60, INTERVAL_S)
    run_for(crippled, SETTLED_S + minutes * 60, INTERVAL_S)
    alive = [reply for reply in crippled.line.truth if reply.sent_at_us >= SETTLED_S * 1e6]
    return {
        "meters": METERS,
        "baud": SETTINGS.baud,
        "cycle_over_least": round(ratio(healthy, 60_000_000), 4),
        "bound": RATIO_MAX,
        "dead": dead,
        "dead_share": round(dead_share(crippled, dead, round(SETTLED_S * 1e6)), 5),
        "dead_bound": DEAD_SHARE_MAX,
        "answers_of_the_others": len(alive),
        "answers_due": round((METERS - dead) * minutes * 60 / INTERVAL_S),
        "minutes": minutes,
    }


def main() -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--dead", type=int, default=3)
    chosen = parser.parse_args()
    result = measured(chosen.minutes, chosen.dead)
    print(json.dumps(result))
    return 0 if result["cycle_over_least"] <= RATIO_MAX and result["dead_share"] <= DEAD_SHARE_MAX else 1


if __name__ == "__main__":
    raise SystemExit(main())
