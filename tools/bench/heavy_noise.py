"""What garbled frames meet on their way to a figure: the check sum, function and length, the plausibility of counters.

A frame of chance bytes passes a CRC-16 once in 65,536. Function and length must fit besides, together once in
65,536 again: on the line that is not seen in any run, so what comes after it is tried with values forged to fit.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from gateway.carbon import CounterReading, CounterSpec
from gateway.carbon.epoch import history_of
from gateway.carbon.series import series_of
from protocols.frame import checked
from tools.factory.faults import Fault
from tools.factory.truth import Reply

PASSES_ONE_IN = 65_536
_SHORTEST_FRAME = 5  # less cannot be an answer
_INTERVAL_TAIL = 0.025  # on either side of 95 %

# A counter as most meters have it: 32 bits of 10 Wh, on a line of 60 kW that runs at a third of that, read every 15 minutes.
_STEP_MWH = 10_000
_RATING_MWH = 60_000_000
_QUARTER_MS = 900_000
_QUARTER_MWH = _RATING_MWH // 3 // 4
_BEFORE, _AFTER = 8, 8
FORGED = 20_000
ALONE = 4_000_000
_ALONE_BYTES = 45  # the answer to a read of 20 registers


@dataclass(frozen=True)
class Garbled(Fault):
    """Every byte of the frame behind the address is another: only chance makes its check sum fit. `made` keeps what went out."""

    made: set[bytes] = field(default_factory=set)

    def damaged(self, frame: bytes, random: Random) -> bytes:
        if not self.strikes(random):
            return frame
        garbled = frame[:1] + random.randbytes(len(frame) - 1)
        self.made.add(garbled)
        return garbled


class Passed(NamedTuple):
    """Garbled frames that reached the reader whole, those of them whose check sum fits, and those that look like the answer, too."""

    frames: int
    checksum: int
    fit: int


def passed(made: set[bytes], replies: Iterable[Reply]) -> Passed:
    heard = [reply for reply in replies if len(reply.heard) >= _SHORTEST_FRAME and reply.heard in made]
    good = [reply for reply in heard if checked(reply.heard)]
    return Passed(len(heard), len(good), sum(reply.heard[1:3] == reply.said[:2] for reply in good))


def expectation(frames: int) -> dict[str, Any]:
    """How many of them chance lets through, and the numbers between which 95 % of such runs end."""
    mean = frames / PASSES_ONE_IN
    return {"checksum_expected": round(mean, 2), "interval_95": list(_interval(mean))}


def _interval(mean: float) -> tuple[int, int]:
    """Of a Poisson number: rare events among many."""
    share, below, least, number = math.exp(-mean), 0.0, None, 0
    while True:
        below += share
        if least is None and below >= _INTERVAL_TAIL:
            least = number
        if below >= 1 - _INTERVAL_TAIL:
            return least or 0, number
        number += 1
        share *= mean / number


def alone(frames: int, seed: int) -> dict[str, Any]:
    """Chance frames straight at the check sum: more than a line can carry, so that the share can be told from another."""
    random = Random(seed)
    count = sum(checked(random.randbytes(_ALONE_BYTES)) for _ in range(frames))
    return {"frames": frames, "checksum_passed": count, **expectation(frames)}


def forged(count: int, seed: int) -> dict[str, Any]:
    """Counter readings of chance, each among true ones: how many the rules of carbon (C8, C9) leave out of the figures."""
    random = Random(seed)
    booked = list(_booked(count, random))
    excess = [value - true for value, true in booked]
    return {
        "counters": count,
        "caught": count - len(booked),
        "booked": len(booked),
        "booked_furthest_off_kwh": round(max(map(abs, excess), default=0) / 1e6, 3),
    }


def _booked(count: int, random: Random) -> Iterator[tuple[int, int]]:
    """(forged, true) where the forged value was taken for the counter's."""
    spec = CounterSpec("m1", "active_energy_import", "load", _RATING_MWH, None, _QUARTER_MS // 1_000)
    for _ in range(count):
        start = random.randrange(2**32 // 100) * _STEP_MWH  # a meter has used a hundredth of its counter in its first years
        values = [start + number * _QUARTER_MWH for number in range(_BEFORE + 1 + _AFTER)]
        true, values[_BEFORE] = values[_BEFORE], random.getrandbits(32) * _STEP_MWH
        readings = [CounterReading(number * _QUARTER_MS, value) for number, value in enumerate(values)]
        history = history_of(spec, series_of(readings))
        if values[_BEFORE] != true and values[_BEFORE] in history.values:
            yield values[_BEFORE], true
