"""A million frames, most of them wrong in some way, against the submeter's server: no crash, no answer but the right one.

`python -m tools.bench.fuzz_server [--frames 1000000] [--seed 1]` sends good requests at and beyond every limit,
broadcasts, others' requests and replies, flipped, torn, prolonged and random bytes through the real RS-485 port and
the real TCP framing, and compares every answer, and every silence, with a second implementation
(`modbus_reference`); check sums come from pymodbus. One line of JSON at the end; 1 if anything was wrong.
"""

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.progress import track

from firmware.key_lock import KeyLock
from firmware.modbus_server import ModbusServer
from firmware.register_image import RegisterImage
from firmware.register_map import MEASURED, NAMES
from firmware.rs485_port import Rs485Port
from gateway import catalogue
from protocols.frame import TcpFrame, TcpReader
from protocols.pdu import PDU_MAX
from tools.bench.modbus_frames import TCP, Frames, check_sum, framed
from tools.bench.modbus_reference import Reference
from tools.bench.ticks import Clock
from tools.register_map import MODEL

FRAMES = 1_000_000
UNIT, KEY = 7, 0x00C0FFEE
IDENTITY = (b"Shiftwatt", b"shiftwatt-submeter", b"1.0", b"https://example.test", b"Shiftwatt submeter")
BAUD, BITS = 115_200, 11
FRAME_MAX = 256
GHOSTS_MAX = 4  # what may stand before a frame, as the documentation of the submeter says
TOLD_MAX = 3  # wrong answers that are shown in full
_POLL_US = 400
_PARTS = 100  # steps of the progress bar


class Application:
    """Takes every write into the image; nothing changes by itself."""

    def __init__(self, image: RegisterImage) -> None:
        self._image = image

    def refresh(self) -> None:
        """The values stand as they were put."""

    def before_latch(self) -> None:
        """Nor do they before a latch."""

    def write(self, changes: list[tuple[str, int | bytes]]) -> int:
        for name, value in changes:
            if isinstance(value, bytes):
                self._image.put_octets(name, value)
            else:
                self._image.put(name, value)
        return 0


class Uart:
    """What was heard is there at once; what is said is kept."""

    def __init__(self) -> None:
        self.coming = b""
        self.said = b""

    def any(self) -> int:
        return len(self.coming)

    def readinto(self, buffer: memoryview, count: int) -> int:
        length = min(count, len(self.coming))
        buffer[:length] = self.coming[:length]
        self.coming = self.coming[length:]
        return length

    def write(self, data: bytes) -> int:
        self.said += data
        return len(data)

    def txdone(self) -> bool:
        return True


