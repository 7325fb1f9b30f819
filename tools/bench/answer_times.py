"""How long the submeter takes to answer, in simulated time: the real main loop, RS-485 port, server and journal; flash that stalls.

`python -m tools.bench.answer_times [--hours 2] [--baud 9600] [--window-ms 6] [--collect-ms 8] [--seed 1]`. A master asks at random
moments. Programs stall the chip for 1 ms, erases for 80 ms, as on the simulated board; how long a window's arithmetic and a collection
of garbage take on the chip is not measured but assumed, in the two options. Counted from the end of the request plus t3.5 to the
beginning of the answer. One JSON line says what came of it; the status is 1 if an answer broke a bound.
"""

import io
import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from time import perf_counter
from typing import Any

from firmware.clock import ElapsedTicks, MeterClock
from firmware.counter_journal import TEN_SECONDS, CounterJournal
from firmware.front_ends.front_end import Sampling
from firmware.key_lock import KeyLock
from firmware.main_loop import Loop, MainLoop
from firmware.metrology.window import Window, empty_window
from firmware.modbus_server import ModbusServer
from firmware.register_image import RegisterImage
from firmware.rs485_port import ANSWER_US_MAX, Rs485Port
from firmware.supervisor import Supervisor
from protocols.frame import rtu_frame, t35_us
from tools.bench.ticks import Clock
from tools.board.flash import SimulatedFlash, make_blank

HOURS = 2
ANSWER_US = 10_000
MINUTES_BETWEEN_LOSSES = 15  # stated: no more than one frame in so long is lost to an erase
TURN_US = (400, 1_500)  # of the loop with nothing to do
WINDOW_US = 800_000
PAUSE_US = (100_000, 400_000)  # of the master, after an answer
MASTER_WAIT_US = 500_000
UNIT, BITS = 7, 11
REQUEST = rtu_frame(UNIT, b"\x03\x00\x64\x00\x20")
_WH_PER_WINDOW = 500


class Wire:
    """Bytes come when they are whole; when an answer began is remembered."""

    def __init__(self, clock: Clock, byte_us: int) -> None:
        self.began_us: int | None = None
        self._clock, self._byte_us = clock, byte_us
        self._coming: list[tuple[int, int]] = []
        self._ends_us = 0

    def put(self, data: bytes, begin_us: int) -> int:
        """Somebody will speak then; returns when the last byte is whole."""
        self._coming += [(begin_us + (at + 1) * self._byte_us, octet) for at, octet in enumerate(data)]
        self.began_us = None
        return begin_us + len(data) * self._byte_us

    def clear(self) -> None:
        self._coming.clear()

    def any(self) -> int:
        return sum(when <= self._clock.now_us for when, _ in self._coming)

    def readinto(self, buffer: memoryview, count: int) -> int | None:
        length = min(self.any(), count)
        buffer[:length] = bytes(octet for _, octet in self._coming[:length])
        self._coming = self._coming[length:]
        return length or None

    def write(self, data: bytes) -> int:
        self.began_us = self._clock.now_us
        self._ends_us = self.began_us + len(data) * self._byte_us
        return len(data)

    def txdone(self) -> bool:
        return self._clock.now_us >= self._ends_us


