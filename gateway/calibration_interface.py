"""What the calibration pages ask of the gateway, as a typed Protocol and plain values."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from protocols.meter import Meter

# All ones is "no value" to the meter, 0 locks it.
KEY_MAX = 0xFFFF_FFFE
NO_LOAD, KNOWN_LOAD, ACCEPT = "no_load", "known_load", "accept"


class KnownLoad(NamedTuple):
    """What a reference shows for one phase."""

    voltage_mv: int
    current_ma: int
    active_power_mw: int
    reactive_power_mvar: int


class Standing(NamedTuple):
    """The meter as it is: `values` are the calibration's registers by name, those of channels it does not have left out."""

    serial_number: str
    phases: int
    unlocked_s: int
    changes: int
    values: Mapping[str, int]


class Step(NamedTuple):
    """One of the guided steps; `limit_millipercent` is for an acceptance, `load` for all but the one without load."""

    name: str
    load: KnownLoad | None = None
    limit_millipercent: int = 0


class Calibrations(Protocol):
    """Every function may be called from any thread and waits for the meter; RefusedError says what stands in the way."""

    def possible(self, meter: str) -> bool:
        """Without asking the meter: only our own submeters can."""

    def standing(self, meter: str) -> Standing: ...
    def records(self, meter: str) -> Sequence[Mapping[str, Any]]:
        """Of this name, the last one first, each with its `number`."""

    def unlock(self, meter: str, key: int) -> None: ...
    def lock(self, meter: str) -> None: ...
    def do(self, meter: str, person: str, step: Step) -> None: ...
    def put_back(self, meter: str, person: str, number: int) -> None:
        """The values as they were before that record."""


def can_calibrate(model: Meter) -> bool:
    return any(field.name == "calibration_step" for field in model.fields)


def steps_of(phases: int) -> list[str]:
    """In the order in which they are done."""
    return [NO_LOAD] + [f"{kind}_l{number}" for number in range(1, phases + 1) for kind in (KNOWN_LOAD, ACCEPT)]
