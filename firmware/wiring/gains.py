"""The calibration of a sampled front end as its configuration has it. Runs on MicroPython."""

from firmware.metrology.calibration import Calibration, Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def gains_of(wiring: "dict[str, Any]") -> Calibration:
    return Calibration(tuple([Channel(gain, 0, 0) for gain in wiring["gains"]]), wiring.get("creep_ma", 0), 0)