class Meter(Sampling):
    """The firmware's parts on one clock; front end and application only pass time and save counters."""

    trust, phases = 0, 0
    line_changed = restart_wanted = False

    def __init__(self, baud: int, window_us: int, collect_us: int, random: Random) -> None:
        self.clock, self.jobs = Clock(), list[Callable[[], object]]()
        contents = io.BytesIO()
        make_blank(contents, TEN_SECONDS.blocks)
        self.flash = SimulatedFlash(contents, TEN_SECONDS.blocks, random, lambda stall_ms: self.clock.sleep_us(1_000 * stall_ms))
        self.wire = Wire(self.clock, -(-BITS * 1_000_000 // baud))
        self.image = RegisterImage()
        self._window_us, self._collect_us, self._due_us = window_us, collect_us, 0
        self._totals = [0] * 16
        self._journal = CounterJournal(self.flash, 0, TEN_SECONDS, self, lambda: 7)
        server = ModbusServer(self.image, self, (b"", b"", b""), UNIT, KeyLock(1, self.clock), self.clock)
        port = Rs485Port(self.wire, server, self.clock, baud, BITS, lambda: False)
        meter_clock = MeterClock(ElapsedTicks(self.clock))
        supervisor = Supervisor(lambda: None, {}, 0)
        collect = lambda: self.clock.sleep_us(self._collect_us)  # noqa: E731 - one of the loop's parts, as the others
        parts = (self, server, (port,), self, self._journal, meter_clock, supervisor, int, int, collect, self.clock)
        self.loop = MainLoop(Loop(*parts))

    # -- RTC memory, front end, application

    def read(self) -> bytes:
        return b""

    def write(self, _data: Any) -> int:
        return 0

    def before_latch(self) -> None:
        """Nobody latches here."""

    def refresh(self) -> None:
        pass

    def poll(self, elapsed_us: int) -> Window | None:
        self._due_us += elapsed_us
        if self._due_us < WINDOW_US:
            return None
        self._due_us -= WINDOW_US
        return empty_window(WINDOW_US, 0)

    def take(self, _window: Window, _held_ms: int) -> None:
        self.clock.sleep_us(self._window_us)
        self._totals = [total + _WH_PER_WINDOW for total in self._totals]
        self._journal.begin_due(self.clock.ticks_ms(), self._totals)

    def proceed(self, may_erase: Callable[[], bool]) -> bool:
        return self._journal.proceed(may_erase)


def run(hours: float, baud: int, window_ms: int, collect_ms: int, seed: int) -> dict[str, Any]:
    random = Random(seed)
    meter = Meter(baud, 1_000 * window_ms, 1_000 * collect_ms, random)
    silence_us, clock = t35_us(baud), meter.clock
    in_time: list[int] = []
    erasing: list[int] = []
    lost: list[int] = []
    while clock.now_us < hours * 3_600_000_000:
        # Told ahead, so that it may begin while the chip stands still.
        due_us = meter.wire.put(REQUEST, clock.now_us + random.randrange(*PAUSE_US)) + silence_us
        erased = sum(meter.flash.erases)
        while meter.wire.began_us is None and clock.now_us < due_us + MASTER_WAIT_US:
            _turn(meter, random)
        if meter.wire.began_us is None:
            lost.append(clock.now_us)
            meter.wire.clear()
        else:
            met = sum(meter.flash.erases) > erased and meter.wire.began_us - due_us > ANSWER_US
            (erasing if met else in_time).append(meter.wire.began_us - due_us)
    apart_us = min((after - before for before, after in pairwise(lost)), default=None)
    return {
        "baud": baud, "hours": hours, "seed": seed, "window_ms": window_ms, "collect_ms": collect_ms,
        "requests": len(in_time) + len(erasing) + len(lost), "erases": sum(meter.flash.erases),
        "earliest_us": min(in_time), "latest_us": max(in_time), "beyond_10_ms": sum(late > ANSWER_US for late in in_time),
        "met_an_erase": len(erasing), "latest_erasing_us": max(erasing, default=0),
        "lost": len(lost), "least_minutes_between_losses": apart_us and round(apart_us / 60_000_000, 1),
    }  # fmt: skip


def faults(found: dict[str, Any]) -> list[str]:
    apart = found["least_minutes_between_losses"]
    wrong = {
        "an answer came before t3.5": found["earliest_us"] < 0,
        "an answer that met no erase came later than 10 ms": found["beyond_10_ms"] > 0,
        "an answer that met an erase came later than 120 ms": found["latest_erasing_us"] > ANSWER_US_MAX,
        "frames were lost more often than stated": apart is not None and apart < MINUTES_BETWEEN_LOSSES,
    }
    return [what for what, is_so in wrong.items() if is_so]


def _turn(meter: Meter, random: Random) -> None:
    meter.clock.sleep_us(random.randrange(*TURN_US))
    meter.loop.turn()


def main() -> int:
    parser = ArgumentParser(prog="python -m tools.bench.answer_times", description=__doc__)
    parser.add_argument("--hours", type=float, default=HOURS)
    for name, default in (("baud", 9_600), ("window-ms", 6), ("collect-ms", 8), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    wishes = parser.parse_args()
    began = perf_counter()
    found = run(wishes.hours, wishes.baud, wishes.window_ms, wishes.collect_ms, wishes.seed)
    wrong = faults(found)
    print(json.dumps({"date": f"{datetime.now(UTC):%Y-%m-%d}", **found, "faults": wrong, "seconds": round(perf_counter() - began)}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
