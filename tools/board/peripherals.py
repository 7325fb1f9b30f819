"""Pins, buses, converters and the pulse counter of the chip: they lead to what `tools.board.devices` has wired.

The simulated `machine` and `esp32` fetch them from here when they are asked for. Runs on MicroPython.
"""
# mypy: ignore-errors

import io
import time

from tools.board import world

_STREAM_POLL = 3  # MicroPython's own number for "is there something?"


class Pin:
    OUT, IN, PULL_UP = 3, 1, 2

    def __init__(self, number: int, mode: int = IN, pull: "int | None" = None, value: int = 0) -> None:  # noqa: ARG002
        self.number = number

    def __call__(self, level: "int | None" = None) -> "int | None":
        """The one output that is wired selects the chip; the one input that is asked so is the button, which pulls to ground."""
        if level is None:
            return int(not world.pressed(world.passed_us() // 1000))
        world.wires.spi.select(level)
        return None

    def value(self) -> int:
        """A contact draws the input down."""
        return 0 if world.wires.contact.is_on() else 1


class SPI:
    def __init__(self, number: int, **_: object) -> None:  # noqa: ARG002
        self._device = world.wires.spi

    def write_readinto(self, write_buf: bytearray, read_buf: bytearray) -> None:
        self._device.write_readinto(write_buf, read_buf)


class ADC:
    ATTN_11DB = 3

    def __init__(self, pin: int, atten: int) -> None:  # noqa: ARG002
        self._pin = pin

    def read_u16(self) -> int:
        wires, began_us = world.wires, time.ticks_us()
        while time.ticks_diff(time.ticks_us(), began_us) < wires.READ_US:
            pass
        return wires.convert(self._pin, began_us)


class I2S(io.IOBase):
    RX, STEREO = 1, 2

    def __init__(self, number: int, ibuf: int, **_: object) -> None:  # noqa: ARG002
        self._stream = world.wires.new_stream(ibuf)

    def ioctl(self, request: int, argument: int) -> int:
        return argument if request == _STREAM_POLL else 0

    def readinto(self, buffer: memoryview) -> int:
        return self._stream.readinto(buffer)


class PCNT:
    """Counts the edges behind the Schmitt stage, and begins again at its limit."""

    INCREMENT, IRQ_MAX = 1, 16

    def __init__(self, number: int, max: int, **_: object) -> None:  # noqa: A002, ARG002 - the chip's own names
        self._max = max
        self._first = 0

    def irq(self, handler: object, trigger: int) -> None:
        """The handler does nothing, so it is not called."""

    def start(self) -> None:
        self._first = world.wires.contact.edges

    def value(self) -> int:
        return (world.wires.contact.edges - self._first) % self._max
