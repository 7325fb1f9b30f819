"""The hardware by its names, as the configuration says what is wired where: the only file that imports the chip's modules.

What is made of it is `main`'s matter. On a PC the simulated board puts its own `machine` and `esp32` in the chip's place.
"""
# The chip's modules are not those of the PC that the checker knows.
# mypy: ignore-errors

import json
import os
import select
import socket
import time

import esp32
import machine

from firmware.front_ends.front_end import FrontEnd
from firmware.metrology import kernels
from firmware.metrology.calibration import Calibration, Channel

PARTITION = "shiftwatt"
CONFIGURATION = "configuration.json"
clock: "Clock" = time
reset = machine.reset
UART_BUFFER_BYTES = 512  # two frames
_PARITY = (None, 0, 1)  # machine.UART's words for none, even, odd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from firmware.flash_sectors import BlockDevice
    from firmware.settings import Settings
    from firmware.tcp_port import Poller, Socket

    class Clock(Protocol):
        """The board's `time` module."""

        def ticks_ms(self) -> int: ...

        def ticks_us(self) -> int: ...

        def ticks_diff(self, end_: int, start_: int) -> int: ...

        def sleep_us(self, duration_us_: int) -> None: ...


class RtcMemory:
    """The bytes that survive a reset, not a power cut; all of them are the counters' mirror."""

    def __init__(self) -> None:
        self._rtc = machine.RTC()

    def read(self) -> bytes:
        return self._rtc.memory()

    def write(self, data: "bytes | bytearray") -> None:
        self._rtc.memory(data)


def partition() -> "BlockDevice":
    return esp32.Partition.find(esp32.Partition.TYPE_DATA, label=PARTITION)[0]


def uart(wiring: "dict[str, int]", settings: "Settings") -> machine.UART:
    port = machine.UART(wiring["id"])
    open_uart(port, wiring, settings)
    return port


def open_uart(port: machine.UART, wiring: "dict[str, int]", settings: "Settings") -> None:
    port.init(
        baudrate=settings.baud,
        bits=8,
        parity=_PARITY[settings.parity],
        stop=settings.stop_bits,
        tx=wiring["tx"],
        rx=wiring["rx"],
        txbuf=UART_BUFFER_BYTES,
        rxbuf=UART_BUFFER_BYTES,
        timeout=0,
        timeout_char=0,
    )


def listener(host: str, port: int) -> "Socket":
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind(socket.getaddrinfo(host, port)[0][-1])
    opened.listen(2)
    opened.setblocking(False)  # noqa: FBT003 - takes no name
    return opened


def poller() -> "Poller":
    return select.poll()


def watchdog(timeout_ms: int) -> "Callable[[], object]":
    """It bites unless what is given back is called in time."""
    return machine.WDT(timeout=timeout_ms).feed


def driver_enable(wiring: "dict[str, int]") -> "Callable[[int], object] | None":
    """None for a transceiver that finds its direction by itself."""
    return machine.Pin(wiring["driver_enable"], machine.Pin.OUT, value=0) if "driver_enable" in wiring else None


def configuration() -> "dict[str, Any]":
    with open(CONFIGURATION) as file:  # noqa: PTH123 - the board has no pathlib
        return json.load(file)


def random_number() -> int:
    """Of 16 bits."""
    return int.from_bytes(os.urandom(2), "big")


def free_bytes() -> int:
    """The largest piece."""
    return max([region[2] for region in esp32.idf_heap_info(esp32.HEAP_DATA)])


def was_watchdog() -> bool:
    return machine.reset_cause() == machine.WDT_RESET


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
    front_end = module.OnchipAdc(converters, kernels, time.ticks_us, time.ticks_diff, lambda: False)
    return front_end, _gains(wiring), "onchip_adc"


FRONT_ENDS = {"test_signal": test_signal, "i2s_adc": i2s_adc, "onchip_adc": onchip_adc}


def front_end(wiring: "dict[str, Any]") -> "tuple[FrontEnd, Calibration, str]":
    """The front end, its factory calibration, and its name in the register map."""
    return FRONT_ENDS[wiring["kind"]](wiring)


def _gains(wiring: "dict[str, Any]") -> Calibration:
    return Calibration(tuple([Channel(gain, 0, 0) for gain in wiring["gains"]]), wiring.get("creep_ma", 0), 0)
