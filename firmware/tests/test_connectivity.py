"""Station or access point: which of both when, and what opens and closes the meter's own door."""

from firmware.access_point import OPEN_MS_MAX, AccessPoint
from firmware.button import OPEN_MS, UNLOCK_MS, Button
from firmware.connectivity import REOPEN_MS, Connectivity
from firmware.dns_answer import answer
from firmware.tests.network_bench import Datagrams, Radio, Time
from firmware.tests.test_wifi import NETWORK
from firmware.wifi import Station

QUESTION = bytes.fromhex("1234 0100 0001 0000 0000 0000 0763617074697665056170706c6503636f6d00 0001 0001")
OWN = "192.168.4.1"


class Bench:
    def __init__(self, *, known: bool, wanted: bool = True) -> None:
        self.time = Time()
        self.station_radio, self.own_radio = Radio(), Radio()
        self.own_radio.address = OWN
        self.names = Datagrams()
        self.said: list[str] = []
        station = Station(self.station_radio, NETWORK, lambda: True, lambda: 0, self.said.append) if known else None
        own = AccessPoint(self.own_radio, "Shiftwatt-1", "12345678", lambda: self.names, self.said.append) if wanted else None
        self.connectivity = Connectivity(station, own, None, self.time.clock, lambda: True)

    def run(self, milliseconds: int) -> None:
        for _ in self.time.pass_ms(milliseconds):
            self.time.clock.advance()
            self.connectivity.poll()


def test_a_meter_without_a_network_opens_closes_and_opens_again() -> None:
    """Fifteen minutes open with WPA2 and its own password, then closed, and open again after the stated time."""
    bench = Bench(known=False)
    bench.run(1_000)
    first = bench.connectivity.provisioning, bench.connectivity.address
    bench.run(OPEN_MS_MAX)
    closed = bench.connectivity.provisioning
    bench.run(REOPEN_MS + 1_000)

    assert first == (True, OWN)
    assert {**bench.own_radio.settings, "max_clients": 0} == {"ssid": "Shiftwatt-1", "key": "12345678", "security": 3, "max_clients": 0}
    assert (closed, bench.connectivity.provisioning) == (False, True)
    assert bench.own_radio.asked == ["on", "off", "on"]


def test_a_meter_with_a_network_opens_by_the_button_only_and_goes_back() -> None:
    """However long its network is away, nothing opens; by wish it does, with the station off, which then goes on."""
    bench = Bench(known=True)
    bench.station_radio.status_code = 201
    bench.run(2 * REOPEN_MS)
    before = bench.own_radio.asked[:]
    bench.station_radio.asked.clear()
    bench.connectivity.open_access_point()
    bench.run(1_000)
    opened = bench.connectivity.provisioning, list(bench.station_radio.asked)
    bench.run(OPEN_MS_MAX + 2_000)

    assert (before, opened) == ([], (True, ["disconnect", "off"]))
    assert not bench.connectivity.provisioning
    assert "on" in bench.station_radio.asked


def test_where_no_access_point_is_wanted_none_opens() -> None:
    """Neither by itself nor by the button."""
    bench = Bench(known=False, wanted=False)
    bench.connectivity.open_access_point()
    bench.run(REOPEN_MS + 2_000)

    assert not bench.connectivity.provisioning
    assert bench.said == []


def test_a_radio_that_does_not_start_does_not_stop_the_meter() -> None:
    """The access point is tried again after its pause."""
    bench = Bench(known=False)
    bench.own_radio.trouble = RuntimeError("Wifi Unknown Error 0x0101")
    bench.run(1_000)
    bench.own_radio.trouble = None
    bench.run(REOPEN_MS + 1_000)

    assert bench.connectivity.provisioning


def test_every_name_leads_to_the_meter() -> None:
    """Questions for an address are answered with the meter's own one, to whoever asked; others get an answer without one."""
    bench = Bench(known=False)
    bench.run(1_000)
    bench.names.heard += [QUESTION, b"\0" * 5]
    bench.run(1_000)
    reply = bench.names.said[0][0]
    other = answer(QUESTION[:-4] + b"\0\x1c\0\1", OWN)

    assert len(bench.names.said) == 1
    assert (reply[:2], reply[2] & 0x80, reply[6:8], reply[-4:]) == (b"\x12\x34", 0x80, b"\0\1", bytes((192, 168, 4, 1)))
    assert reply[12:] == QUESTION[12:] + bytes.fromhex("c00c 0001 0001 00000000 0004 c0a80401")
    assert (other[6:8], len(other)) == (b"\0\0", len(QUESTION))


def test_what_is_no_question_is_not_answered() -> None:
    """Answers, several questions at once, cut-off names and pointers get silence, byte by byte."""
    cut = [answer(QUESTION[:length], OWN) for length in range(len(QUESTION))]
    twisted = QUESTION[:12] + b"\xc0\x0c" + QUESTION[14:]

    assert cut == [b""] * len(QUESTION)
    assert answer(QUESTION[:2] + b"\x81\x80" + QUESTION[4:], OWN) == b""
    assert answer(QUESTION[:5] + b"\2" + QUESTION[6:], OWN) == b""
    assert answer(twisted, OWN) == b""


class Pressing:
    """A button whose level follows a list of (milliseconds, level)."""

    def __init__(self) -> None:
        self.time = Time()
        self.level = 1
        self.done: list[str] = []
        self.time.clock = type(self.time.clock)(lambda: 10_000)
        self.button = Button(lambda: self.level, self.time.clock, lambda: self.done.append("unlock"), lambda: self.done.append("open"))

    def run(self, milliseconds: int, level: int) -> list[str]:
        self.level = level
        for _ in range(milliseconds // 10):
            self.time.clock.advance()
            self.button.poll()
        return list(self.done)


def test_the_button_unlocks_and_held_on_opens_once() -> None:
    """Three seconds unlock, eight open the access point, for one press only once each."""
    pressing = Pressing()
    pressing.run(500, 1)
    short = pressing.run(UNLOCK_MS - 200, 0)
    pressing.run(100, 1)
    held = pressing.run(UNLOCK_MS + 200, 0)
    longer = pressing.run(OPEN_MS - UNLOCK_MS, 0)
    stuck = pressing.run(10 * OPEN_MS, 0)

    assert (short, held, longer, stuck) == ([], ["unlock"], ["unlock", "open"], ["unlock", "open"])


def test_bouncing_does_not_cut_a_press_and_a_button_that_is_down_at_the_start_does_nothing() -> None:
    """Contacts that open for less than their bounce go on counting; a stuck button must be let go first."""
    pressing = Pressing()
    stuck = pressing.run(2 * OPEN_MS, 0)
    pressing.run(100, 1)
    pressing.run(UNLOCK_MS // 2, 0)
    pressing.run(20, 1)
    bounced = pressing.run(UNLOCK_MS // 2 + 100, 0)

    assert (stuck, bounced) == ([], ["unlock"])
