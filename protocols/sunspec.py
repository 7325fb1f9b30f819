"""Where the models of a SunSpec device lie: a walk along its chain, one short read after the other.

The marker "SunS" stands at one of three addresses; behind it models follow one another, each with its number
and length. Addresses differ between makers and even between versions of one firmware, so they are found and
never taken for granted. The walk says what to read next and is told what came; asking is the caller's.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from protocols.meter import Meter, rebased
from protocols.pdu import READ_HOLDING, ReadRequest

# The specification's order of likelihood: most devices, then those that begin at 0, then 50000.
BASES = (40_000, 0, 50_000)
MARKER = (0x5375, 0x6E53)  # "SunS"
COMMON = 1  # the model that names maker and device
_HEAD = 2  # number and length of a model
# The end by the specification, and what devices without it answer there.
_ENDS = (0xFFFF, 0)
# The longest chain known has some twenty models; more is a device that goes round in a circle.
MODELS_MAX = 40
# Model number -> the meter file that has its rows.
FILES: Mapping[int, str] = {
    **dict.fromkeys((201, 202, 203, 204), "sunspec-meter-int"),
    **dict.fromkeys((211, 212, 213, 214), "sunspec-meter-float"),
    **dict.fromkeys((101, 102, 103), "sunspec-inverter-int"),
    **dict.fromkeys((111, 112, 113), "sunspec-inverter-float"),
}


class Model(NamedTuple):
    """`base` is the register of the model's number."""

    number: int
    base: int
    length: int


class Walk:
    """`request` until it is None; each is followed by `answered` or `refused` (also for silence)."""

    def __init__(self, bases: Sequence[int] = BASES) -> None:
        self.models: tuple[Model, ...] = ()
        self._bases = list(bases)
        self._at: int | None = None  # the next model's number, once the marker was found

    @property
    def request(self) -> ReadRequest | None:
        if self._at is not None:
            return ReadRequest(READ_HOLDING, self._at, _HEAD)
        return ReadRequest(READ_HOLDING, self._bases[0], len(MARKER)) if self._bases else None

    def answered(self, words: Sequence[int]) -> None:
        if self._at is not None:
            self._took_head(words[0], words[1])
        elif tuple(words) == MARKER:
            self._at = self._bases[0] + len(MARKER)
        else:
            self._bases.pop(0)

    def refused(self) -> None:
        """No map begins here, or the chain ends without saying so."""
        self._end()

    def _end(self) -> None:
        """A marker with no model behind it is none: then the next place is tried."""
        self._at = None
        self._bases = [] if self.models else self._bases[1:]

    def _took_head(self, number: int, length: int) -> None:
        assert self._at is not None, "heads are read behind a marker"
        following = self._at + _HEAD + length
        if number in _ENDS or following >= 0x10000 - _HEAD or len(self.models) >= MODELS_MAX:
            self._end()
            return
        self.models = (*self.models, Model(number, self._at, length))
        self._at = following


def meter_model(models: Sequence[Model]) -> Model | None:
    """The model with a meter's values: a meter before the inverter it hangs on."""
    known = [model for model in models if model.number in FILES]
    return max(known, key=lambda model: model.number, default=None)


def placed(meter: Meter, models: Sequence[Model]) -> Meter | None:
    """The meter file's rows where the device has its model; None if it has none of that file."""
    model = next((model for model in models if FILES.get(model.number) == meter.name), None)
    return None if model is None else rebased(meter, model.base)
