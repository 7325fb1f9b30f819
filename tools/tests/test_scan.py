"""What a scan finds on virtual lines, in simulated time: every meter, every trouble, within its budget."""

import asyncio
import errno
import termios
from collections.abc import Callable

import pytest

from gateway import catalogue
from gateway.acquire.channel import RtuChannel
from gateway.acquire.master import WireClosed
from gateway.acquire.scan import Scan, scanned
from gateway.acquire.scan_plan import EVERYBODY
from gateway.acquire.scan_result import Expected, ScanResult
from gateway.acquire.sweep import WAIT_S, Proof, Sweep
from gateway.acquire.wire import OpenedWire, Settings
from tools.factory.faults import BabblingMeter, DuplicatedAddress, Echo
from tools.factory.memory_line import open_memory_line
from tools.factory.serial_settings import LineSettings
from tools.factory.station import Station
from tools.factory.wire import Line
from tools.tests.simulated_line import (
    LOAD,
    PLAIN,
    dlt645,
    line,
    refusing,
    riddle,
    scan,
    serve,
    simulate,
    station,
    wire_onto,
)  # fmt: skip

SILENT_MS_MAX = 32
EMPTY_S_MAX = 10
LINE_S_MAX = 60
AT_9600 = {"baud": 9600, "parity": "N"}


def swept(*stations: Station) -> tuple[Sweep, float]:
    async def main() -> Sweep:
        wire = wire_onto(line(stations))
        await wire.open(Settings(9600, "N"))
        sweep = Sweep(RtuChannel(wire, Settings(9600, "N")))
        for address in EVERYBODY:
            await sweep.look(address)
        await sweep.finish()
        wire.close()
        return sweep

    return simulate(main)


def test_an_empty_line_at_one_setting_takes_ten_seconds_at_most() -> None:
    """247 addresses at 9600 baud, each waited for less than the bound."""
    sweep, seconds = swept()

    assert not sweep.proofs
    assert WAIT_S * 1000 <= SILENT_MS_MAX
    assert seconds <= EMPTY_S_MAX


@pytest.mark.parametrize("turnaround_ms", [5, 20, 40, 60, 100, 150, 151, 160, 175, 300])
@pytest.mark.parametrize("address", [1, 100, 247])
def test_a_slow_meter_is_found(turnaround_ms: int, address: int) -> None:
    """A late answer counts for the address it carries, also if it ran into the next request."""
    sweep, _ = swept(station(address, riddle, turnaround_ms=turnaround_ms))

    assert [proof.address for proof in sweep.proofs.values() if proof.answers] == [address]


def test_slow_meters_side_by_side_are_all_found() -> None:
    """Their late answers hit one another's requests, and the second look sorts them out."""
    slow = [station(address, riddle, turnaround_ms=150) for address in (5, 6, 30, 247)]
    sweep, _ = swept(station(7, riddle), *slow)

    assert sorted(sweep.proofs) == [5, 6, 7, 30, 247]


def test_a_line_of_four_is_fully_reported_within_a_minute() -> None:
    """A meter at 19200 8E1, a DL/T 645 meter at 2400 8E1, two meters on one address, and one nobody knows."""
    stations = [
        station(77, serve("schneider-iem3155"), settings=LineSettings(19_200, "E", 1)),
        dlt645("000000190101"),
        station(5, serve("eastron-sdm630")),
        station(5, riddle, turnaround_ms=9),
        station(30, riddle),
    ]

    result = scan(line(stations))

    found = {each.address: (str(each.settings), each.model, each.confidence) for each in result.found}
    assert found == {
        77: ("19200 8E1", "schneider-iem3155", "high"),
        "000000190101": ("2400 8E1", "dlt645-2007", "high"),
        30: ("9600 8N1", None, None),
    }
    assert [(trouble.kind, trouble.address) for trouble in result.trouble] == [("two_meters_one_address", 5)]
    assert result.seconds <= LINE_S_MAX


def test_an_expected_but_silent_meter_is_named() -> None:
    """With the names of the site file."""
    expected = [Expected("main", 3, "eastron-sdm630"), Expected("press-1", 9, "abb-b23"), Expected("hall", "000000190102", "dlt645-2007")]

    result = scan(line([station(3, riddle)]), expected=expected, site_settings=Settings(9600, "N"), budget_s=20)

    silent = [trouble for trouble in result.trouble if trouble.kind == "expected_but_silent"]
    assert [trouble.address for trouble in silent] == [9, "000000190102"]
    assert "press-1" in silent[0].evidence


