"""The meter's own pages: what they show, in both languages, and what their forms may change when."""

import re
from collections.abc import Callable, Mapping

import pytest

from firmware.access_point import AccessPoint
from firmware.clock import MeterClock
from firmware.connectivity import Connectivity
from firmware.front_ends.front_end import INDICATIVE, MEASURED, SYNTHETIC
from firmware.http_port import Response
from firmware.http_request import Request
from firmware.key_lock import KeyLock
from firmware.meter_pages import MeterPages
from firmware.network_settings import NONE, NetworkSettings, NetworkStore
from firmware.page_frame import Words, words_of
from firmware.parts import Facts
from firmware.register_image import RegisterImage
from firmware.settings import Settings
from firmware.status_page import shown, status_page, utc
from firmware.tests.modbus_bench import KEY, Clock
from firmware.tests.network_bench import Datagrams, Radio
from firmware.tests.test_wifi import NETWORK
from firmware.wifi import Station
from firmware.wiring_hints import hints

TOKEN = 4_711
SETTINGS = Settings(b"press 3", 7, 9600, 1, 1)
LIVE = {f"voltage_l{phase}_n": 230_000 for phase in (1, 2, 3)}


class Slot:
    def read(self) -> bytes:
        return b"\xff" * 256

    def write(self, data: bytes) -> None:
        raise AssertionError("flash is written in a quiet moment only")


class Bench:
    """The pages over an application that remembers; `open` is what opens the meter's own access point."""

    def __init__(self, network: NetworkSettings = NETWORK) -> None:
        self.clock = Clock()
        self.jobs: list[Callable[[], object]] = []
        self.written: list[tuple[str, int | bytes]] = []
        self.settings = SETTINGS
        self.lock = KeyLock(KEY, self.clock)
        self.radio = Radio()
        time = MeterClock(lambda: 250_000)
        station = Station(self.radio, network, lambda: True, lambda: 0, lambda _: None) if network.ssid else None
        own = Radio()
        own.address = "192.168.4.1"
        access_point = AccessPoint(own, "Shiftwatt-1", "x" * 8, Datagrams, lambda _: None)
        self.connectivity = Connectivity(station, access_point, None, time, lambda: True)
        self.store = NetworkStore((Slot(), Slot()), network)
        self.pages = MeterPages(self, lambda: None, self.lock, TOKEN, self.connectivity, self.store)
        self._time = time

    def facts(self) -> Facts:
        return Facts("press 3", MEASURED, 0, {}, RegisterImage())

    def write(self, changes: list[tuple[str, int | bytes]]) -> int:
        self.written += changes
        return 0

    def run(self, turns: int) -> None:
        for _ in range(turns):
            self._time.advance()
            self.connectivity.poll()

    def get(self, path: str = "/", language: str = "en") -> tuple[Response, str]:
        return told(self.pages.serve(Request("GET", path, language, {})))

    def post(self, path: str, **form: str) -> tuple[Response, str]:
        return told(self.pages.serve(Request("POST", path, "en", {name: value.encode() for name, value in form.items()})))


def told(response: Response) -> tuple[Response, str]:
    return response, "".join(response.pieces)


def page(facts: Facts, language: str = "en") -> str:
    return "".join(status_page(facts, [], words_of(language)))


def test_the_page_says_what_may_not_be_trusted() -> None:
    """A test signal, an indicative meter and an uncalibrated one are marked in both languages; a good one is not."""
    image = RegisterImage()
    image.put("marks", 1)

    assert "Test signal" in page(Facts("m", SYNTHETIC, 0, {}, RegisterImage()))
    assert "测试信号" in page(Facts("m", SYNTHETIC, 0, {}, RegisterImage()), "zh")
    assert "Indicative only" in page(Facts("m", INDICATIVE, 0, {}, RegisterImage()))
    assert "Not calibrated" in page(Facts("m", MEASURED, 0, {}, image))
    assert "<b>" not in page(Facts("m", MEASURED, 0, {}, RegisterImage()))


def test_the_page_shows_values_and_dashes_and_no_markup_of_others() -> None:
    """What was not measured is a dash; names cannot bring in markup; no piece is larger than a kilobyte and a half."""
    values: Mapping[str, int | None] = {"active_power": 2_300_499, "active_energy_import": None}
    facts = Facts("<b>&'", MEASURED, 3, values, RegisterImage())
    shown_page = page(facts)

    assert "<td>power<td>2.300 kW" in shown_page
    assert "<td>energy taken<td>- kWh" in shown_page
    assert "<h1>&lt;b>&amp;&#39;</h1>" in shown_page
    assert max(len(piece.encode()) for piece in status_page(facts, [], words_of("zh"))) < 1_500
    assert len(shown_page.encode()) < 6_000


