"""A pulse output on a pin. Runs on MicroPython."""

import sys

import esp32
import machine

from firmware import board
from firmware.front_ends import pulse_input as module
from firmware.front_ends.tally import Tally
from firmware.metrology.calibration import Calibration
from firmware.rtc_plan import FRONT_END_AREA

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.front_ends.front_end import FrontEnd


def wired(wiring: "dict[str, Any]") -> "tuple[FrontEnd, Calibration, str]":
    """The hardware counter where the chip has one; it has no filter for contacts, so it needs its RC and Schmitt stage."""
    pin = machine.Pin(wiring["pin"], machine.Pin.IN, *([machine.Pin.PULL_UP] if wiring.get("pull_up") else []))
    on = 0 if wiring.get("on_is_low", True) else 1  # a contact or a transistor draws the input down

    def is_on() -> bool:
        return pin.value() == on

    chip = sys.implementation._machine.split()[-1]  # noqa: SLF001 - so the port names it
    tally = Tally(board.rtc_area(FRONT_END_AREA), 1)
    if wiring.get("counter", hasattr(esp32, "PCNT")):
        was_on = module.counted_since(tally, module.still_counted(machine.mem32, chip))
        up, limit = esp32.PCNT.INCREMENT, module.COUNTER_MODULUS
        counter = esp32.PCNT(0, pin=pin, rising=up, falling=up, min=-limit, max=limit, filter=module.COUNTER_FILTER)
        # It begins again at its limit by itself, and is asked long before it comes round: the interrupt, which may be dropped,
        # does nothing; it is there because the limit may not be armed without one.
        counter.irq(lambda _: None, esp32.PCNT.IRQ_MAX)
        counter.start()
        pulses: module.Pulses = module.CountedPulses(counter.value, module.COUNTER_MODULUS, is_on, was_on)
    else:
        pulses = module.PolledPulses(is_on)
    worth = module.worth(wiring.get("pulses_per_kwh"), wiring.get("pulses_per_piece"))
    return module.PulseInput(pulses, worth, tally), Calibration((), 0, 0), "pulse_input"