@pytest.mark.parametrize("first", [0, 40])
def test_two_meters_on_one_address_are_told(first: int) -> None:
    """Whether their answers collide or come one after the other."""
    result = scan(line([station(5, riddle), station(5, riddle, turnaround_ms=9 + first)]), **AT_9600)

    assert [(trouble.kind, trouble.address) for trouble in result.trouble] == [("two_meters_one_address", 5)]
    assert not result.found


def test_a_twin_that_answers_now_and_then_differently_is_told() -> None:
    """The fault of the virtual factory is seen as well."""
    result = scan(line([station(5, riddle, DuplicatedAddress())]), **AT_9600)

    assert [trouble.kind for trouble in result.trouble] == ["two_meters_one_address"]


def test_an_echo_is_told_and_hides_nobody() -> None:
    """The meter is found although every request comes back."""
    result = scan(line([station(5, riddle)], faults=[Echo()]), **AT_9600)

    assert [trouble.kind for trouble in result.trouble] == ["echo"]
    assert [each.address for each in result.found] == [5]


def test_a_wrong_parity_is_told() -> None:
    """Asked with even parity, a meter that does not check it answers without: damaged here, good there."""
    result = scan(line([station(5, riddle, checks_parity=False)]), baud=9600, parity="E")

    assert [(trouble.kind, trouble.address) for trouble in result.trouble] == [("wrong_parity", 5)]
    assert [str(each.settings) for each in result.found] == ["9600 8N1"]


def test_a_parity_other_than_the_site_files_is_told() -> None:
    """The meter is there, but the gateway would not hear it."""
    meter = station(5, riddle, settings=LineSettings(9600, "E", 1))

    result = scan(line([meter]), site_settings=Settings(9600, "N"), expected=[Expected("press", 5, "eastron-sdm630")], budget_s=25)

    assert [(trouble.kind, trouble.address) for trouble in result.trouble] == [("wrong_parity", 5)]


def test_a_line_that_is_never_quiet_is_told() -> None:
    """A babbling meter does not keep the scan from ending."""
    result = scan(line([station(9, riddle, BabblingMeter(1.0))], seed=3), budget_s=40)

    assert result.seconds <= 60
    assert result.trouble


def test_a_meter_that_refuses_everything_is_there_all_the_same() -> None:
    """An exception is an answer."""
    result = scan(line([station(5, refusing)]), **AT_9600)

    assert [(each.address, each.model) for each in result.found] == [(5, None)]


@pytest.mark.parametrize(
    ("model", "sure"),
    [
        ("abb-b23", "high"),
        ("carlo-gavazzi-em340", "high"),
        ("socomec-diris-a10", "high"),
        ("schneider-pm5110", "high"),
        ("sunspec-meter-int", "high"),
        ("shiftwatt-submeter", "high"),
    ],
)
def test_a_meter_that_names_itself_is_known(model: str, sure: str) -> None:
    """By its identification registers or its SunSpec chain, with values to compare with the display."""
    result = scan(line([station(5, serve(model))]), **AT_9600)

    (found,) = result.found
    assert (found.model, found.confidence) == (model, sure)
    assert found.values["voltage_l1_n"].startswith("230.1")


def silent_about_itself(model: str) -> object:
    answers = serve(model)
    return lambda pdu, now_us: bytes((pdu[0] | 0x80, 1)) if pdu[0] in (43, 17) else answers(pdu, now_us)


@pytest.mark.parametrize("model", ["eastron-sdm630", "janitza-umg96rm", "weidmueller-em525"])
def test_physics_names_a_meter_that_does_not(model: str) -> None:
    """Its map is the one by which the voltage is one and P = U x I x PF; what fits as well is named."""
    result = scan(line([station(5, silent_about_itself(model))]), **AT_9600)  # type: ignore[arg-type]

    (found,) = result.found
    assert model == found.model or model in found.evidence
    assert "U x I" in found.evidence


def test_swapped_words_are_seen_by_physics() -> None:
    """The map fits with the other word order only: that is told, and no model is claimed."""
    answers = serve("eastron-sdm630")

    def swapped(pdu: bytes, now_us: int) -> bytes:
        if pdu[0] in (43, 17):
            return bytes((pdu[0] | 0x80, 1))
        said = answers(pdu, now_us) or b""
        if said[0] & 0x80:
            return said
        words = [said[at : at + 2] for at in range(2, len(said), 2)]
        pairs = [words[at + 1] + words[at] for at in range(0, len(words) - 1, 2)]
        return said[:2] + b"".join(pairs) + (words[-1] if len(words) % 2 else b"")

    (found,) = scan(line([station(5, swapped)]), **AT_9600).found

    assert found.model is None
    assert "eastron-sdm630 with its words swapped" in found.evidence