def test_a_pulse_input_shows_what_it_counts() -> None:
    """Pieces, or energy and power; no row for what it cannot know."""
    pieces = page(Facts("press", MEASURED, 0, {"pieces": 1_234_000}, RegisterImage()))
    energy = page(Facts("press", MEASURED, 0, {"active_energy_import": 2_000_000, "active_power": None}, RegisterImage()))

    assert "<td>pieces<td>1234.0" in pieces
    assert "kWh" not in pieces
    assert "<td>energy taken<td>2.00 kWh" in energy
    assert "<td>power<td>- kW" in energy


def test_both_languages_have_the_same_words() -> None:
    """Each name has a text in both, with the same places for numbers and the same number of choices."""

    def names(language: str) -> dict[str, tuple[int, int]]:
        lines = words_of(language)._text.strip().split("\n")
        return {name: (text.count("%d"), text.count("|")) for name, _, text in (line.partition("=") for line in lines)}

    assert names("en") == names("zh")
    with pytest.raises(KeyError):
        Words("\na=b\n")["c"]


def test_the_network_is_shown_in_words_without_its_password() -> None:
    """State, address, signal, losses and the last trouble; the password stands nowhere."""
    bench = Bench()
    bench.run(3)
    connecting = bench.get()[1]
    bench.radio.arrive()
    bench.run(3)
    online = bench.get()[1]
    bench.radio.status_code = 202
    bench.run(3)
    failed = bench.get(language="zh")[1]

    assert "<td>Network<td>connecting" in connecting
    assert "<td>address<td>10.0.0.7" in online
    assert "-61 dBm" in online
    assert "<td>最近故障<td>密码不被接受" in failed
    assert "its password" not in connecting + online + failed


def test_a_locked_meter_shows_no_form_and_takes_none() -> None:
    """Without button or key the form is refused, whatever it holds; a wrong key unlocks nothing, the right one does."""
    bench = Bench()
    form = bench.get("/settings")[1]
    refused, _ = bench.post("/settings", token=str(TOKEN), unit_address="9")
    wrong, said = bench.post("/unlock", key="1")
    bench.clock.now_us += 2_000_000
    right, _ = bench.post("/unlock", key=str(KEY))
    unlocked = bench.get("/settings")[1]

    assert "name=unit_address" not in form
    assert (refused.status[:3], bench.written) == ("403", [])
    assert (wrong.status[:3], "not the key" in said) == ("403", True)
    assert (right.status[:3], right.headers) == ("303", "Location: /settings?lang=en\r\n")
    assert "name=unit_address value='7'" in unlocked
    assert "unlocked for 600 s" in unlocked


def test_settings_without_a_new_network_change_at_once() -> None:
    """Only what a line is made of is written, nothing restarts, and the network's password stays."""
    bench = Bench()
    bench.lock.open()
    form = {"token": str(TOKEN), "ssid": "workshop", "password": "", "unit_address": "9", "baud": "19200", "parity": "0", "stop_bits": "2"}
    response, said = bench.post("/settings", name="press 4", **form)

    assert (response.status, response.then, "Saved." in said) == ("200 OK", None, True)
    assert dict(bench.written) == {"name": b"press 4", "unit_address": 9, "baud_hundreds": 192, "parity": 0, "stop_bits": 2}
    assert (bench.store.current, bench.jobs) == (NETWORK, [])


def test_a_new_network_is_stored_twice_and_the_meter_restarts_when_the_answer_has_left() -> None:
    """Two jobs for quiet moments, the restart only after the visit, and the password in no page."""
    bench = Bench()
    bench.lock.open()
    response, said = bench.post("/settings", token=str(TOKEN), ssid="hall 2", password="another one")
    before = list(bench.written)
    assert response.then is not None
    response.then()

    assert bench.store.current == NetworkSettings(b"hall 2", b"another one")
    assert len(bench.jobs) == 2
    assert (before, bench.written) == ([], [("restart", 1)])
    assert "another one" not in said + bench.get("/settings")[1]


@pytest.mark.parametrize(
    ("form", "word"),
    [
        ({"unit_address": "0"}, "bad_unit_address"),
        ({"unit_address": "248"}, "bad_unit_address"),
        ({"unit_address": "x"}, "bad_unit_address"),
        ({"baud": "9601"}, "bad_line"),
        ({"parity": "3"}, "bad_line"),
        ({"stop_bits": "-1"}, "bad_line"),
        ({"name": "n" * 33}, "bad_name"),
        ({"name": "größe"}, "bad_name"),
        ({"ssid": "s" * 33}, "bad_ssid"),
        ({"password": "short"}, "bad_password"),
        ({"password": "x" * 64}, "bad_password"),
        ({"token": "1"}, "stale"),
    ],
)
def test_a_form_with_anything_wrong_changes_nothing(form: dict[str, str], word: str) -> None:
    """The sentence that says what is wrong stands above a fresh form."""
    bench = Bench()
    bench.lock.open()
    response, said = bench.post("/settings", **{"token": str(TOKEN), **form})

    assert (response.status[:3], words_of("en")[word] in said) == ("422", True)
    assert (bench.written, bench.jobs, bench.store.current) == ([], [], NETWORK)


