"""Converters on the chip's I2S. Runs on MicroPython."""

import select

import machine

from firmware.front_ends import i2s_adc as module
from firmware.metrology import kernels
from firmware.wiring.gains import gains_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.front_ends.front_end import FrontEnd
    from firmware.metrology.calibration import Calibration


def wired(wiring: "dict[str, Any]") -> "tuple[FrontEnd, Calibration, str]":
    """Converters by their three pins each; gains in nV and nA per count, as the sensors' ratios make them."""
    streams = []
    for number, pins in enumerate(wiring["converters"]):
        stream = machine.I2S(
            number,
            sck=machine.Pin(pins[0]),
            ws=machine.Pin(pins[1]),
            sd=machine.Pin(pins[2]),
            mode=machine.I2S.RX,
            bits=16,
            format=machine.I2S.STEREO,
            rate=module.RATE_HZ,
            ibuf=module.IBUF_BYTES,
        )
        poller = select.poll()
        poller.register(stream, 1)
        poller.poll(0)  # being asked once is what makes the port's streams not wait
        streams.append(stream)
    return module.I2sAdc(tuple(streams), kernels), gains_of(wiring), "i2s_adc"
