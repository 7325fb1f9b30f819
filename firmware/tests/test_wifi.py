"""The station: when it switches its radio, how it tells what is wrong, and how long it pauses."""

import pytest

from firmware.network_settings import NetworkSettings, NetworkStore, from_bytes, to_bytes
from firmware.tests.network_bench import Radio, Time
from firmware.wifi import ADDRESS_LOST_MS_MAX, CONNECT_MS_MAX, NO_ADDRESS, PAUSE_MS, PAUSE_MS_MAX, STEADY_MS, Station

NETWORK = NetworkSettings(b"workshop", b"its password")


class Bench:
    def __init__(self) -> None:
        self.radio, self.time = Radio(), Time()
        self.quiet = True
        self.said: list[str] = []
        self.station = Station(self.radio, NETWORK, lambda: self.quiet, lambda: 0, self.said.append)

    def run(self, milliseconds: int) -> None:
        for _ in self.time.pass_ms(milliseconds):
            self.time.clock.advance()
            self.station.poll(self.time.now_ms)

    def fail(self, status: int) -> int:
        """How long the radio stays off after a try that ends with that status."""
        self.run(1_000)
        self.radio.status_code = status
        self.run(1_000)
        self.radio.asked.clear()
        began_ms = self.time.now_ms
        while "on" not in self.radio.asked:
            self.run(1_000)
        return self.time.now_ms - began_ms


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_it_connects_once_and_waits_for_an_address(bench: Bench) -> None:
    """On, one `connect` with the port's own reconnecting off, online only with an address."""
    bench.run(2_000)
    connected_only = bench.radio.status_code, bench.station.online
    bench.radio.status_code = 1010
    bench.run(1_000)
    without_address = bench.station.online
    bench.radio.arrive()
    bench.run(500)

    assert bench.radio.asked == ["on", "connect workshop its password"]
    assert bench.radio.settings == {"reconnects": 0}
    assert (connected_only, without_address) == ((1001, False), False)
    assert (bench.station.online, bench.station.address, bench.station.router) == (True, "10.0.0.7", "10.0.0.1")
    assert (bench.station.signal_dbm(), bench.said) == (-61, ["wifi: online as 10.0.0.7"])


@pytest.mark.parametrize(
    ("status", "reason"), [(200, "gone"), (201, "not_found"), (202, "wrong_password"), (15, "wrong_password"), (77, "reason 77")]
)
def test_what_goes_wrong_has_a_name_and_the_radio_goes_off(bench: Bench, status: int, reason: str) -> None:
    """Each of the port's numbers becomes a reason; one nobody knows is shown as it is; then the radio is off, once."""
    bench.run(1_000)
    bench.radio.status_code = status
    bench.run(2_000)

    assert (bench.station.reason, bench.said) == (reason, [f"wifi: {reason}"])
    assert bench.radio.asked[2:] == ["disconnect", "off"]


def test_pauses_double_up_to_their_most_and_begin_anew_after_a_steady_time(bench: Bench) -> None:
    """Five seconds at first, two minutes at last; who was online long enough pauses short again."""
    pauses = [bench.fail(201) for _ in range(7)]
    bench.run(1_000)
    bench.radio.arrive()
    bench.run(STEADY_MS + 2_000)
    again = bench.fail(200)

    assert [abs(pause - min(PAUSE_MS << number, PAUSE_MS_MAX)) <= 1_000 for number, pause in enumerate(pauses)] == [True] * 7
    assert abs(again - PAUSE_MS) <= 1_000


def test_a_lost_address_is_noticed_though_the_port_says_connected(bench: Bench) -> None:
    """When the DHCP server has gone the status stays good; the address tells, after a time of grace."""
    bench.run(1_000)
    bench.radio.arrive()
    bench.run(1_000)
    bench.radio.address = NO_ADDRESS
    bench.run(ADDRESS_LOST_MS_MAX)
    patient = bench.station.online
    bench.run(1_000)

    assert patient
    assert (bench.station.online, bench.station.reason, bench.station.losses) == (False, "address_lost", 1)


def test_an_address_that_never_comes_is_given_up(bench: Bench) -> None:
    """Joined, but no DHCP server: after its time the try is over, with that reason."""
    bench.run(1_000)
    bench.radio.status_code = 1010
    bench.run(CONNECT_MS_MAX + 1_000)

    assert bench.station.reason == "no_address"


def test_the_radio_is_switched_only_while_the_line_is_quiet(bench: Bench) -> None:
    """On and off stall the chip, so both wait for the wire."""
    bench.quiet = False
    bench.run(5_000)
    before = list(bench.radio.asked)
    bench.quiet = True
    bench.run(1_000)
    bench.quiet = False
    bench.radio.status_code = 200
    bench.run(5_000)

    assert before == []
    assert bench.radio.asked == ["on", "connect workshop its password"]


@pytest.mark.parametrize("trouble", [OSError("Wifi Internal Error"), RuntimeError("Wifi Unknown Error 0x3001")])
def test_a_radio_that_raises_is_tried_again(bench: Bench, trouble: Exception) -> None:
    """Whatever the port raises, the station goes on trying and says so once."""
    bench.radio.trouble = trouble
    bench.run(20_000)
    tries = bench.radio.asked.count("on")
    bench.radio.trouble = None
    bench.radio.asked.clear()
    while bench.radio.asked[-1:] != ["connect workshop its password"]:
        bench.run(250)
    bench.radio.arrive()
    bench.run(1_000)

    assert 1 <= tries <= 3
    assert bench.said[:2] == ["wifi: radio", f"wifi: the radio says {trouble}"]
    assert bench.station.online


def test_network_settings_come_back_whole_or_not_at_all() -> None:
    """The longest name and password survive; a flipped bit or a blank slot is nothing; what is stored beats the configuration."""
    longest = NetworkSettings("网络".encode() * 5, b"x" * 63)
    data = to_bytes(longest)
    flipped = bytes((data[0], data[1] ^ 1)) + data[2:]

    class Slot:
        def __init__(self, data: bytes) -> None:
            self.data = data + b"\xff" * (256 - len(data))

        def read(self) -> bytes:
            return self.data

        def write(self, data: bytes) -> None:
            self.data = data

    assert (from_bytes(data), from_bytes(flipped), from_bytes(b"\xff" * 256)) == (longest, None, None)
    assert NetworkStore((Slot(flipped), Slot(data)), NETWORK).current == longest
    assert NetworkStore((Slot(flipped), Slot(b"")), NETWORK).current == NETWORK
