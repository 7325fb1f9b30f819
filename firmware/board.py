"""The hardware by its names, as the configuration says what is wired where: with `radio` and those in `wiring` the only file
that imports the chip's modules.

What is made of it is `main`'s matter. On a PC the simulated board puts its own `machine` and `esp32` in the chip's place.
"""

import gc
import os
import select
import socket
import time

import esp32
import machine

from firmware import flash_plan
from firmware.rtc_areas import RtcAreas
from firmware.rtc_plan import AREAS

FOLDER = "shiftwatt"  # in its place, on a board with the partitions that MicroPython comes with
clock: "Clock" = time  # type: ignore[assignment]  # the stubs give ticks a type of their own, which is int
reset = machine.reset
UART_BUFFER_BYTES = 512  # two frames
waiting: "list[Callable[[], bool]]" = []
_PARITY = (None, 0, 1)  # machine.UART's words for none, even, odd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from firmware.access_point import Datagrams
    from firmware.flash_sectors import BlockDevice
    from firmware.rtc_areas import RtcArea
    from firmware.settings import Settings
    from firmware.tcp_port import Poller, Socket

    class Clock(Protocol):
        """The board's `time` module."""

        def ticks_ms(self) -> int: ...

        def ticks_us(self) -> int: ...

        def ticks_diff(self, end_: int, start_: int) -> int: ...

        def sleep_us(self, duration_us_: int) -> None: ...


class RtcMemory:
    """The bytes that survive a reset, not a power cut."""

    def __init__(self) -> None:
        self._rtc = machine.RTC()

    def read(self) -> bytes:
        return self._rtc.memory()

    def write(self, data: "bytes | bytearray") -> None:
        self._rtc.memory(data)


_areas: "list[RtcArea]" = []


def rtc_area(number: int) -> "RtcArea":
    if not _areas:
        _areas.extend(RtcAreas(RtcMemory(), AREAS).areas)
    return _areas[number]


def partition() -> "BlockDevice | None":
    found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label=flash_plan.PARTITION)
    return found[0] if found else None


def file_blocks() -> "BlockDevice":
    from firmware.file_blocks import FileBlocks  # noqa: PLC0415 - only a board without a partition has them

    return FileBlocks(FOLDER)


def uart(wiring: "dict[str, int]", settings: "Settings") -> machine.UART:
    # Named at once: the port's own default pins may be those of the flash.
    port = machine.UART(wiring["id"], tx=wiring["tx"], rx=wiring["rx"])
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
    opened.bind(address(host, port))  # type: ignore[arg-type]  # what getaddrinfo gives, whatever it is
    opened.listen(2)
    opened.setblocking(False)  # noqa: FBT003 - takes no name
    return opened


def datagrams(host: str, port: int) -> "Datagrams":
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setblocking(False)  # noqa: FBT003 - takes no name
    opened.bind(address(host, port))  # type: ignore[arg-type]  # likewise
    return opened  # type: ignore[return-value]  # the stubs name arguments that the port takes by place


def address(host: str, port: int) -> object:
    """`host` is a number: a name would be looked up, which waits."""
    return socket.getaddrinfo(host, port)[0][-1]


def button(pin: int) -> "Callable[[], int]":
    return machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP)


def somebody_waits() -> bool:
    """For those who would block: whether somebody may wait for an answer."""
    for waits in waiting:  # noqa: SIM110 - a generator takes memory, and this is asked some thousand times a second
        if waits():
            return True
    return False


def poller() -> "Poller":
    return select.poll()


def watchdog(timeout_ms: int) -> "Callable[[], object]":
    """It bites unless what is given back is called in time."""
    return machine.WDT(timeout=timeout_ms).feed


def driver_enable(wiring: "dict[str, int]") -> "Callable[[int], object] | None":
    """None for a transceiver that finds its direction by itself."""
    return machine.Pin(wiring["driver_enable"], machine.Pin.OUT, value=0) if "driver_enable" in wiring else None


def random_number() -> int:
    """Of 16 bits."""
    high, low = os.urandom(2)
    return high << 8 | low


def loaded() -> None:
    """From now on memory is collected when the line is quiet, not in the middle of an answer."""
    gc.collect()
    gc.threshold(-1)


def free_bytes() -> int:
    """The largest piece."""
    largest: int = max([region[2] for region in esp32.idf_heap_info(esp32.HEAP_DATA)])
    return largest


def was_watchdog() -> bool:
    return machine.reset_cause() == machine.WDT_RESET
