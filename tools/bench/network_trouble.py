"""Whether metering and RTU notice what the network does: the real firmware on MicroPython, once in peace and once in trouble.

    python -m tools.bench.network_trouble            an hour without its network at 100 times the speed, and half a minute in real time

Trouble is: the access point vanishes for most of the time, then the DHCP server; four Modbus TCP clients that send nothing,
half a request, or requests whose answers they never read, and two visitors of the page who dribble. All the while a master
on the RS-485 line asks without a pause. What is compared: energy counted, requests answered.
"""

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

START_SECONDS_MAX = 30
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
_UPTIME = (313, 2)
_NAME, _PASSWORD = "workshop", "its password"


@dataclass(frozen=True)
class Outcome:
    energy_mwh: int
    asked: int
    repeated: int
    unanswered: int
    lost: int  # by the meter's own count
    slowest_ms: int
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
        asked = repeated = unanswered = slowest_ms = 0
        while not meter.ended.is_set():
            if not meter.thread.is_alive():
                raise RuntimeError(f"the meter ended: {meter.trouble}")
            began = time.monotonic()
            asked += 1
            answer = _read(port, *_POWER)
            slowest_ms = max(slowest_ms, round((time.monotonic() - began) * 1000))
            if answer is None:
                repeated += 1
                unanswered += all(_read(port, *_POWER) is None for _ in range(_REPEATS))
        energy, lost = _read(port, *_ENERGY), _read(port, *_LOST)
        if energy is None or lost is None:
            raise RuntimeError("the meter does not answer at the end")
        return Outcome(energy, asked, repeated, unanswered, lost, slowest_ms, tuple(meter.words()))


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
    manners = [("tcp", b""), ("tcp", request[:5]), ("tcp", request), ("tcp", request * 5), ("page", b"G"), ("page", b"")]
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
            f"unanswered {outcome.unanswered}, slowest {outcome.slowest_ms} ms, lost by the meter's count {outcome.lost}"
        )
    return "\n".join([*lines, f"  the meter said: {'; '.join(troubled.words)}"])


def main() -> int:
    hour = peace(4_500, 100), trouble(4_500, 100, (300, 3_900), (4_050, 4_250))
    print(report("An hour without the network, three minutes without the DHCP server, at up to 100 times the speed", *hour), flush=True)
    real = peace(30, 1), trouble(30, 1, (6, 14), (25, 30))
    print(report("In real time: the network comes, goes and comes back", *real), flush=True)
    same = hour[0].energy_mwh == hour[1].energy_mwh
    return 0 if same and not hour[1].unanswered + real[1].unanswered and real[1].repeated <= _SWITCHES else 1


_SWITCHES = 4  # of the radio in half a minute; each stalls the chip once, like a flash erase, and may cost a frame


if __name__ == "__main__":
    sys.exit(main())