def test_a_dlt645_meter_is_called_by_its_number_where_several_answer() -> None:
    """The wildcard collides and is told; those the site file names are read."""
    pair = [dlt645("000000190101"), dlt645("000000190102", values=LOAD | {"voltage_l1_n": 228_000})]

    result = scan(line(pair), expected=[Expected("hall", "000000190102", "dlt645-2007")], baud=2400, parity="E")

    assert [each.address for each in result.found] == ["000000190102"]
    assert "garbled" in [trouble.kind for trouble in result.trouble]


def test_a_meter_that_needs_silence_after_others_is_found() -> None:
    """It misses every request of the quick look and is asked once more after a silence."""
    shy = Station("shy", 6, serve("eastron-sdm120"), turnaround_us=(8_000, 8_000), quiet_us=100_000)

    result = scan(line([shy, station(5, riddle)]), **AT_9600)

    assert [(each.address, each.model) for each in result.found] == [(5, None), (6, "eastron-sdm120")]


class Terminal:
    """A pseudo-terminal of somebody else: it has no parity and takes any baud rate, and all meters hear it."""

    def __init__(self, found: Line) -> None:
        self._line = found
        self.refused: list[str] = []

    async def connect(self, settings: Settings, factory: Callable[[], asyncio.Protocol]) -> tuple[object, object]:
        if settings.parity != "N":
            self.refused.append(str(settings))
            raise termios.error(errno.EINVAL, "Invalid argument")
        return await open_memory_line(self._line, factory, PLAIN)


def scan_terminal(*stations: Station, **wishes: object) -> tuple[ScanResult, Terminal]:
    terminal = Terminal(line(stations))

    async def main() -> ScanResult:
        return await scanned(Scan(OpenedWire(terminal.connect), "memory", catalogue.meters(), **wishes))  # type: ignore[arg-type]

    return simulate(main)[0], terminal


def test_settings_that_a_port_has_not_are_passed_over() -> None:
    """A port without parity finds who speaks without; where nobody could be asked, `searched` says so."""
    result, terminal = scan_terminal(station(1, serve("eastron-sdm630")))

    asked = {str(each.settings): each.addresses for each in result.searched}
    assert [each.address for each in result.found] == [1]
    assert terminal.refused
    assert all(not asked[each] for each in terminal.refused)
    assert asked["9600 8N1"] == 247


def test_a_port_that_has_none_of_the_settings_ends_the_scan() -> None:
    """With the reason, instead of nobody found."""
    with pytest.raises(WireClosed, match="cannot be set to 9600 8E1"):
        scan_terminal(station(1, serve("eastron-sdm630")), baud=9600, parity="E")


def test_meters_on_a_port_that_takes_any_baud_rate_are_found_once() -> None:
    """The same model with the same counters at another rate is the same meter; its evidence says so, and all addresses are asked once."""
    result, _ = scan_terminal(station(1, serve("eastron-sdm630")), station(77, serve("abb-b23")))

    assert [(each.address, str(each.settings)) for each in result.found] == [(1, "9600 8N1"), (77, "9600 8N1")]
    assert "takes no notice of its baud rate" in result.found[0].evidence


def test_two_meters_of_one_address_at_two_rates_are_two() -> None:
    """Another counter is another meter."""
    other = {**LOAD, "active_energy_import": 7_000_000}
    result = scan(
        line(
            [
                station(1, serve("eastron-sdm630"), settings=LineSettings(9600, "N", 1)),
                station(1, serve("eastron-sdm630", other), settings=LineSettings(19_200, "N", 1)),
            ]
        )
    )

    assert [(each.address, each.settings.baud) for each in result.found] == [(1, 9600), (1, 19_200)]


def test_a_line_with_all_its_meters_silent_is_told_in_time() -> None:
    """Thirty names of the site file, A and B exchanged: each is named, and nobody waits for them one after the other for minutes."""
    named = [Expected(f"m{address}", address, "eastron-sdm630") for address in range(1, 31)]

    result = scan(line([]), expected=named, site_settings=Settings(9600, "N"))

    assert [each.address for each in result.trouble] == [each.address for each in named]
    assert result.seconds <= LINE_S_MAX


def test_two_damaged_answers_of_four_are_two_meters_and_one_is_noise() -> None:
    """Whose answers sometimes come whole is still not alone at its address."""
    assert Proof(5, clean=2, damaged=2, doubled=0, turnaround_s=0.01).disturbed
    assert Proof(5, clean=3, damaged=1, doubled=0, turnaround_s=0.01).answers
