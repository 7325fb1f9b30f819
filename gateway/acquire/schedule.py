"""What is due when on one line. Pure: the current time is handed in, nothing is sent.

Power is due every interval, spread evenly from the first one; an overloaded line skips rounds, it never
queues them. Counters are due at every boundary (interval ends and shift changes) and stay due until they
were read. Meters that are away share one probe an interval, and none while a round is not finished.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import NamedTuple

from gateway.acquire.station import Station
from gateway.acquire.wants import ENERGY, FACTS, POWER

FACTS_EVERY_S = 86_400.0  # ratios change when a person changes them; a day is soon enough to notice

PERSON, COUNTERS, ROUND, PROBE, BULK = range(5)  # in order of priority; BULK is what can wait


class Job(NamedTuple):
    priority: int
    due: float
    station: int  # its index: keeps equal jobs in the order of the site file
    pace: str


class Schedule:
    def __init__(self, stations: Sequence[Station], interval_s: float, next_boundary_ms: Callable[[int], int], start: float) -> None:
        """`next_boundary_ms` gives the first boundary after an instant of wall time; a `start` of infinity polls only on demand."""
        self._stations = stations
        self._interval_s = interval_s
        self._next_boundary_ms = next_boundary_ms
        self._power_due = [start] * len(stations)
        self._facts_due = [start] * len(stations)
        self._energy_due = [start < inf] * len(stations)  # once at the start, so that energy is known from there
        self._boundary_ms: int | None = None
        self._probe_at = start
        self._asked: dict[int, list[str]] = defaultdict(list)
        self._watched: set[int] = set()

    def ask(self, index: int) -> int:
        """A person wants this station read now, at every pace; returns how many polls that will be."""
        self._asked[index] = [pace for pace in (ENERGY, POWER) if self._stations[index].blocks(pace)]
        return len(self._asked[index])

    def watch(self, stations: set[int]) -> None:
        """Counters of these are in doubt (a fall, a jump): read them at the power pace until it is decided."""
        self._watched = stations

    def forget(self, index: int) -> None:
        """The person has been answered: what else was asked of this station need not be read."""
        self._asked[index].clear()

    def notice(self, now_ms: int) -> bool:
        """At a boundary (then True) every counter becomes due; after the clock was set back it plans anew."""
        following = self._next_boundary_ms(now_ms)
        passed = self._boundary_ms is not None and now_ms >= self._boundary_ms
        if passed:
            self._energy_due = [True] * len(self._stations)
        self._boundary_ms = following
        return passed

    def next(self, now: float) -> Job | None:
        """The most urgent job that may start now."""
        ready = [job for job in self._jobs() if job.due <= now]
        if now < self._probe_at or any(job.priority == ROUND for job in ready):
            ready = [job for job in ready if job.priority != PROBE]
        return min(ready, default=None)

    def wake_at(self, now: float) -> float:
        """When the next job may start, an interval from now at the latest."""
        dues = (max(job.due, self._probe_at) if job.priority == PROBE else job.due for job in self._jobs())
        return min(dues, default=now + self._interval_s)

    def _jobs(self) -> Iterator[Job]:
        """Everything there is to do, due when its station may be spoken to."""
        for index, station in enumerate(self._stations):
            ready_at = station.condition.ready_at
            yield from (job._replace(due=max(job.due, ready_at)) for job in self._of(index, station))

    def _of(self, index: int, station: Station) -> Iterator[Job]:
        asked = self._asked[index]
        if asked:
            yield Job(PERSON, 0.0, index, FACTS if station.needs_facts and station.blocks(FACTS) else asked[0])
        absent = station.condition.absent
        for due, pace in self._paces(index, station):
            if absent:
                yield Job(PROBE, 0.0, index, pace)  # who has been ready longest is probed first
            else:
                yield Job(ROUND if pace == POWER else COUNTERS, due, index, pace)

    def _paces(self, index: int, station: Station) -> Iterator[tuple[float, str]]:
        if station.blocks(FACTS):
            yield self._facts_due[index], FACTS
            if station.needs_facts:
                return
        if self._energy_due[index] and station.blocks(ENERGY):
            yield 0.0, ENERGY
        if station.blocks(POWER):
            yield self._power_due[index], POWER

    def started(self, job: Job, now: float) -> None:
        if job.priority == PERSON:
            if job.pace != FACTS:
                self._asked[job.station].pop(0)
            return
        if job.priority == PROBE:
            self._probe_at = now + self._interval_s
        if job.pace == POWER:
            self._energy_due[job.station] |= job.station in self._watched
            due = self._power_due[job.station] + self._interval_s
            self._power_due[job.station] = due if due > now else now + self._interval_s

    def done(self, job: Job, now: float) -> None:
        """Everything the job was to read was answered, or refused for good; what a person read is not stored and settles nothing."""
        if job.pace == ENERGY and job.priority != PERSON:
            self._energy_due[job.station] = False
        if job.pace == FACTS:
            self._facts_due[job.station] = now + FACTS_EVERY_S
