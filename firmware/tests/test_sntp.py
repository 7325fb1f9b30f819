"""The time server's answers: which are believed, what they do to the clock, and when the next question is asked."""

import struct

import pytest

from firmware.clock import SET, SYNCHRONISED, UNSET, MeterClock
from firmware.sntp import ANSWER_MS_MAX, INTERVAL_MS, PAUSE_MS, Reply, Sntp
from firmware.tests.network_bench import Datagrams

TURN_MS = 20
NOW_MS = 1_780_000_100_000  # 200 s before the end of a quarter of an hour
SERVER = ("10.0.0.1", 123)
SECONDS_TO_1970 = 2_208_988_800


def stamp(unix_ms: int) -> bytes:
    return struct.pack(">II", (unix_ms // 1000 + SECONDS_TO_1970) & 0xFFFFFFFF, (unix_ms % 1000 << 32) // 1000 + 1)


def packet(cookie: bytes, unix_ms: int, *, first: int = 0x24, stratum: int = 2) -> bytes:
    return bytes((first, stratum)) + bytes(22) + cookie + stamp(unix_ms) + stamp(unix_ms)


class Bench:
    def __init__(self) -> None:
        self.clock = MeterClock(lambda: TURN_MS * 1000)
        self.sockets: list[Datagrams] = []
        self.said: list[str] = []
        numbers = iter(range(1, 10_000))
        self.sntp = Sntp(self._open, lambda: SERVER, self.clock, lambda: next(numbers), self.said.append)

    def _open(self) -> Datagrams:
        self.sockets.append(Datagrams())
        return self.sockets[-1]

    def run(self, milliseconds: int) -> None:
        for _ in range(milliseconds // TURN_MS):
            self.clock.advance()
            self.sntp.poll()

    def reply(self, unix_ms: int, after_ms: int = TURN_MS, **how: int) -> None:
        """To the newest question."""
        self.run(after_ms)
        asked, to = self.sockets[-1].said[0]
        assert (len(asked), asked[0], to) == (48, 0x23, SERVER)
        self.sockets[-1].heard.append(packet(asked[40:], unix_ms, **how))
        self.run(TURN_MS)


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.run(TURN_MS)
    return bench


def test_an_answer_sets_the_clock_by_half_its_way(bench: Bench) -> None:
    """The clock is synchronised, half of the way is added, and the next question comes an hour later."""
    bench.reply(NOW_MS, after_ms=200)
    state, unix_ms = bench.clock.state, bench.clock.unix_ms
    bench.run(INTERVAL_MS - 1_000)
    early = len(bench.sockets)
    bench.run(3_000)

    assert (state, unix_ms) == (SYNCHRONISED, NOW_MS + 110)
    assert (early, len(bench.sockets), bench.sockets[0].closed) == (1, 2, True)


@pytest.mark.parametrize("how", [{"first": 0x23}, {"first": 0xE4}, {"stratum": 0}, {"stratum": 16}])
def test_a_server_that_is_not_in_step_is_not_believed(bench: Bench, how: dict[str, int]) -> None:
    """Client packets, the alarm bits, and a stratum of none leave the clock alone."""
    bench.reply(NOW_MS, **how)

    assert (bench.clock.state, bench.said) == (UNSET, ["time: the server is not in step itself"])


def test_a_strangers_datagram_is_as_if_it_had_not_come(bench: Bench) -> None:
    """Another cookie, or half a packet, is passed over; the true answer still counts; one that is too late does not."""
    bench.sockets[-1].heard += [packet(b"somebody", NOW_MS), b"\x24"]
    bench.run(3 * TURN_MS)
    before = bench.clock.state
    bench.reply(NOW_MS)
    late = Bench()
    late.run(TURN_MS)
    late.run(ANSWER_MS_MAX + 3 * TURN_MS)

    assert (before, bench.clock.state) == (UNSET, SYNCHRONISED)
    assert (late.clock.state, late.sockets[0].closed) == (UNSET, True)


@pytest.mark.parametrize("year_ms", [1_500_000_000_000, 4_200_000_000_000])
def test_times_of_another_age_are_refused(bench: Bench, year_ms: int) -> None:
    """Before 2020 and after 2099 there is no time."""
    bench.reply(year_ms)

    assert bench.clock.state == UNSET


def test_seconds_after_2036_are_understood() -> None:
    """NTP's seconds begin anew in 2036; the time goes on."""
    later_ms = 2_300_000_000_123

    assert Reply(packet(b"12345678", later_ms), b"12345678").sent_ms == later_ms


def test_a_great_jump_must_be_said_twice(bench: Bench) -> None:
    """A clock the gateway has set is moved by hours only if the server says so again; small corrections hold at once."""
    bench.clock.set(NOW_MS - 7_200_000)
    bench.reply(NOW_MS)
    doubted = bench.clock.state
    bench.run(PAUSE_MS)
    bench.reply(NOW_MS + PAUSE_MS)

    assert (doubted, bench.clock.state) == (SET, SYNCHRONISED)
    assert abs((bench.clock.unix_ms or 0) - NOW_MS - PAUSE_MS) < 1_000


def test_without_an_answer_it_asks_ever_more_rarely(bench: Bench) -> None:
    """Sixteen seconds at first, then doubled."""
    bench.run(16 * 3_600_000 // 16)

    assert 5 <= len(bench.sockets) <= 9


def test_the_clock_is_left_alone_around_the_end_of_a_quarter() -> None:
    """A step over the end would write the quarter twice; the question waits until it has passed."""
    bench = Bench()
    quarter_ms = NOW_MS - NOW_MS % 900_000
    bench.clock.set(quarter_ms - 4_000)
    bench.run(8_000)
    waiting = len(bench.sockets)
    bench.run(2_000)

    assert (waiting, len(bench.sockets)) == (0, 1)


def test_when_the_network_goes_the_question_is_forgotten(bench: Bench) -> None:
    """`rest` closes the socket; the next poll asks anew."""
    bench.sntp.rest()

    assert bench.sockets[0].closed