def test_over_its_own_access_point_the_form_is_open_and_every_page_leads_to_it() -> None:
    """Who knows that network's password knows the label; a phone's search for the internet ends at the form."""
    bench = Bench(NONE)
    bench.run(1)
    led, _ = bench.get("/generate_204")
    form = bench.get("/settings", "zh")[1]
    response, _ = bench.post("/settings", token=str(TOKEN), ssid="workshop", password="its password")
    elsewhere, _ = Bench().get("/generate_204")

    assert (led.status[:3], led.headers) == ("303", "Location: http://192.168.4.1/settings\r\n")
    assert "name=ssid value=''" in form
    assert response.status == "200 OK"
    assert bench.store.current == NETWORK
    assert elsewhere.status[:3] == "404"


def test_a_meter_without_a_radio_has_no_network_on_its_pages() -> None:
    """Neither in the values nor in the form."""
    bench = Bench()
    bench.lock.open()
    pages = MeterPages(bench, lambda: None, bench.lock, TOKEN, None, None)
    texts = [told(pages.serve(Request("GET", path, "en", {})))[1] for path in ("/", "/settings")]

    assert [re.search("ssid|wireless", text) for text in texts] == [None, None]


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0.00"), (-4_999, "0.00"), (5_000, "0.01"), (-1_234_567_890, "-1234.57"), (999_995_000, "1000.00"), (None, "-")]
)
def test_values_are_shown_rounded_in_integers(value: int | None, text: str) -> None:
    """Half a step goes away from zero; there is no minus nought."""
    assert shown(value, 10_000, 2) == text


@pytest.mark.parametrize(
    ("unix_s", "text"),
    [
        (1_582_934_400, "2020-02-29 00:00:00"),
        (1_583_020_799, "2020-02-29 23:59:59"),
        (1_772_323_200, "2026-03-01 00:00:00"),
        (1_798_761_599, "2026-12-31 23:59:59"),
        (4_102_444_799, "2099-12-31 23:59:59"),
    ],
)
def test_the_date_is_found_by_arithmetic(unix_s: int, text: str) -> None:
    """As calendars have it, leap days included."""
    assert utc(unix_s) == text


def test_hints_speak_of_a_dead_phase_and_a_turned_transformer() -> None:
    """A dead phase and one turned transformer are named; a site that gives back on all phases is left alone."""
    live = LIVE | {"active_power_l1": 1_000, "active_power_l2": 2_000}

    assert hints(2, live) == []
    assert hints(2, {**live, "active_power_l1": -1_000, "active_power_l2": -2_000}) == []
    assert hints(2, {**live, "active_power_l2": -2_000}) == [("reversed", (2,))]
    assert hints(2, {**live, "voltage_l1_n": 3_000}) == [("no_voltage", (1,))]


def rotated(powers: list[tuple[float, float]], order: tuple[int, int, int]) -> dict[str, int | None]:
    """What is measured when the current of phase k flows in the phase order[k] whose load is given."""
    values: dict[str, int | None] = dict(LIVE)
    for phase, belongs in enumerate(order):
        true = complex(*powers[belongs])
        # The voltage of this phase leads that of the other by a third of a turn for each place in between.
        seen = true * complex(-0.5, 3**0.5 / 2) ** ((belongs - phase) % 3)
        values[f"active_power_l{phase + 1}"] = round(seen.real * 1000)
        values[f"reactive_power_l{phase + 1}"] = round(seen.imag * 1000)
    return values


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ((0, 1, 2), []),
        ((1, 0, 2), [("swapped", (1, 2))]),
        ((0, 2, 1), [("swapped", (2, 3))]),
        ((2, 1, 0), [("swapped", (1, 3))]),
        ((1, 2, 0), [("shifted", ())]),
        ((2, 0, 1), [("shifted", ())]),
    ],
)
def test_currents_at_the_wrong_voltages_are_told(order: tuple[int, int, int], expected: list[tuple[str, tuple[int, ...]]]) -> None:
    """Three phases of usual loads with two currents exchanged, or all shifted, give that one sentence."""
    loads = [(1_000.0, 200.0), (1_500.0, 500.0), (800.0, 0.0)]

    assert hints(3, rotated(loads, order)) == expected


def test_without_load_or_in_order_nothing_is_said_of_exchanges() -> None:
    """Too little power to tell, or a true capacitive load, gives no exchange."""
    small = rotated([(0.005, 0.0)] * 3, (1, 0, 2))

    assert "swapped" not in dict(hints(3, small))
    assert hints(3, rotated([(1_000.0, -900.0)] * 3, (0, 1, 2))) == []
