"""The time of day from a time server in the site's own network, over one UDP datagram: asked for, never waited for.

A reply is believed if it answers our own question, comes soon, and its server is itself in step; one that would move
a clock that is set by much must be said twice. Names are not looked up, as that would wait: the server is an address.
Seconds are NTP's, since 1900; whether the chip counts its own from 1970 or 2000 plays no part. Runs on MicroPython.
"""

import struct

from firmware.clock import SYNCHRONISED, UNSET

SERVER_PORT = 123
INTERVAL_MS = 3_600_000  # the chip's crystal goes wrong by less than 0.2 s an hour
ANSWER_MS_MAX = 1_000  # half of it is the most the clock can be wrong
PAUSE_MS, PAUSE_MS_MAX = 16_000, 1_024_000  # after no answer, doubled: servers ask their clients for no less
JUMP_MS_MAX = 1_000_000  # beyond it somebody is badly wrong; as the usual time services have it
# Around the end of a quarter of an hour the clock is left alone: a step over it would write the quarter twice.
_QUARTER_MS, _QUARTER_EDGE_MS = 900_000, 5_000
_SECONDS_TO_1970 = 2_208_988_800
_EARLIEST_MS, _LATEST_MS = 1_577_836_800_000, 4_102_444_799_999  # 2020 to 2099, as in the register
_ASK = bytes((0x23,)) + bytes(39)  # version 4, client
_PACKET = 48
_SERVER = 4
_NOT_IN_STEP = 3
_STRATUM_MAX = 15

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.access_point import Datagrams
    from firmware.clock import MeterClock


class Reply:
    """Not taken: ValueError with the reason."""

    def __init__(self, data: bytes, cookie: bytes) -> None:
        if len(data) < _PACKET or data[24:32] != cookie:
            raise ValueError("not an answer to this question")
        if data[0] & 7 != _SERVER or data[0] >> 6 == _NOT_IN_STEP or not 1 <= data[1] <= _STRATUM_MAX:
            raise ValueError("the server is not in step itself")
        self.received_ms = _unix_ms(data, 32)
        self.sent_ms = _unix_ms(data, 40)
        if not _EARLIEST_MS <= self.sent_ms <= _LATEST_MS or self.sent_ms < self.received_ms:
            raise ValueError("no time of this century")


def _unix_ms(data: bytes, at: int) -> int:
    seconds, fraction = struct.unpack_from(">II", data, at)
    if seconds < _SECONDS_TO_1970:  # NTP's seconds begin anew in 2036
        seconds += 1 << 32
    milliseconds: int = (seconds - _SECONDS_TO_1970) * 1000 + (fraction * 1000 >> 32)
    return milliseconds


class Sntp:
    def __init__(
        self,
        open_socket: "Callable[[], Datagrams]",
        server: "Callable[[], object]",
        clock: "MeterClock",
        random_number: "Callable[[], int]",
        say: "Callable[[str], object]",
    ) -> None:
        """`server` gives the address as the socket wants it; the router may be another one after each loss of the network."""
        self._open_socket = open_socket
        self._server = server
        self._clock = clock
        self._random_number = random_number
        self._say = say
        self._socket: Datagrams | None = None
        self._cookie = b""
        self._asked_ms = 0
        self._due_ms = 0
        self._pause_ms = PAUSE_MS
        self._doubted: int | None = None  # a jump that was said once

    def poll(self) -> None:
        now_ms = self._clock.uptime_ms
        try:
            if self._socket is not None:
                self._hear(now_ms)
            elif now_ms >= self._due_ms and not self._near_quarter():
                self._ask(now_ms)
        except OSError:  # the network is just going
            self._later(now_ms)

    def rest(self) -> None:
        """The network has gone; what is on its way is not waited for."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _near_quarter(self) -> bool:
        unix_ms = self._clock.unix_ms
        return unix_ms is not None and (unix_ms + _QUARTER_EDGE_MS) % _QUARTER_MS < 2 * _QUARTER_EDGE_MS

    def _ask(self, now_ms: int) -> None:
        self._cookie = struct.pack(">HHHH", *[self._random_number() for _ in range(4)])
        self._socket = self._open_socket()
        self._asked_ms = now_ms
        self._socket.sendto(_ASK + self._cookie, self._server())

    def _hear(self, now_ms: int) -> None:
        assert self._socket is not None
        try:
            data, _ = self._socket.recvfrom(_PACKET)
        except OSError:  # nothing yet
            if now_ms - self._asked_ms > ANSWER_MS_MAX:
                self._later(now_ms)
            return
        took_ms = now_ms - self._asked_ms
        try:
            reply = Reply(data, self._cookie)
        except ValueError as error:
            if data[24:32] == self._cookie:  # anybody else's datagram is not worth a word
                self._say("time: %s" % error)
                self._later(now_ms)
            return
        if took_ms <= ANSWER_MS_MAX:
            self._take(reply, took_ms, now_ms)
        else:
            self._later(now_ms)

    def _take(self, reply: Reply, took_ms: int, now_ms: int) -> None:
        self.rest()
        unix_ms = reply.sent_ms + max(0, took_ms - (reply.sent_ms - reply.received_ms)) // 2
        before_ms = self._clock.unix_ms
        jump_ms = 0 if before_ms is None else unix_ms - before_ms
        said_twice = self._doubted is not None and abs(jump_ms - self._doubted) <= ANSWER_MS_MAX
        if abs(jump_ms) > JUMP_MS_MAX and not said_twice:
            self._doubted = jump_ms
            self._due_ms = now_ms + PAUSE_MS
            return
        self._doubted = None
        if self._clock.state == UNSET or abs(jump_ms) > JUMP_MS_MAX:
            self._say("time: set by the time server")
        self._clock.set(unix_ms, SYNCHRONISED)
        self._pause_ms = PAUSE_MS
        self._due_ms = now_ms + INTERVAL_MS

    def _later(self, now_ms: int) -> None:
        self.rest()
        self._due_ms = now_ms + self._pause_ms
        self._pause_ms = min(2 * self._pause_ms, PAUSE_MS_MAX)
