"""The chip's own converters. Runs on MicroPython."""

import machine

from firmware import board
from firmware.front_ends import onchip_adc as module
from firmware.metrology import kernels
from firmware.wiring.gains import gains_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.front_ends.front_end import FrontEnd
    from firmware.metrology.calibration import Calibration


def wired(wiring: "dict[str, Any]") -> "tuple[FrontEnd, Calibration, str]":
    converters = tuple([machine.ADC(pin, atten=machine.ADC.ATTN_11DB) for pin in wiring["pins"]])
    front_end = module.OnchipAdc(converters, kernels, board.clock.ticks_us, board.clock.ticks_diff, board.somebody_waits)
    return front_end, gains_of(wiring), "onchip_adc"
