"""The test signal: waveforms, and no hardware. Runs on MicroPython."""

from firmware.front_ends import test_signal as module
from firmware.metrology import kernels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.front_ends.front_end import FrontEnd
    from firmware.metrology.calibration import Calibration


def wired(wiring: "dict[str, Any]") -> "tuple[FrontEnd, Calibration, str]":
    waveforms = tuple([module.Waveform(*wave) for wave in wiring["waveforms"]])
    front_end = module.SyntheticSignal(waveforms, wiring["frequency_mhz"], kernels)
    return front_end, module.calibration(len(waveforms)), "test_signal"
