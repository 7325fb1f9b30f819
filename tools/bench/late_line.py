"""A line of made-up meters a third of whose answers come late, and whose words tell who said them, where and when.

Only the line and its truth live here; who polls it, and what is made of the answers, is not known.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random

from gateway.acquire.station import Station as Asked
from gateway.acquire.station import StationSpec
from gateway.site import LineTable, MeterTable
from protocols.meter import Meter
from protocols.reading import Reading
from tools.bench.made_up_meter import MODEL, made_up
from tools.factory.faults import Fault
from tools.factory.serial_settings import LineSettings
from tools.factory.station import Station
from tools.factory.wire import Line

METERS = 10
LATE_SHARE = 1 / 3
LATE_US = (30_000, 3_000_000)  # after the time-out
SETTINGS = LineSettings(19_200, "N", 1)
# In three blocks of different lengths, a different set of addresses for each meter.
_LEVELS = ("voltage_l1_n", "voltage_l2_n", "voltage_l3_n", "current_l1", "current_l2", "current_l3", "active_power", "frequency")
_UNITS = ("V", "V", "V", "A", "A", "A", "W", "Hz")


def meter(number: int) -> Meter:
    """A made-up meter whose registers tell who said them, where, and in answer to which request."""
    addresses = sorted(Random(number).sample(range(0, 400, 40), 3))
    rows = [
        {"quantity": quantity, "address": _address(addresses, index, number), "unit": unit, "scale": "0.001"}
        for index, (quantity, unit) in enumerate(zip(_LEVELS, _UNITS, strict=True))
    ]
    return made_up(rows, 30, 5, 10, 150, f"{MODEL}-{number}")


def _address(addresses: list[int], index: int, number: int) -> int:
    """Three blocks; the last row of some meters lies further off, so that their blocks differ in length."""
    return addresses[index % 3] + 2 * (index // 3) + (2 * (number % 3) if index == len(_LEVELS) - 1 else 0)


def word(number: int, address: int, served: int) -> int:
    """Even registers: meter and register; odd ones: the number of the request, modulo 65536."""
    return number << 9 | address if address % 2 == 0 else served % 65_536


@dataclass
class Device:
    """`served` counts the requests it heard."""

    number: int
    served: int = 0

    def serve(self, request: bytes, _now_us: int) -> bytes:
        self.served += 1
        address, count = int.from_bytes(request[1:3], "big"), int.from_bytes(request[3:5], "big")
        words = b"".join(word(self.number, address + index, self.served).to_bytes(2, "big") for index in range(count))
        return bytes((request[0], 2 * count)) + words


@dataclass(frozen=True)
class LateAfter(Fault):
    """Late by a drawn time after the master's own time-out; `due_us` tells an oracle by how much."""

    timeout_us: Callable[[], int] = field(default=lambda: 0)
    due_us: list[int] = field(default_factory=list)

    def delay_us(self, random: Random) -> int:
        delay_us = self.timeout_us() + random.randint(*LATE_US) if self.strikes(random) else 0
        self.due_us[:] = [delay_us]
        return delay_us


@dataclass
class Bench:
    """One line, its devices, and what a master brought home from it: each reading with the line's time at which it was handed over."""

    line: Line
    devices: list[Device]
    lates: list[LateAfter]
    stations: list[Asked]
    stored: list[tuple[int, Reading]] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return sum(station.condition.counters.requests for station in self.stations)


def bench(
    seed: int, port: str = "/dev/none", *, late_share: float = LATE_SHARE, faults: Sequence[Fault] = (), line_faults: Sequence[Fault] = ()
) -> Bench:
    """`faults` are each meter's, `line_faults` the wire's."""
    table = LineTable(name="bench", port=port, baud=19_200)
    devices, lates, stations, wired = [], [], [], []
    for number in range(1, METERS + 1):
        model = meter(number)
        row = MeterTable(name=f"m{number}", line="bench", address=number, model=model.name, role="load")
        asked = Asked(StationSpec(row, table, model, ()))
        device = Device(number)
        late = LateAfter(late_share, partial(_timeout_us, asked))
        devices.append(device)
        lates.append(late)
        stations.append(asked)
        wired.append(Station(row.name, number, device.serve, turnaround_us=(3_000, 9_000), faults=[late, *faults]))
    return Bench(Line(wired, SETTINGS, faults=line_faults, random=Random(seed)), devices, lates, stations)


def _timeout_us(asked: Asked) -> int:
    return asked.condition.turnaround.timeout_us
