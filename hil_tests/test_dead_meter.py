"""One meter of a line is dead: what the others notice, measured by the instants of their stored readings."""

from collections.abc import Sequence
from itertools import pairwise

from gateway import control
from gateway.acquire.station import Station
from gateway.acquire.wants import POWER
from gateway.acquisition import station_specs
from hil_tests.chain import Chain
from protocols.pdu import ReadRequest
from protocols.reading import Reading
from tools.bench import ledger

ASKED = 3  # time-outs of the dead meter: each of them is one that the others might notice
ROUNDS_AFTER = 2
QUARTER_MS = 900_000  # counters go first at these instants, dead meter or not: such pairs say nothing here


def test_one_dead_meter_costs_the_others_nothing(chain: Chain) -> None:
    """From its first failure on, no other meter of the line waits longer than the interval and one time-out between two readings."""
    with chain.bench.with_a_dead_meter(chain.places) as dead:
        others = [meter.name for meter in chain.bench.meters if meter.line == dead.line and meter != dead]
        gateway = chain.start_gateway()
        gateway.until(lambda: _counts(chain)["timeouts"] >= ASKED, "the dead meter was asked again and again")
        enough = _counts(chain)["answers"] + 2 * ROUNDS_AFTER * len(others)  # a meter's levels take two reads
        gateway.until(lambda: _counts(chain)["answers"] >= enough, "the others are read on")
        gateway.stop()
    readings = ledger.readings(chain.data)
    # A round in which the dead meter was asked is longer than one in which it was not by its time-out: that
    # much a reading may come later than the one before would lead to expect, and not more.
    bound_ms = _interval_ms(chain) + _timeout_ms(chain, dead.name)
    distances = [after - before for instants in _instants(chain, others) for before, after in _comparable(instants)]
    failures = [reading for reading in readings if reading.meter == dead.name]

    assert not any(reading.values for reading in failures)
    assert {reason for reading in failures for reason in reading.missing.values()} <= {"no_answer"}
    assert max(distances) <= bound_ms, f"{max(distances)} ms between two readings; {bound_ms} ms are the bound"
    assert len(distances) >= len(others) * ASKED  # so many rounds were compared


def _counts(chain: Chain) -> dict[str, int]:
    try:
        counts: dict[str, int] = control.ask(chain.data, "counts")
    except control.ControlError:
        return {"timeouts": 0, "answers": 0}  # not up yet
    return counts


def _instants(chain: Chain, meters: Sequence[str]) -> list[list[int]]:
    """The instants of the stored readings of levels of each meter, but for the first: then the gateway still learns the meters."""
    readings = ledger.readings(chain.data)
    return [[reading.time_ms for reading in readings if _is_level(reading, meter) and reading.time_ms][1:] for meter in meters]


def _is_level(reading: Reading, meter: str) -> bool:
    return reading.meter == meter and "voltage_l1_n" in reading.values


def _comparable(instants: Sequence[int]) -> list[tuple[int, int]]:
    return [(before, after) for before, after in pairwise(instants) if before // QUARTER_MS == after // QUARTER_MS]


def _interval_ms(chain: Chain) -> int:
    site, _ = ledger.loaded(chain.site)
    return site.poll.interval_s * 1000


def _timeout_ms(chain: Chain, name: str) -> int:
    """The longest time-out of any read of this meter, as the gateway has it before it has learnt anything of it."""
    site, models = ledger.loaded(chain.site)
    table = site.meter_named(name)
    specs = [spec for line in site.line if line.name == table.line for spec in station_specs(site, models, line)]
    station = next(Station(spec) for spec in specs if spec.table.name == name)
    requests = [ReadRequest(block.function, block.address, block.count) for block in station.blocks(POWER)]
    return round(max(station.timeout_s(request) for request in requests) * 1000)
