"""Makes the front end that the configuration names; only starting needs it. Runs on MicroPython.

What it is wired to is made in `firmware.wiring`, what it does with that is its own matter.
"""

from firmware.forgetting import forget

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.front_ends.front_end import FrontEnd
    from firmware.metrology.calibration import Calibration


def front_end(wiring: "dict[str, Any]") -> "tuple[FrontEnd, Calibration, str]":
    """The front end, its factory calibration, and its name in the register map. KeyError if there is none of that name."""
    kind = wiring["kind"]
    if kind == "test_signal":
        from firmware.wiring.synthetic import wired  # noqa: PLC0415 - only the front end that is used costs memory
    elif kind == "i2s_adc":
        from firmware.wiring.i2s_adc import wired  # noqa: PLC0415 - likewise
    elif kind == "onchip_adc":
        from firmware.wiring.onchip_adc import wired  # noqa: PLC0415 - likewise
    elif kind == "atm90e32":
        from firmware.wiring.atm90e32 import wired  # noqa: PLC0415 - likewise
    elif kind == "pzem004t":
        from firmware.wiring.pzem004t import wired  # noqa: PLC0415 - likewise
    elif kind == "pulse_input":
        from firmware.wiring.pulse_input import wired  # noqa: PLC0415 - likewise
    else:
        raise KeyError(kind)
    found = wired(wiring)
    forget("firmware.wiring.%s" % ("synthetic" if kind == "test_signal" else kind))
    return found
