"""Stand-ins around the Modbus server: a clock that is moved, an application that remembers, a pair with real wire time.

Runs on MicroPython too: no test runner, no typing at run time.
"""

from firmware.key_lock import KeyLock
from firmware.modbus_server import ModbusServer
from firmware.register_image import RegisterImage
from firmware.rs485_port import Rs485Port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.register_writes import Changes

UNIT, KEY = 7, 0x12345678
IDENTITY = (b"Shiftwatt", b"shiftwatt-submeter", b"1.0", b"https://example.test", b"submeter")
CLOCK_MS = 1_774_195_200_000
_TICKS_COME_ROUND = 1 << 30


class Clock:
    """As the board's `time`: ticks come round, differences do not mind."""

    def __init__(self, now_us: int = _TICKS_COME_ROUND - 5_000_000) -> None:
        self.now_us = now_us

    def ticks_us(self) -> int:
        return self.now_us % _TICKS_COME_ROUND

    def ticks_ms(self) -> int:
        return self.now_us // 1000 % _TICKS_COME_ROUND

    def ticks_diff(self, end: int, start: int) -> int:
        half = _TICKS_COME_ROUND // 2
        return (end - start + half) % _TICKS_COME_ROUND - half

    def sleep_us(self, duration_us: int) -> None:
        self.now_us += duration_us


class Application:
    """Takes every write unless `code` says otherwise, and shows it in the image; its clock stands still."""

    def __init__(self, image: RegisterImage) -> None:
        self.written: Changes = []
        self.code = 0
        self._image = image

    def refresh(self) -> None:
        self._image.put("clock_ms", CLOCK_MS)
        self._image.put("values_age_ms", 120)

    def before_latch(self) -> None:
        """Nothing is newer than what stands in the image."""

    def write(self, changes: "Changes") -> int:
        if self.code:
            return self.code
        self.written += changes
        for name, value in changes:
            if isinstance(value, int):
                self._image.put(name, value)
            else:
                self._image.put_octets(name, value)
        return 0


class Bench:
    """A server with everything it needs."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.image = RegisterImage()
        self.application = Application(self.image)
        self.lock = KeyLock(KEY, self.clock)
        self.server = ModbusServer(self.image, self.application, IDENTITY, UNIT, self.lock, self.clock)


class Wire:
    """One UART on a pair where every byte takes its time; what the port says is kept with its times."""

    def __init__(self, clock: Clock, byte_us: int, *, echo: bool = False) -> None:
        self.said: list[tuple[int, int, bytes]] = []  # begin, end, bytes
        self._clock = clock
        self._byte_us = byte_us
        self._echo = echo
        self._coming: list[tuple[int, int]] = []  # when a byte is whole, and the byte

    def put(self, data: bytes, begin_us: int) -> int:
        """Somebody else speaks; returns when the last byte is whole."""
        for at, octet in enumerate(data):
            self._coming.append((begin_us + (at + 1) * self._byte_us, octet))
        self._coming.sort()
        return begin_us + len(data) * self._byte_us

    def any(self) -> int:
        return sum(1 for when, _ in self._coming if when <= self._clock.now_us)

    def readinto(self, buffer: memoryview, count: int) -> int | None:
        length = min(self.any(), count)
        for at in range(length):
            buffer[at] = self._coming[at][1]
        self._coming = self._coming[length:]
        return length or None

    def write(self, data: bytes) -> int | None:
        begin_us = self._clock.now_us
        self.said.append((begin_us, begin_us + len(data) * self._byte_us, bytes(data)))
        if self._echo:
            self.put(data, begin_us)
        return len(data)

    def txdone(self) -> bool:
        return not self.said or self._clock.now_us >= self.said[-1][1]


class Pair:
    """The port on a wire, with a main loop that comes round every `loop_us`."""

    def __init__(self, baud: int = 9600, bits: int = 11, *, echo: bool = False, driver_enable: bool = False, loop_us: int = 1_000) -> None:
        bench = Bench()
        self.server = bench.server
        self.image = bench.image
        self.application = bench.application
        self.clock = bench.clock
        self.byte_us = -(-bits * 1_000_000 // baud)
        self.wire = Wire(self.clock, self.byte_us, echo=echo)
        self.erasing = False
        self.driven: list[tuple[int, int]] = []  # when the driver-enable pin changed, and to what
        pin = self._pin if driver_enable else None
        self.port = Rs485Port(self.wire, self.server, self.clock, baud, bits, lambda: self.erasing, pin)
        self._loop_us = loop_us

    def run(self, duration_us: int) -> None:
        end_us = self.clock.now_us + duration_us
        while self.clock.now_us < end_us:
            self.clock.now_us += self._loop_us
            self.port.poll()

    def stall(self, duration_us: int) -> None:
        """Nothing runs: an erase, a collection of garbage."""
        self.clock.now_us += duration_us
        self.port.poll()

    def say(self, frame: bytes) -> int:
        """Somebody speaks now; returns when the frame is over."""
        return self.wire.put(frame, self.clock.now_us)

    def ask(self, frame: bytes) -> bytes:
        """What is answered within 50 ms after the frame, to its end."""
        before = len(self.wire.said)
        self.say(frame)
        self.run((len(frame) + 4) * self.byte_us + 50_000)
        while not self.port.quiet:
            self.run(5_000)
        self.run(4 * self.byte_us)
        return b"".join([said for _, _, said in self.wire.said[before:]])

    def _pin(self, level: int) -> None:
        self.driven.append((self.clock.now_us, level))
