"""A PZEM-004T on a second UART. Runs on MicroPython."""

import machine

from firmware import board
from firmware.front_ends import pzem004t as module
from firmware.rtc_plan import FRONT_END_AREA

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.front_ends.front_end import FrontEnd
    from firmware.metrology.calibration import Calibration


def wired(wiring: "dict[str, Any]") -> "tuple[FrontEnd, Calibration, str]":
    port = machine.UART(wiring["id"], tx=wiring["tx"], rx=wiring["rx"])
    port.init(baudrate=module.BAUD, bits=8, parity=None, stop=1, tx=wiring["tx"], rx=wiring["rx"], timeout=0)
    front_end = module.Pzem004t(port, board.rtc_area(FRONT_END_AREA), wiring.get("unit", module.UNIT_DEFAULT))
    return front_end, module.calibration(), "pzem004t"
