"""An ATM90E32 on an SPI bus. Runs on MicroPython."""

import machine

from firmware import board
from firmware.front_ends import atm90e32 as module
from firmware.front_ends import atm90e32_chip as chips
from firmware.rtc_plan import FRONT_END_AREA

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.front_ends.front_end import FrontEnd
    from firmware.metrology.calibration import Calibration


def wired(wiring: "dict[str, Any]") -> "tuple[FrontEnd, Calibration, str]":
    """Pins of an SPI bus; `gains` in the chip's own registers, `current_scale` behind a current transformer beyond 65 A."""
    select = machine.Pin(wiring["cs"], machine.Pin.OUT, value=1)
    pins = [machine.Pin(wiring[name]) for name in ("sck", "mosi", "miso")]
    spi = machine.SPI(wiring["id"], baudrate=chips.BAUD, polarity=1, phase=1, sck=pins[0], mosi=pins[1], miso=pins[2])
    settings = chips.settings(wiring["line_hz"], wiring["amplification"], wiring["voltage_gains"], wiring["current_gains"])
    front_end = module.Atm90e32(chips.Chip(spi, select, settings), board.rtc_area(FRONT_END_AREA))
    return front_end, module.calibration(wiring.get("current_scale", 1)), "atm90e32"
