"""Makes the front end that the configuration names, out of what the chip offers; only starting needs it. Runs on MicroPython.

`FRONT_ENDS` is the table; what a front end does with what it is given is its own matter.
"""

import select
import sys

import esp32
import machine

from firmware import board
from firmware.front_ends.front_end import FrontEnd
from firmware.front_ends.tally import Tally
from firmware.metrology import kernels
from firmware.metrology.calibration import Calibration, Channel
from firmware.rtc_plan import FRONT_END_AREA

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def test_signal(wiring: "dict[str, Any]") -> "tuple[FrontEnd, Calibration, str]":
    from firmware.front_ends import test_signal as module  # noqa: PLC0415 - only the front end that is used costs memory

    waveforms = tuple([module.Waveform(*wave) for wave in wiring["waveforms"]])
    front_end = module.SyntheticSignal(waveforms, wiring["frequency_mhz"], kernels)
    return front_end, module.calibration(len(waveforms)), "test_signal"


def i2s_adc(wiring: "dict[str, Any]") -> "tuple[FrontEnd, Calibration, str]":
    """Converters by their three pins each; gains in nV and nA per count, as the sensors' ratios make them."""
    from firmware.front_ends import i2s_adc as module  # noqa: PLC0415 - likewise

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
    return module.I2sAdc(tuple(streams), kernels), _gains(wiring), "i2s_adc"


def onchip_adc(wiring: "dict[str, Any]") -> "tuple[FrontEnd, Calibration, str]":
    from firmware.front_ends import onchip_adc as module  # noqa: PLC0415 - likewise

    converters = tuple([machine.ADC(pin, atten=machine.ADC.ATTN_11DB) for pin in wiring["pins"]])
    front_end = module.OnchipAdc(converters, kernels, board.clock.ticks_us, board.clock.ticks_diff, lambda: False)
    return front_end, _gains(wiring), "onchip_adc"


def atm90e32(wiring: "dict[str, Any]") -> "tuple[FrontEnd, Calibration, str]":
    """Pins of an SPI bus; `gains` in the chip's own registers, `current_scale` behind a current transformer beyond 65 A."""
    from firmware.front_ends import atm90e32 as module  # noqa: PLC0415 - likewise
    from firmware.front_ends import atm90e32_chip as chips  # noqa: PLC0415 - likewise

    select = machine.Pin(wiring["cs"], machine.Pin.OUT, value=1)
    pins = [machine.Pin(wiring[name]) for name in ("sck", "mosi", "miso")]
    spi = machine.SPI(wiring["id"], baudrate=chips.BAUD, polarity=1, phase=1, sck=pins[0], mosi=pins[1], miso=pins[2])
    settings = chips.settings(wiring["line_hz"], wiring["amplification"], wiring["voltage_gains"], wiring["current_gains"])
    front_end = module.Atm90e32(chips.Chip(spi, select, settings), board.rtc_area(FRONT_END_AREA))
    return front_end, module.calibration(wiring.get("current_scale", 1)), "atm90e32"


def pzem004t(wiring: "dict[str, Any]") -> "tuple[FrontEnd, Calibration, str]":
    from firmware.front_ends import pzem004t as module  # noqa: PLC0415 - likewise

    port = machine.UART(wiring["id"], tx=wiring["tx"], rx=wiring["rx"])
    port.init(baudrate=module.BAUD, bits=8, parity=None, stop=1, tx=wiring["tx"], rx=wiring["rx"], timeout=0)
    front_end = module.Pzem004t(port, board.rtc_area(FRONT_END_AREA), wiring.get("unit", module.UNIT_DEFAULT))
    return front_end, module.calibration(), "pzem004t"


def pulse_input(wiring: "dict[str, Any]") -> "tuple[FrontEnd, Calibration, str]":
    """The hardware counter where the chip has one; it has no filter for contacts, so it needs its RC and Schmitt stage."""
    from firmware.front_ends import pulse_input as module  # noqa: PLC0415 - likewise

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


FRONT_ENDS = {
    "test_signal": test_signal,
    "i2s_adc": i2s_adc,
    "onchip_adc": onchip_adc,
    "atm90e32": atm90e32,
    "pzem004t": pzem004t,
    "pulse_input": pulse_input,
}


def front_end(wiring: "dict[str, Any]") -> "tuple[FrontEnd, Calibration, str]":
    """The front end, its factory calibration, and its name in the register map."""
    return FRONT_ENDS[wiring["kind"]](wiring)


def _gains(wiring: "dict[str, Any]") -> Calibration:
    return Calibration(tuple([Channel(gain, 0, 0) for gain in wiring["gains"]]), wiring.get("creep_ma", 0), 0)
