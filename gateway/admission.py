"""Whether the meters of each line can be read within the interval: the arithmetic, and what would make them fit.

The worst case counts every answer at the meter's slow turnaround. Counters are read at interval ends only and go
ahead of a round, which is then late by that much, once: they are told, but decide nothing. Nothing is opened here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from gateway.acquire.conversation import BROADCAST_S
from gateway.acquire.latch import METERS_MIN
from gateway.acquire.station import Station, change_us
from gateway.acquire.wants import ENERGY, POWER
from gateway.acquisition import station_specs
from gateway.site import BAUDS, LineTable, Site
from protocols.meter import Meter
from protocols.pdu import WriteRegister
from protocols.plan import wire_us


@dataclass(frozen=True)
class Verdict:
    """`fits`: also if every answer is slow; `keeps_up`: as the meters answer typically. `sentence` is "" where the line fits.

    `digest` changes with everything that decides about it.
    """

    line: str
    meters: int
    bits_per_second: int
    cycle_ms: float
    least_cycle_ms: float
    energy_ms: float
    interval_ms: int
    fits: bool
    keeps_up: bool
    sentence: str
    digest: str


def admission(site: Site, models: Mapping[str, Meter]) -> tuple[Verdict, ...]:
    """One verdict per line, in the order of the site file."""
    return tuple(_verdict(site, line, _stations(site, models, line), models) for line in site.line)


def refusals(verdicts: Sequence[Verdict]) -> list[str]:
    return [verdict.sentence for verdict in verdicts if not verdict.fits]


def _stations(site: Site, models: Mapping[str, Meter], line: LineTable) -> list[Station]:
    return [Station(spec) for spec in station_specs(site, models, line)]


def least_us(station: Station, pace: str) -> int:
    """With the typical turnaround."""
    return sum(wire_us(block, station.costs) for block in station.blocks(pace))


def slow_us(station: Station, pace: str) -> int:
    costs = station.costs._replace(turnaround_us=station.limits.turnaround_slow_ms * 1000)
    return sum(wire_us(block, costs) for block in station.blocks(pace))


def _latch_us(stations: Sequence[Station]) -> int:
    """One broadcast a round where several submeters of ours share a line."""
    own = [station for station in stations if station.own is not None]
    if len(own) < METERS_MIN or own[0].spec.line.tcp:
        return 0
    return round((BROADCAST_S + own[0].request_s(WriteRegister(0, 0))) * 1e6)


def _cycle_us(stations: Sequence[Station]) -> int:
    return _round_us(slow_us, stations, POWER) + _latch_us(stations)


def _round_us(visit_us: Callable[[Station, str], int], stations: Sequence[Station], pace: str) -> int:
    return sum(visit_us(station, pace) + change_us(station, stations) for station in stations)


def _verdict(site: Site, line: LineTable, stations: Sequence[Station], models: Mapping[str, Meter]) -> Verdict:
    interval_ms = site.poll.interval_s * 1000
    cycle_us = _cycle_us(stations)
    least_ms = _round_us(least_us, stations, POWER) / 1000
    fits = cycle_us <= interval_ms * 1000
    said = [(line, site.poll.interval_s), *((station.name, station.address, station.spec.meter.name) for station in stations)]
    return Verdict(
        line=line.name,
        meters=len(stations),
        bits_per_second=stations[0].costs.bits_per_second if stations else line.baud,
        cycle_ms=cycle_us / 1000,
        least_cycle_ms=least_ms,
        energy_ms=_round_us(slow_us, stations, ENERGY) / 1000,
        interval_ms=interval_ms,
        fits=fits,
        keeps_up=least_ms <= interval_ms,
        sentence="" if fits else _sentence(site, line, stations, models, cycle_us),
        digest=sha256(repr(said).encode()).hexdigest(),
    )


def _sentence(site: Site, line: LineTable, stations: Sequence[Station], models: Mapping[str, Meter], cycle_us: int) -> str:
    interval_us = site.poll.interval_s * 1_000_000
    first = next(count for count in range(1, len(stations) + 1) if _cycle_us(stations[:count]) > interval_us)
    turnaround_us = sum(len(station.blocks(POWER)) * station.limits.turnaround_slow_ms * 1000 for station in stations)
    requests = sum(len(station.blocks(POWER)) for station in stations)
    remedies = [*_faster(site, line, models), f"an interval of {-(-cycle_us // 1_000_000)} s would do"]
    wire, waiting = _seconds(cycle_us - turnaround_us), _seconds(turnaround_us)
    return (
        f"line {line.name}: the {_ordinal(first)} meter ({stations[first - 1].name}) breaks the {site.poll.interval_s} s target: "
        f"cycle {_seconds(cycle_us)} s for {len(stations)} meters ({requests} requests: {wire} s on the wire, "
        f"{waiting} s until slow meters answer); {'; '.join(remedies)}; or move meters to another line."
    )


def _faster(site: Site, line: LineTable, models: Mapping[str, Meter]) -> list[str]:
    """The least baud rate that would do, or what the fastest would give."""
    if line.tcp:
        return []
    found = []
    for baud in (each for each in BAUDS if each > line.baud):
        cycle_us = _cycle_us(_with_baud(site, line, models, baud))
        found.append(f"{baud} baud would give {_seconds(cycle_us)} s")
        if cycle_us <= site.poll.interval_s * 1_000_000:
            return [found[-1]]
    return found[-1:]


def _with_baud(site: Site, line: LineTable, models: Mapping[str, Meter], baud: int) -> list[Station]:
    faster = line.model_copy(update={"baud": baud})
    return _stations(site, models, faster)


def _seconds(microseconds: int) -> str:
    """Rounded up, so that what does not fit never looks as if it did."""
    tenths = -(-microseconds // 100_000)
    return f"{tenths // 10}.{tenths % 10}"


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
