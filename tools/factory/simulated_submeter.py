"""Our own submeter simulated from its meter file, where its firmware cannot run: measured values, latch, clock and quality.

Load profile, calibration and settings it has not: what asks for them is refused.
"""

from protocols.meter import Meter, latched
from protocols.pdu import ILLEGAL_ADDRESS, READ_HOLDING
from protocols.register import Image
from tools.factory.virtual_meter import Measure, VirtualMeter

# Sections whose registers are answered; what `_numbers` does not tell is 0.
_ANSWERED = ("quality", "clock", "latch")
_COVERED = 10_000  # all of the last minute
_CLOCK_SET = 1
_NO_VALUE = 0xFFFF


class SimulatedSubmeter(VirtualMeter):
    def __init__(self, meter: Meter, measure: Measure) -> None:
        super().__init__(meter, measure)
        self._fields = {field.name: field for section in meter.sections if section.name in _ANSWERED for field in section.fields}
        self._copies = VirtualMeter(latched(meter), measure)
        self._began_ms: int | None = None
        self._latch: tuple[int, int] | None = None  # its number, and when it was
        self._clock_off_ms: int | None = None

    def words(self, function: int, address: int, length: int, time_ms: int) -> list[int] | None:
        plain = super().words(function, address, length, time_ms)
        if plain is not None:
            return plain
        image = self.image(time_ms) | self._frozen() | self._state(time_ms)
        places = [(READ_HOLDING, address + index) for index in range(length)]
        return [image[place] for place in places] if all(place in image for place in places) else None

    def write(self, address: int, words: tuple[int, ...], time_ms: int) -> int:
        number = sum(word << 16 * place for place, word in enumerate(reversed(words)))
        if address == self._fields["latch"].address and len(words) == 1:
            self._latch = (number, time_ms)
        elif address == self._fields["clock_ms"].address and len(words) == self._fields["clock_ms"].words:
            self._clock_off_ms = number - time_ms
        else:
            return ILLEGAL_ADDRESS
        return 0

    def _frozen(self) -> Image:
        """No value before the first latch."""
        if self._latch is None:
            return dict.fromkeys(self._copies.image(None), _NO_VALUE)
        return self._copies.image(self._latch[1])

    def _state(self, time_ms: int) -> Image:
        numbers = self._numbers(time_ms)
        image: Image = {}
        for name, field in self._fields.items():
            number = numbers.get(name, 0)
            for index in range(field.words):
                word = _NO_VALUE if number is None else number >> 16 * (field.words - 1 - index) & 0xFFFF
                image[READ_HOLDING, field.address + index] = word
        return image

    def _numbers(self, time_ms: int) -> dict[str, int | None]:
        self._began_ms = time_ms if self._began_ms is None else self._began_ms
        number, at_ms = self._latch or (None, None)
        off_ms = self._clock_off_ms
        return {
            "coverage": _COVERED,
            "counter_epoch": 1,
            "boots": 1,
            "uptime_s": (time_ms - self._began_ms) // 1_000,
            "clock_state": 0 if off_ms is None else _CLOCK_SET,
            "clock_ms": None if off_ms is None else time_ms + off_ms,
            "latch": number,
            "latch_age_ms": None if at_ms is None else time_ms - at_ms,
            "latch_clock_ms": None if at_ms is None or off_ms is None else at_ms + off_ms,
        }
