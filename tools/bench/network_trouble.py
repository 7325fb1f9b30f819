"""Whether metering and RTU notice what the network does: the real firmware on MicroPython, once in peace and once in trouble.

    python -m tools.bench.network_trouble [--minutes 4]     an hour without its network at 100 times the speed, then minutes in real time

Trouble is: the access point vanishes for most of the time, then the DHCP server; eight Modbus TCP clients that send nothing,
half a request, or requests whose answers they never read, and two visitors of the page who dribble. All the while a master
on the RS-485 line asks without a pause. What is compared: energy counted, requests answered, how soon, and the memory that is free.
"""

import argparse
import os
import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from protocols.frame import rtu_frame, tcp_frame
from tools.board.network_script import NetworkScript
from tools.board.wishes import Wishes
from tools.submeter import Heap, Submeter

START_SECONDS_MAX = 120  # its modules are compiled first, on a machine that may be busy
_ANSWER_SECONDS_MAX = 0.5  # what common masters wait
# Masters look at an answer before they ask again; and who speaks into the last turn of the loop that sent it is not heard.
_TURNAROUND_SECONDS = 0.02
# Masters ask again; on a loaded machine the simulated chip itself sometimes stands still for longer than an answer may take.
_REPEATS = 3
_ANNOY_SECONDS = 0.02
_UNIT = 1
_POWER = (114, 2)
_ENERGY = (147, 4)
_LOST = (317, 2)
_MEMORY = (321, 2)
_SETTLED_SHARE = 0.1  # of the run: by then the network came and its clients were there
_NAME, _PASSWORD = "workshop", "its password"


@dataclass(frozen=True)
class Outcome:
    energy_mwh: int
    asked: int
    repeated: int
    unanswered: int
    lost: int  # by the meter's own count
    times_ms: tuple[int, ...]  # of the requests that were answered at once, sorted
    free_bytes: tuple[int, int]  # once it had settled, and at the end
    words: tuple[str, ...]  # what the meter said of its network


def peace(seconds: float, speed: float) -> Outcome:
    return _run(seconds, speed, None, (), troubled=False)


def trouble(seconds: float, speed: float, gone_s: tuple[float, float], dhcp_gone_s: tuple[float, float]) -> Outcome:
    events = [
        [0.0, "name", _NAME],
        [0.0, "password", _PASSWORD],
        [0.0, "there", True],
        [gone_s[0], "there", False],
        [gone_s[1], "there", True],
        [dhcp_gone_s[0], "dhcp", False],
        [dhcp_gone_s[1], "dhcp", True],
    ]
    script = NetworkScript(tuple(sorted(events, key=lambda event: float(str(event[0])))), {"ssid": _NAME, "password": _PASSWORD})
    return _run(seconds, speed, script, ("tcp", "page"), troubled=True)


