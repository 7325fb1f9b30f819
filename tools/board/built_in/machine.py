"""The chip's `machine` module where there is no chip: a UART on a pseudo-terminal, RTC memory in a file, a watchdog in the parent,
and, where a board has some wired, its pins, buses and converters: those lie in `tools.board.peripherals`.

Bytes go out one by one in the time their bits take on a wire. They come in when the other end has written them: a
pseudo-terminal does not say when a byte began, so a request counts as ended when it was written. Runs on MicroPython.
"""
# The chip's modules (`time.ticks_us` and the like) are not those of the PC that the checker knows.
# mypy: ignore-errors
# ruff: noqa: PTH123 - MicroPython has no pathlib

import select
import sys
import time

from tools.board import world

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
RESET_STATUS = 75  # the parent starts the board anew

_MODULE_UART = 2  # the line is at the other
_READ_BYTES = 64  # asked again as long as there are more
_FEED_MS = 100  # the parent need not hear of every turn


def __getattr__(name: str) -> object:
    from tools.board import peripherals  # noqa: PLC0415 - takes memory only where something is wired

    return getattr(peripherals, name)


def UART(number: int, tx: int, rx: int) -> object:  # noqa: N802 - the chip's own name
    return world.wires if number == _MODULE_UART else LineUart(number, tx, rx)


class LineUart:
    """What does not fit into `rxbuf` is lost, as on the chip."""

    def __init__(self, number: int, tx: int, rx: int) -> None:  # noqa: ARG002 - a pseudo-terminal has no pins
        self._number = number
        self._poller = select.poll()
        self._poller.register(world.pty, select.POLLIN)
        self._room = 0
        self._piece = bytearray(_READ_BYTES)
        self._heard = b""
        self._leaving = b""
        self._left = 0
        self._began_us = 0
        self._byte_us = 1

    def init(  # the chip's own words; a pseudo-terminal has no pins and no limits of its own
        self,
        baudrate: int,
        bits: int,
        parity: "int | None",
        stop: int,
        tx: int,  # noqa: ARG002
        rx: int,  # noqa: ARG002
        txbuf: int,  # noqa: ARG002
        rxbuf: int,
        timeout: int,  # noqa: ARG002
        timeout_char: int,  # noqa: ARG002
    ) -> None:
        self._byte_us = (1 + bits + (parity is not None) + stop) * 1000000 // baudrate
        self._room = rxbuf
        self._heard = b""

    def any(self) -> int:
        self._send_due()
        for _ in self._poller.ipoll(0):
            read = world.pty.readinto(self._piece)
            if read:
                self._heard += self._piece[: min(read, self._room - len(self._heard))]
        return len(self._heard)

    def readinto(self, buffer: memoryview, count: int) -> int:
        count = min(count, len(self._heard))
        buffer[:count] = self._heard[:count]
        self._heard = self._heard[count:]
        return count

    def write(self, data: bytes) -> int:
        self._send_due()
        if self._left == len(self._leaving):
            self._leaving, self._left, self._began_us = b"", 0, time.ticks_us()
        self._leaving += data
        return len(data)

    def txdone(self) -> bool:
        self._send_due()
        return self._left == len(self._leaving)

    def _send_due(self) -> None:
        if self._left < len(self._leaving):
            due = min(len(self._leaving), time.ticks_diff(time.ticks_us(), self._began_us) // self._byte_us)
            if due > self._left:
                world.pty.write(self._leaving[self._left : due])
                self._left = due


class _Memory:
    """The chip's registers as they are after the power came: nothing goes on counting here while the interpreter restarts."""

    def __getitem__(self, address: int) -> int:
        return 0


mem32 = _Memory()


class RTC:
    """Kept in a file of the parent, which begins anew whenever the parent does: that is the power cut."""

    def memory(self, data: "bytes | None" = None) -> "bytes | None":
        if data is None:
            with open(world.rtc_path, "rb") as file:
                return file.read()
        with open(world.rtc_path, "r+b") as file:  # not emptied first: a kill leaves what was there
            file.write(data)
        return None


class WDT:
    """The parent hears each new time-out, and a dot for every meal."""

    def __init__(self, timeout: int) -> None:
        self._fed_ms = time.ticks_ms()
        world.watchdog.write(b"%d\n" % timeout)

    def feed(self) -> None:
        if world.fed:
            world.fed()
        now_ms = time.ticks_ms()
        if time.ticks_diff(now_ms, self._fed_ms) >= _FEED_MS:
            self._fed_ms = now_ms
            world.watchdog.write(b".")


def reset_cause() -> int:
    return world.cause


def reset() -> None:
    sys.exit(RESET_STATUS)
