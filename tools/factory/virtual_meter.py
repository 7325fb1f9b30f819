"""A meter simulated from its meter file: the same rows that decode it encode its registers, on every request.

What it measures comes in as a function of time; lines, faults and clocks are not known here.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise

from protocols.errors import MeterRefused, OurMistake
from protocols.meter import SUNSPEC, Meter, Probe
from protocols.pdu import ILLEGAL_ADDRESS, ILLEGAL_VALUE
from protocols.register import (
    FOUR_QUADRANT,
    HIGH_BYTE,
    LOW_BYTE,
    TYPES,
    Image,
    Row,
    count,
    decode_from,
    encode,
    encode_into,
    missing_words,
    span,
)
from protocols.responder import answer

# Unix milliseconds -> inner thousandths by quantity; what is not measured is absent.
Measure = Callable[[int], Mapping[str, int]]

# Registers between two rows belong to quantities we leave out (averages, sums): the meter answers them with 0.
# The widest gap that masters in the field read across is that of the SDM630 (36 to 51). A longer one is a hole
# in the map: a read that touches it is refused.
GAP_ANSWERED_MAX = 16
_MARKER_BEFORE_BASE = 70  # "SunS", then the common model with its head of 2 and 66 registers
_COMMON_MODEL, _COMMON_LENGTH = 1, 66
_END_MODEL = 0xFFFF
# Tens of a SunSpec meter model number -> its length and the word of a point that is not implemented.
_SUNSPEC_MODELS = {10: (50, (0xFFFF,)), 11: (60, (0x7FC0, 0x0000)), 20: (105, (0x8000,)), 21: (124, (0x7FC0, 0x0000))}
_THREE_PHASE_WYE = 3
# The largest value a scale factor register must leave room for, in thousandths, by the beginning of the quantity.
_FULL_SCALE = {
    "current": 10**6,
    "voltage": 10**6,
    "frequency": 65_000,
    "power_factor": 1_000,
    "active_p": 10**9,
    "reactive_p": 10**9,
    "apparent_p": 10**9,
}
_INT16_MAX = 32_767


class VirtualMeter:
    """`factors` sets ratio registers by helper name (`ct_ratio` = 40); every other is 1."""

    def __init__(self, meter: Meter, measure: Measure, factors: Mapping[str, int] | None = None) -> None:
        self.meter = meter
        self.measure = measure
        self._identity = tuple(text.encode() for text in (meter.manufacturer, meter.covers[0], "1.0"))
        self._probes = {(probe.function, probe.address, probe.count): _probe_words(probe) for probe in meter.identification}
        self._fixed = self._fixed_image(factors or {})

    def serve(self, pdu: bytes, time_ms: int) -> bytes:
        return answer(pdu, _Registers(self, time_ms), self._identity)

    def shown(self, quantity: str, values: Mapping[str, int]) -> int | None:
        """What a master reads of `values` for one quantity: rounded to what the register holds, None if not measured."""
        row = next((row for row in self.meter.rows if row.quantity == quantity), None)
        if row is None or quantity not in values:
            return None
        image = dict(self._fixed)
        _put(row, values, image)
        return decode_from(row, image)

    def words(self, function: int, address: int, length: int, time_ms: int) -> list[int] | None:
        """The words of a read, None where it touches a hole."""
        if length > self.meter.limits.registers_max:
            raise MeterRefused(ILLEGAL_VALUE)
        probe = self._probes.get((function, address, length))
        if probe is not None:
            return probe
        places = [(function, address + index) for index in range(length)]
        if any(place not in self._fixed for place in places):
            return None
        image = dict(self._fixed)
        values = self.measure(time_ms)
        for row in self.meter.rows:
            if row.function == function and row.address < address + length and address < row.address + count(row):
                _put(row, values, image)
        return [image[place] for place in places]

    def image(self, time_ms: int | None) -> Image:
        """All registers at once; without a time those that nothing is measured for hold what they always hold."""
        image = dict(self._fixed)
        values = {} if time_ms is None else self.measure(time_ms)
        for row in self.meter.rows:
            _put(row, values, image)
        return image

    def write(self, address: int, words: tuple[int, ...], time_ms: int) -> int:  # noqa: ARG002 - a simulated meter takes no settings
        """0, or the exception code."""
        return ILLEGAL_ADDRESS

    def _fixed_image(self, factors: Mapping[str, int]) -> Image:
        image: Image = {}
        if self.meter.language == SUNSPEC:
            _lay_sunspec_chain(self.meter, image)
        for (function, address, _), words in self._probes.items():
            _lay(image, function, address, words)
        places = sorted({(row.function, address) for row in self.meter.rows for address in range(*span(row))})
        for before, after in pairwise(places):
            if before[0] == after[0] and after[1] - before[1] <= GAP_ANSWERED_MAX + 1:
                image = {(before[0], address): 0 for address in range(before[1], after[1])} | image
        image = dict.fromkeys(places, 0) | image
        for row in reversed(self.meter.rows):
            for ratio in row.ratios:
                _lay(image, ratio.function, ratio.address, encode(ratio, factors.get(ratio.quantity, 1)))
            if row.scale:
                _lay(image, row.scale.function, row.scale.address, encode(row.scale, _power_of_ten(row)))
        return image


class _Registers:
    """What `responder` reads and writes."""

    def __init__(self, meter: VirtualMeter, time_ms: int) -> None:
        self._meter = meter
        self._time_ms = time_ms

    def read(self, function: int, address: int, length: int) -> list[int] | None:
        return self._meter.words(function, address, length, self._time_ms)

    def write(self, address: int, words: tuple[int, ...]) -> int:
        return self._meter.write(address, words, self._time_ms)


def _put(row: Row, values: Mapping[str, int], image: Image) -> None:
    value = values.get(row.quantity)
    if value is not None and row.coding == FOUR_QUADRANT and values.get("reactive_power", 0) < 0:
        value = (2_000 if value >= 0 else -2_000) - value
    try:
        if value is None:
            _put_none(row, image)
        else:
            encode_into(row, value, image)
    except OurMistake:
        # The register cannot hold the value: like the real meter it then shows none.
        _put_none(row, image)


def _put_none(row: Row, image: Image) -> None:
    words = missing_words(row)
    if words is not None:
        _lay(image, row.function, row.address, words)
    elif TYPES[row.type][1] in (HIGH_BYTE, LOW_BYTE):
        encode_into(row, 0, image)  # the other byte is another row's
    else:
        _lay(image, row.function, row.address, [0] * count(row))


def _lay(image: Image, function: int, address: int, words: list[int]) -> None:
    for index, word in enumerate(words):
        image[function, address + index] = word


def _probe_words(probe: Probe) -> list[int]:
    if probe.begins:
        return _text_words(probe.begins[0], probe.count)
    number = next((each for each in probe.equals if each // 10 in _SUNSPEC_MODELS and each % 10 == _THREE_PHASE_WYE), probe.equals[0])
    return [number >> 16 * index & 0xFFFF for index in reversed(range(probe.count))]


def _text_words(text: str, length: int) -> list[int]:
    octets = text.encode("ascii").ljust(2 * length, b"\0")
    return [octets[index] << 8 | octets[index + 1] for index in range(0, 2 * length, 2)]


def _lay_sunspec_chain(meter: Meter, image: Image) -> None:
    """Marker, common model, meter model with nothing implemented yet, end."""
    model = next(_probe_words(probe)[0] for probe in meter.identification if probe.equals)
    length, hollow = _SUNSPEC_MODELS[model // 10]
    start = meter.base - _MARKER_BEFORE_BASE
    names = _text_words(meter.manufacturer, 16) + _text_words(meter.covers[0][:32], 16) + [0] * (_COMMON_LENGTH - 32)
    points = [hollow[index % len(hollow)] for index in range(length)]
    chain = [*_text_words("SunS", 2), _COMMON_MODEL, _COMMON_LENGTH, *names, model, length, *points, _END_MODEL, 0]
    _lay(image, meter.rows[0].function, start, chain)


def _power_of_ten(row: Row) -> int:
    """The finest power with which the row still holds its full scale."""
    full = next((value for start, value in _FULL_SCALE.items() if row.quantity.startswith(start)), None)
    if full is None:
        return 0
    power = -10
    while full > _INT16_MAX * row.mantissa * 10 ** (row.exponent + power + 20) // 10**20:
        power += 1
    return power