def _run(seconds: float, speed: float, script: NetworkScript | None, listening: tuple[str, ...], *, troubled: bool) -> Outcome:
    where = ("127.0.0.1", 0)
    wishes = Wishes(
        tcp=where if "tcp" in listening else None,
        page=where if "page" in listening else None,
        seconds=seconds,
        speed=speed,
        network=script,
    )
    with _running(wishes) as meter, ExitStack() as stack:
        port = os.open(meter.submeter.terminal, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        stack.callback(os.close, port)
        if troubled:
            stack.enter_context(_annoyed(meter.submeter.listening))
        asked = repeated = unanswered = 0
        times_ms: list[int] = []
        free_bytes: int | None = None
        settled_at = time.monotonic() + _SETTLED_SHARE * seconds / speed
        while not meter.ended.is_set():
            if not meter.thread.is_alive():
                raise RuntimeError(f"the meter ended: {meter.trouble}")
            began = time.monotonic()
            asked += 1
            answer = _read(port, *_POWER)
            times_ms.append(round((time.monotonic() - began - _TURNAROUND_SECONDS) * 1000))
            if free_bytes is None and began > settled_at:
                free_bytes = _read(port, *_MEMORY)
            if answer is None:
                times_ms.pop()
                repeated += 1
                unanswered += all(_read(port, *_POWER) is None for _ in range(_REPEATS))
        energy, lost, free_at_end = _read(port, *_ENERGY), _read(port, *_LOST), _read(port, *_MEMORY)
        if energy is None or lost is None or free_at_end is None:
            raise RuntimeError("the meter does not answer at the end")
        free = (free_bytes or free_at_end, free_at_end)
        return Outcome(energy, asked, repeated, unanswered, lost, tuple(sorted(times_ms)), free, tuple(meter.words()))


class _Meter:
    def __init__(self, wishes: Wishes) -> None:
        self.ready, self.ended = threading.Event(), threading.Event()
        self.trouble: Exception | None = None
        self.submeter = Submeter(wishes, self._told)
        self.thread = threading.Thread(target=self._run)

    def words(self) -> list[str]:
        return [line.removeprefix("log: ") for line in self.submeter.said if line.startswith("log: ")]

    def _told(self, _: Submeter, heap: Heap | None) -> None:
        (self.ready if heap is None else self.ended).set()

    def _run(self) -> None:
        try:
            self.submeter.run()
        except Exception as error:  # noqa: BLE001 - told by whoever waits
            self.trouble = error


@contextmanager
def _running(wishes: Wishes) -> Iterator[_Meter]:
    meter = _Meter(wishes)
    meter.thread.start()
    try:
        if not meter.ready.wait(START_SECONDS_MAX):
            raise RuntimeError(f"the meter did not start: {meter.trouble}")
        yield meter
    finally:
        meter.submeter.stop()
        meter.thread.join()


def _read(port: int, address: int, words: int) -> int | None:
    """None if there is no good answer in time."""
    time.sleep(_TURNAROUND_SECONDS)
    try:
        os.write(port, rtu_frame(_UNIT, struct.pack(">BHH", 3, address, words)))
    except OSError:  # the other end is closed: the meter ended, which is looked at next
        return None
    until = time.monotonic() + _ANSWER_SECONDS_MAX
    heard, length = b"", 5 + 2 * words
    while len(heard) < length and (left := until - time.monotonic()) > 0:
        if select.select([port], [], [], left)[0]:
            heard += os.read(port, 300)
    body = heard[1:-2]
    if len(heard) != length or rtu_frame(_UNIT, body) != heard or body[0] != 3:
        return None
    return int.from_bytes(body[2:], "big")


@contextmanager
def _annoyed(listening: dict[str, tuple[str, int]]) -> Iterator[None]:
    """Meanwhile bad clients do what bad clients do, each on a connection of its own that is made anew when it was closed."""
    request = tcp_frame(1, _UNIT, struct.pack(">BHH", 3, 100, 100))
    # Twice as many as there are places.
    manners = 2 * [("tcp", b""), ("tcp", request[:5]), ("tcp", request), ("tcp", request * 5)] + [("page", b"G"), ("page", b"")]
    connections: list[socket.socket | None] = [None] * len(manners)
    over = threading.Event()

    def annoy() -> None:
        while not over.wait(_ANNOY_SECONDS):
            for number, (name, words) in enumerate(manners):
                connections[number] = _bother(connections[number], listening[name], words)

    thread = threading.Thread(target=annoy)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        for connection in connections:
            if connection:
                connection.close()


def _bother(connection: socket.socket | None, where: tuple[str, int], words: bytes) -> socket.socket | None:
    try:
        if connection is None:
            connection = socket.create_connection(where, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)  # so that unread answers come to stand soon
            connection.settimeout(0)
        connection.send(words)
    except BlockingIOError:
        pass  # it is as full as it should be
    except OSError:
        if connection:
            connection.close()
        return None
    return connection


def report(name: str, calm: Outcome, troubled: Outcome) -> str:
    lines = [name]
    for what, outcome in (("in peace", calm), ("in trouble", troubled)):
        lines.append(
            f"  {what:10}  energy {outcome.energy_mwh} mWh; RTU requests {outcome.asked}, repeated {outcome.repeated}, "
            f"unanswered {outcome.unanswered}, lost by the meter's count {outcome.lost}; answered within "
            f"{_percentile(outcome, 50)} ms (half), {_percentile(outcome, 99)} ms (99 %), {_percentile(outcome, 100)} ms (all); "
            f"free memory {outcome.free_bytes[0]} bytes, at the end {outcome.free_bytes[1]}"
        )
    return "\n".join([*lines, f"  the meter said: {'; '.join(troubled.words)}"])


def _percentile(outcome: Outcome, percent: int) -> int:
    return outcome.times_ms[max(0, len(outcome.times_ms) * percent // 100 - 1)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.bench.network_trouble", description=__doc__)
    parser.add_argument("--minutes", type=float, default=4, help="in real time, once in peace and once in trouble")
    parser.add_argument("--only-real-time", action="store_true")
    wished = parser.parse_args()
    seconds = 60 * wished.minutes
    real = peace(seconds, 1), trouble(seconds, 1, (0.2 * seconds, 0.5 * seconds), (0.8 * seconds, 0.95 * seconds))
    print(report("In real time: the network comes, goes and comes back", *real), flush=True)
    undisturbed = not real[1].unanswered and real[1].repeated <= _SWITCHES
    return 0 if undisturbed and (wished.only_real_time or _an_hour()) else 1


def _an_hour() -> bool:
    hour = peace(4_500, 100), trouble(4_500, 100, (300, 3_900), (4_050, 4_250))
    print(report("An hour without the network, three minutes without the DHCP server, at up to 100 times the speed", *hour), flush=True)
    return hour[0].energy_mwh == hour[1].energy_mwh and not hour[1].unanswered


_SWITCHES = 4  # of the radio; each stalls the chip once, like a flash erase, and may cost a frame


if __name__ == "__main__":
    sys.exit(main())
