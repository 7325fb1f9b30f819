"""The bus doctor: what the polls of some hours say about cables, addresses and neighbours of a line."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import median
from typing import NamedTuple

from gateway.commissioning.finding import CERTAIN, LIKELY, Finding

# Fewer polls than this say nothing about a share of errors.
POLLS_MIN = 50
# One damaged frame in a hundred is what a good bus shows at most; two frames that collide always damage one another.
NOISE_SHARE, COLLIDING_SHARE, CLEAN_SHARE = 0.02, 0.5, 0.01
SILENT_SHARE = 0.99
# An hour counts as slow from three times the usual turnaround on, and if it holds enough answers.
SLOW_TIMES, HOUR_ANSWERS_MIN = 3, 30
# Failures while another machine runs against failures while it stands: four standard errors and five points apart.
DEVIATIONS_MIN, DIFFERENCE_MIN = 4.0, 0.05
RUNNING_SHARE = 0.5  # of the largest power seen


class Seen(NamedTuple):
    """One poll: when, why it failed ("" if it did not), and how long the answer took."""

    time_ms: int
    reason: str
    turnaround_ms: int | None


@dataclass(frozen=True)
class Polled:
    """A meter on a line and what its polls showed, oldest first."""

    meter: str
    line: str
    polls: Sequence[Seen]

    def share(self, *reasons: str) -> float:
        return sum(poll.reason in reasons for poll in self.polls) / len(self.polls)


def bus(polled: Sequence[Polled], hour_of: Callable[[int], int], powers: Mapping[str, Sequence[tuple[int, int]]]) -> list[Finding]:
    """`hour_of` an instant in the site's zone; `powers`: meter -> (time_ms, mW) in order of time, of machines that may disturb."""
    known = [each for each in polled if len(each.polls) >= POLLS_MIN]
    found: list[Finding] = []
    for line in sorted({each.line for each in known}):
        found += _line(line, [each for each in known if each.line == line])
    for each in known:
        found += _hours(each, hour_of)
        found += _neighbours(each, powers)
    return found


def _line(line: str, meters: Sequence[Polled]) -> Iterable[Finding]:
    silent = [each for each in meters if each.share("no_answer") > SILENT_SHARE]
    if len(silent) == len(meters) > 1:
        yield Finding("bus_silent", (line,), CERTAIN, {"evidence": f"0 / {sum(len(each.polls) for each in meters)}"})
        return
    for each in silent:
        yield Finding("meter_silent", (each.meter,), CERTAIN, _evidence([each], "no_answer"))
    speaking = [each for each in meters if each not in silent]
    noisy = [each for each in speaking if each.share("line_noise") >= NOISE_SHARE]
    if len(noisy) > 1 and len(noisy) * 2 >= len(speaking):
        yield Finding("many_crc_errors", (line,), LIKELY, _evidence(noisy, "line_noise"))
        return
    for each in noisy:
        colliding = each.share("line_noise") >= COLLIDING_SHARE
        yield Finding("address_shared" if colliding else "stub_noise", (each.meter,), LIKELY, _evidence([each], "line_noise"))


def _evidence(meters: Sequence[Polled], reason: str) -> dict[str, str]:
    said = (f"{each.meter}: {sum(poll.reason == reason for poll in each.polls)} / {len(each.polls)}" for each in meters)
    return {"evidence": ", ".join(said)}


def _hours(each: Polled, hour_of: Callable[[int], int]) -> Iterable[Finding]:
    took = [(hour_of(poll.time_ms), poll.turnaround_ms) for poll in each.polls if poll.turnaround_ms is not None]
    if len(took) < POLLS_MIN:
        return
    usual = median(turnaround for _, turnaround in took)
    hours: dict[int, list[int]] = {}
    for hour, turnaround in took:
        hours.setdefault(hour, []).append(turnaround)
    slow = {
        hour: median(times)
        for hour, times in sorted(hours.items())
        if len(times) >= HOUR_ANSWERS_MIN and median(times) > SLOW_TIMES * usual
    }
    if slow:
        said = ", ".join(f"{hour:02d}:00 {turnaround:.0f} ms" for hour, turnaround in slow.items())
        yield Finding("slow_at_times", (each.meter,), LIKELY, {"evidence": f"{said} ({usual:.0f} ms)"})


def _neighbours(each: Polled, powers: Mapping[str, Sequence[tuple[int, int]]]) -> Iterable[Finding]:
    """The neighbour whose running goes with the failures most clearly."""
    told = [
        (deviations, other, said) for other, power in powers.items() if other != each.meter for deviations, said in _compared(each, power)
    ]
    if told:
        _, other, said = max(told)
        yield Finding("degrades_with", (each.meter,), LIKELY, {"other": other, "evidence": said})


def _compared(each: Polled, power: Sequence[tuple[int, int]]) -> Iterable[tuple[float, str]]:
    largest = max((value for _, value in power), default=0)
    if largest <= 0:
        return
    states = _states(each.polls, power, RUNNING_SHARE * largest)
    running = [bool(poll.reason) for poll, runs in states if runs]
    standing = [bool(poll.reason) for poll, runs in states if not runs]
    if min(len(running), len(standing)) < POLLS_MIN:
        return
    worse, better = sum(running) / len(running), sum(standing) / len(standing)
    every = (sum(running) + sum(standing)) / (len(running) + len(standing))
    error = sqrt(every * (1 - every) * (1 / len(running) + 1 / len(standing)))
    if error and worse - better >= DIFFERENCE_MIN and (worse - better) / error >= DEVIATIONS_MIN:
        yield (worse - better) / error, f"{sum(running)} / {len(running)} : {sum(standing)} / {len(standing)}"


def _states(polls: Sequence[Seen], power: Sequence[tuple[int, int]], threshold: float) -> list[tuple[Seen, bool]]:
    """Each poll with whether the other ran at its last reading before; polls before its first are left out."""
    states: list[tuple[Seen, bool]] = []
    at = -1
    for poll in polls:
        while at + 1 < len(power) and power[at + 1][0] <= poll.time_ms:
            at += 1
        if at >= 0:
            states.append((poll, power[at][1] > threshold))
    return states