@dataclass
class Fuzz:
    random: Random
    kinds: Counter[str] = field(default_factory=Counter)
    answers: int = 0
    exceptions: int = 0
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        meter = catalogue.model(MODEL)
        self.clock = Clock()
        self.uart = Uart()
        image = RegisterImage()
        self.server = ModbusServer(image, Application(image), IDENTITY, UNIT, KeyLock(KEY, self.clock), self.clock)
        self.port = Rs485Port(self.uart, self.server, self.clock, BAUD, BITS, lambda: False)
        self.reference = Reference(meter, IDENTITY, UNIT, KEY, self.random)
        for name in NAMES.split()[MEASURED:]:
            image.put_octets(name, self.reference.octets[name])
        image.put_measured(self.reference.measured)
        self.frames = Frames(meter, UNIT, KEY, self.random)

    def run(self, frames: int) -> Iterator[None]:
        for _ in range(frames):
            kind, data = self.frames.draw()
            self.kinds[kind] += 1
            if kind == TCP:
                self._over_tcp(data)
            else:
                self._over_rtu(kind, data)
            yield

    def _over_rtu(self, kind: str, data: bytes) -> None:
        at = 0
        while at < len(data):
            step = self.random.choice((1, 3, 8, 100, 300)) if self.random.random() < 0.2 else len(data)
            self.uart.coming += data[at : at + step]
            at += step
            self.clock.now_us += _POLL_US
            self.port.poll()
        before = self.clock.now_us
        while self.clock.now_us < before + 5 * _POLL_US:
            self.clock.now_us += _POLL_US
            asked_ms = self.clock.now_us // 1000
            self.port.poll()
            if not self.port._reader.waiting:  # noqa: SLF001 - the instant at which it took the frame
                break
        said, self.uart.said = self.uart.said, b""
        self.clock.now_us += 30_000
        self.port.poll()
        self.clock.now_us += _POLL_US
        self.port.poll()
        self._judge(kind, data, said, self._expected(data, asked_ms))

    def _expected(self, data: bytes, now_ms: int) -> bytes:
        """The whole reply frame, b"" for silence."""
        frame = _frame_in(data)
        if frame is None:
            self.reference.broken()
            return b""
        pdu = self.reference.heard(frame[0], frame[1:-2], now_ms)
        return b"" if pdu is None else framed(UNIT, pdu)

    def _over_tcp(self, request: bytes) -> None:
        unit, transaction = self.random.choice((UNIT, 0, 255, UNIT + 1)), self.random.randrange(0x10000)
        if len(request) > PDU_MAX:
            return  # no header can announce it
        reader = TcpReader()
        reader.feed(transaction.to_bytes(2, "big") + b"\0\0" + (1 + len(request)).to_bytes(2, "big") + bytes((unit,)) + request)
        frame = reader.take()
        assert isinstance(frame, TcpFrame)
        said = self.server.serve_tcp(frame)
        pdu = self.reference.heard_tcp(unit, request, self.clock.now_us // 1000)
        due = b"" if pdu is None else transaction.to_bytes(2, "big") + b"\0\0" + (1 + len(pdu)).to_bytes(2, "big") + bytes((unit,)) + pdu
        self._judge(TCP, request, said, due)

    def _judge(self, kind: str, data: bytes, said: bytes, due: bytes) -> None:
        if said:
            self.answers += 1
            self.exceptions += said[7 if kind == TCP else 1] >= 0x80
        if said != due and len(self.wrong) < TOLD_MAX:
            self.wrong.append(f"{kind} {data.hex()}: said {said.hex() or 'nothing'}, due {due.hex() or 'nothing'}")


def _frame_in(data: bytes) -> bytes | None:
    """The one frame in what was heard between two silences: a few ghost bytes before it, any behind it if its length is told."""
    if len(data) > FRAME_MAX:
        return None
    for start in range(GHOSTS_MAX + 1):
        if data[:start].strip(b"\x00\xff"):
            break
        for end in (start + _length(data[start:]), len(data)):
            whole = start + 4 <= end <= len(data) and not data[end:].strip(b"\x00\xff")
            if whole and check_sum(data[start : end - 2]) == data[end - 2 : end]:
                return data[start:end]
    return None


def _length(data: bytes) -> int:
    """Of a request with its address and check sum, as its function and byte count tell; 0 if they do not."""
    function = data[1] if len(data) > 1 else 0
    counted_at = {15: 6, 16: 6, 23: 10}.get(function, 0)
    if counted_at:
        return counted_at + 3 + data[counted_at] if counted_at < len(data) else 0
    return 8 if function in range(1, 9) else {17: 4, 43: 7}.get(function, 0)


def fuzz(frames: int, seed: int, steps: Callable[[range], Any] = iter) -> dict[str, Any]:
    """`steps` may wrap the hundredths in a progress bar."""
    fuzz_ = Fuzz(Random(seed))
    run = fuzz_.run(frames)
    began = perf_counter()
    for part in steps(range(_PARTS)):
        for _ in range(frames * part // _PARTS, frames * (part + 1) // _PARTS):
            next(run)
    return {
        "frames": sum(fuzz_.kinds.values()),
        "seed": seed,
        "kinds": dict(fuzz_.kinds),
        "answers": fuzz_.answers,
        "exceptions": fuzz_.exceptions,
        "lost": fuzz_.server.diagnostics.total(18),
        "frames_per_s": round(frames / (perf_counter() - began)),
        "wrong": fuzz_.wrong,
    }


def main() -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    console = Console(file=sys.stderr)
    result = fuzz(chosen.frames, chosen.seed, lambda parts: track(parts, "frames", console=console))
    print(json.dumps(result))
    return 1 if result["wrong"] or result["lost"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
