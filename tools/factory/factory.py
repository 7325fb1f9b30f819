"""The three-shift factory as a function of time: every meter, what it shows, and its history as import rows.

Built from one seed and the instant the factory opened; it owns no port and asks no clock. The same instant
always shows the same, live or as history, so that the two join without a seam.
"""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from random import Random
from types import MappingProxyType
from typing import NamedTuple

from gateway import catalogue
from protocols.amount import outside
from protocols.meter import Meter, meter_from_document
from protocols.quantity import QUANTITIES
from protocols.reading import iso
from tools.factory.electrical import MeasuringPoint, Supply
from tools.factory.equipment import MAIN, PIECES, PLACES, PULSE_COUNTER, RS485, SUBMETER, TCP, Place
from tools.factory.faults import Fault
from tools.factory.loads import SLOT_MS, Balance
from tools.factory.serial_settings import LineSettings
from tools.factory.shop_floor import PV, sources
from tools.factory.simulated_submeter import SimulatedSubmeter
from tools.factory.site_file import PULSE_COUNTER_FILE
from tools.factory.station import Serve, Station
from tools.factory.tampering import begun, counters_of, turned
from tools.factory.tcp_meters import Unit
from tools.factory.virtual_meter import Measure, VirtualMeter
from tools.factory.wire import Line

HISTORY_DAYS = 14
SETTINGS = LineSettings(19_200, "N", 1)
_DAY_MS = 86_400_000
_MWH_PER_KWH = 1_000_000
_PIECE = 1_000
# Counters that history holds, and one level to look at; what a meter does not show is left out.
_HISTORY = ("active_energy_import", "active_energy_export", "reactive_energy_import", "pieces", "active_power")
_WHOLE_LINE = ""
_NONE_REAL: Mapping[str, Station] = MappingProxyType({})


class HistoryRow(NamedTuple):
    """The columns of the import file, as text."""

    time: str
    meter: str
    quantity: str
    value: str
    unit: str


class UnknownMeterError(ValueError):
    pass


def opened_before(start_ms: int, days: int = HISTORY_DAYS) -> int:
    """The instant, on the 15 minute grid, from which `days` of history lead to `start_ms`."""
    return (start_ms - days * _DAY_MS) // SLOT_MS * SLOT_MS


