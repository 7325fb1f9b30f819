"""The meter's end of the RS-485 pair: bytes of a UART become frames for the server, its replies go on the wire.

How it goes, all in `poll`, which the main loop calls every millisecond or so and which never waits longer than 2 ms:
- t3.5 of silence ends a frame. What was heard may be younger than the silence says, never older, so no answer
  begins earlier than t3.5 after the request.
- When the loop was away for longer than t3.5 (a flash erase, a collection), several frames may lie in the buffer,
  other servers' replies among them. They are told apart by length and check sum; only the last one is answered.
- What may be older than 120 ms is not answered: by then the master has given up, and a late answer is taken for
  the answer to something else.
- A transceiver that hears itself gives our reply back: what follows our own bytes is theirs until shortly after the end.

The UART must be opened with a `txbuf` and `rxbuf` of 512 and `timeout_char` 0: then the port hands on each byte as
it comes and `write` returns at once. Runs on MicroPython.
"""

from protocols.frame import BROADCAST, RTU_MAX, RtuFrame, RtuRequestReader, t35_us

TYPE_CHECKING = False  # the board has no typing module
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from firmware.modbus_server import ModbusServer

    class Uart(Protocol):
        """What is used of machine.UART."""

        def any(self) -> int: ...

        def readinto(self, __buffer: memoryview, __count: int) -> int | None: ...

        def write(self, __data: bytes) -> int | None: ...

        def txdone(self) -> bool: ...

    class Clock(Protocol):
        """The board's `time` module."""

        def ticks_us(self) -> int: ...

        def ticks_diff(self, __end: int, __start: int) -> int: ...

        def sleep_us(self, __duration_us: int) -> None: ...


# Masters wait at least this long; a flash erase takes 80 ms.
ANSWER_US_MAX = 120_000
# With a driver-enable pin the port stays with the last bits of its reply: the pin must fall before the master speaks again.
_CLOSE_US = 2_000
_LOOK_US = 50
# Hardware that is never done would hold the pair for ever: the pin falls anyway.
_LOOKS_MAX = 100


class Rs485Port:
    """`flash_busy` says whether a sector is being erased; `driver_enable` is called with 1 and 0, like a machine.Pin."""

    def __init__(
        self,
        uart: "Uart",
        server: "ModbusServer",
        clock: "Clock",
        baud: int,
        bits_per_byte: int,
        flash_busy: "Callable[[], bool]",
        driver_enable: "Callable[[int], object] | None" = None,
    ) -> None:
        self.echoed = 0
        self._uart = uart
        self._server = server
        self._clock = clock
        self._flash_busy = flash_busy
        self._driver_enable = driver_enable
        self._reader = RtuRequestReader()
        self._buffer = bytearray(RTU_MAX)
        self._view = memoryview(self._buffer)
        self._polled_us = self._heard_us = clock.ticks_us()
        self._away_us = 0  # by how much the newest byte may be older than it seems
        self._run_together = False  # the silence between two frames may have passed unheard
        self._reply = b""
        self._echo = b""  # what of our own reply may still be heard
        self._sending = False
        self._sent_us = 0
        self._sending_us = 0
        self.set_line(baud, bits_per_byte)

    def set_line(self, baud: int, bits_per_byte: int) -> None:
        """After the UART was opened anew; not while `quiet` is false."""
        self._silence_us = t35_us(baud)
        self._byte_us = -(-bits_per_byte * 1_000_000 // baud)

    @property
    def quiet(self) -> bool:
        """No frame is being heard, answered or sent: now a sector may be erased, or the settings changed."""
        return not (self._sending or self._reply or self._reader.waiting or self._uart.any())

    def waits(self) -> bool:
        """For whoever holds up the loop: whether somebody speaks or is answered. What comes later is younger than this look."""
        if not self.quiet:
            return True
        self._polled_us = self._clock.ticks_us()
        return False

    def poll(self) -> None:
        if self._sending:
            self._end_sending()
        now_us = self._clock.ticks_us()
        away_us = self._clock.ticks_diff(now_us, self._polled_us)
        self._polled_us = now_us
        self._hear(now_us, away_us)
        if self._reply:
            self._answer(now_us)
        elif self._reader.waiting and self._clock.ticks_diff(now_us, self._heard_us) >= self._silence_us:
            try:
                self._end_of_frame()
            except MemoryError:  # one answer less; the meter goes on
                self._reader = RtuRequestReader()
                self._server.lost()

    def _hear(self, now_us: int, away_us: int) -> None:
        waiting = min(self._uart.any(), 2 * RTU_MAX)
        if waiting:
            self._away_us = away_us
            self._heard_us = now_us
            self._run_together = away_us > self._silence_us or (self._run_together and self._reader.waiting)
        while waiting > 0:
            read = self._uart.readinto(self._view, min(waiting, RTU_MAX))
            if not read:
                break
            waiting -= read
            strange = self._without_echo(self._view[:read])
            if self._sending:
                continue  # whoever speaks into our reply is not understood
            if self._reply and strange:
                self._reply = b""  # the master has gone on
                self._server.lost()
            self._reader.feed(strange)
        if self._echo and not self._sending and self._clock.ticks_diff(now_us, self._sent_us) >= self._sending_us + self._silence_us:
            self._echo = b""

    def _without_echo(self, heard: memoryview) -> bytes:
        data = bytes(heard)
        length = min(len(data), len(self._echo))
        if data[:length] != self._echo[:length]:
            self._echo = b""
            return data
        self._echo = self._echo[length:]
        self.echoed += length
        return data[length:]

    def _end_of_frame(self) -> None:
        frames = self._frames()
        for number, frame in enumerate(frames):
            ours = frame.address in (self._server.unit, BROADCAST)
            stale = self._away_us > ANSWER_US_MAX or (frame.address != BROADCAST and number < len(frames) - 1)
            if ours and stale:
                self._server.lost()
            else:
                self._reply = self._server.serve_rtu(frame)
        if self._reply:
            self._answer(self._clock.ticks_us())

    def _frames(self) -> list[RtuFrame]:
        if self._run_together:
            frames = self._reader.end_of_frames()
        else:
            frame = self._reader.end_of_frame()
            frames = [frame] if isinstance(frame, RtuFrame) else []
        if not frames:
            self._server.broken()
        return frames

    def _answer(self, now_us: int) -> None:
        if self._clock.ticks_diff(now_us, self._heard_us) + self._away_us > ANSWER_US_MAX:
            self._reply = b""
            self._server.lost()
        elif not self._flash_busy():
            self._send(self._reply)
            self._reply = b""

    def _send(self, reply: bytes) -> None:
        if self._driver_enable:
            self._driver_enable(1)
        self._echo = reply
        self._sending = True
        self._sent_us = self._clock.ticks_us()
        self._sending_us = len(reply) * self._byte_us
        if self._uart.write(reply) != len(reply):
            self._server.lost()

    def _end_sending(self) -> None:
        left_us = self._sending_us - self._clock.ticks_diff(self._clock.ticks_us(), self._sent_us)
        if self._driver_enable is None:
            # Beyond twice its time a reply is over, whatever the hardware says.
            self._sending = left_us > 0 or (not self._uart.txdone() and -left_us < self._sending_us)
        elif left_us <= _CLOSE_US:
            self._clock.sleep_us(max(0, left_us - _LOOK_US))
            for _ in range(_LOOKS_MAX):
                if self._uart.txdone():
                    break
                self._clock.sleep_us(_LOOK_US)
            self._driver_enable(0)
            self._sending = False