class Factory:
    """`opened_ms` must be the same for everything that is to fit together: history, live run, restart."""

    def __init__(self, seed: int, opened_ms: int) -> None:
        assert opened_ms % SLOT_MS == 0, "the factory opens on the 15 minute grid"
        self.opened_ms = opened_ms
        self._seed = seed
        self.sources = sources(seed, opened_ms // SLOT_MS)
        self._supply = Supply(seed)
        loads = tuple(source for name, source in self.sources.items() if name != PV)
        self.network = Balance(loads, (self.sources[PV],))
        self._turned: dict[str, frozenset[str]] = {}  # phases whose transformer is mounted backwards
        self._begun: dict[str, dict[str, int]] = {}  # what the counters would show at a meter's exchange
        self._points = {place.name: self._point(place) for place in PLACES if place.name != PIECES}
        self.meters = {place.name: self._meter(place) for place in PLACES}

    def stations(self, start_ms: int, faults: Mapping[str, list[Fault]], real: Mapping[str, Station]) -> list[Station]:
        """What answers on the RS-485 line, line time 0 being `start_ms`."""
        return [
            real.get(place.name)
            or Station(
                place.name,
                place.address,
                self._serve(place.name, start_ms),
                turnaround_us=_turnaround_us(self.meters[place.name].meter),
                quiet_us=self.meters[place.name].meter.limits.change_gap_ms * 1_000,
                faults=faults.get(place.name, ()),
            )
            for place in PLACES
            if place.line == RS485
        ]

    def line(self, start_ms: int, faults: Mapping[str, list[Fault]], real: Mapping[str, Station] = _NONE_REAL) -> Line:
        """The RS-485 line; faults of the meter "" are the line's own, stations in `real` take the place of simulated ones."""
        known = {_WHOLE_LINE} | {place.name for place in PLACES}
        for name in faults:
            if name not in known:
                raise UnknownMeterError(f"there is no meter {name!r} in the factory; known are {', '.join(sorted(known - {_WHOLE_LINE}))}")
        return Line(self.stations(start_ms, faults, real), SETTINGS, faults.get(_WHOLE_LINE, ()), random=Random(self._seed))

    def units(self, start_ms: int, faults: Mapping[str, list[Fault]]) -> dict[int, Unit]:
        """What answers behind the Modbus TCP address, by unit id."""
        return {
            place.address: Unit(place.name, self._serve(place.name, start_ms), tuple(faults.get(place.name, ())))
            for place in PLACES
            if place.line == TCP
        }

    def history(self, until_ms: int, without: Collection[str] = ()) -> Iterator[HistoryRow]:
        """Every quarter of an hour (shift changes lie on them) from the opening to `until_ms`, as each meter would have shown it."""
        meters = {name: meter for name, meter in self.meters.items() if name not in without}
        for time_ms in range(self.opened_ms, until_ms + 1, SLOT_MS):
            for name, meter in meters.items():
                values = self._history_values(name, time_ms)
                for quantity in _HISTORY:
                    value = meter.shown(quantity, values)
                    if value is not None:
                        yield HistoryRow(iso(time_ms), name, quantity, outside(quantity, value), QUANTITIES[quantity].unit)

    def warm_up(self, time_ms: int) -> None:
        """Works out everything up to `time_ms`, so that the first read does not take the seconds this takes."""
        for meter in self.meters.values():
            meter.measure(time_ms)

    def counters(self, name: str, time_ms: int) -> Mapping[str, int]:
        """All that its counters stand at, per phase too."""
        return self._points[name].counters(time_ms)

    def _history_values(self, name: str, time_ms: int) -> Mapping[str, int]:
        if name == PIECES:
            return self.meters[name].measure(time_ms)
        return self._points[name].totals(time_ms)

    def turn(self, name: str, phase: str) -> None:
        """Somebody turns the current transformer of that phase round; the second time it is as before."""
        self._known(name)
        self._turned[name] = self._turned.get(name, frozenset()) ^ {phase}

    def exchange(self, name: str, time_ms: int) -> None:
        """A new meter of the same model and address: its counters begin at zero."""
        self._known(name)
        self._begun[name] = counters_of(self._points[name].measure(time_ms))

    def _known(self, name: str) -> None:
        if name not in self._points:
            raise UnknownMeterError(f"there is no meter {name!r} in the factory; known are {', '.join(sorted(self._points))}")

    def _serve(self, name: str, start_ms: int) -> Serve:
        meter = self.meters[name]
        return lambda pdu, now_us: meter.serve(pdu, start_ms + now_us // 1_000)

    def _point(self, place: Place) -> MeasuringPoint:
        if place.name == MAIN:
            balance = self.network
        elif place.name == PV:
            balance = Balance((), (self.sources[PV],))
        else:
            balance = Balance((self.sources[place.name],))
        return MeasuringPoint(self._supply, balance, upstream=self.network, counter_start_mwh=place.start_kwh * _MWH_PER_KWH)

    def _meter(self, place: Place) -> VirtualMeter:
        if place.model == SUBMETER:
            return SimulatedSubmeter(_model(place.model), self._measure(place))
        return VirtualMeter(_model(place.model), self._measure(place), {"ct_ratio": place.ct_ratio})

    def _measure(self, place: Place) -> Measure:
        if place.name == PIECES:
            return lambda time_ms: {"pieces": self.sources["press-1"].strokes(time_ms) * _PIECE}
        point = self._points[place.name]

        def measure(time_ms: int) -> dict[str, int]:
            values = turned(point.measure(time_ms), self._turned.get(place.name, frozenset()))
            return begun(values, self._begun.get(place.name, {}))

        return measure


def _model(name: str) -> Meter:
    if name == PULSE_COUNTER:
        text = PULSE_COUNTER_FILE.read_text()
        return meter_from_document(tomllib.loads(text, parse_float=Decimal), PULSE_COUNTER_FILE.name)
    return catalogue.model(name, catalogue.meters())


def _turnaround_us(meter: Meter) -> tuple[int, int]:
    """A quarter to either side of what is typical for the meter."""
    typical_us = meter.limits.turnaround_ms * 1_000
    return typical_us * 3 // 4, typical_us * 5 // 4
