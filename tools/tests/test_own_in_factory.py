"""The factory's own submeters: the real firmware on the virtual line, what it is fed with, and its simulated twin."""

import asyncio
import os
import shutil
import subprocess
import tomllib
import tty
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pytest

import tools
from firmware import flash_plan
from firmware.counter_journal import TEN_SECONDS, CounterJournal
from firmware.rtc_plan import COUNTERS
from gateway import catalogue
from gateway.acquire.care import Care
from gateway.acquire.client import make_client
from gateway.acquire.framing import RtuFraming, Stray
from gateway.acquire.line_log import LineLog
from gateway.acquire.master import Master
from gateway.acquire.owner import LineOwner
from gateway.acquire.schedule import Schedule
from gateway.acquire.station import Station as Asked
from gateway.acquire.station import StationSpec
from gateway.clock import SystemClock
from gateway.site import LineTable, MeterTable
from protocols.frame import rtu_frame
from protocols.pdu import ReadRequest, WriteRegister, encode_request
from protocols.reading import Event, Reading
from tools import submeter
from tools.bench.journal_trial import RtcMemory
from tools.board import carried
from tools.board.flash import SimulatedFlash
from tools.board.wishes import SubmeterError, configuration
from tools.factory import own_submeters, waveform
from tools.factory.equipment import OWN, Place
from tools.factory.factory import SETTINGS, Factory, opened_before
from tools.factory.own_submeters import OwnSubmeters, count_on, flash_of, why_simulated
from tools.factory.pace import Pace
from tools.factory.pty_line import PtyLine
from tools.factory.remote_station import RemoteStation
from tools.factory.wire import Line
from tools.flashing import tree
from tools.flashing.kept import kept

ENERGY = "active_energy_import"
START_MS = SystemClock().now_ms()
FACTORY = Factory(1, opened_before(START_MS, 1))
LATCH = 1092


class Device:
    """The far end of a bridge: what it heard, and a way to speak."""

    def __init__(self) -> None:
        self.near, far = os.openpty()
        tty.setraw(far)
        os.set_blocking(self.near, False)  # hearing nothing is an error, not a wait
        self.station = RemoteStation("device", 8, os.ttyname(far))
        os.close(far)
        self.line = Line([self.station], SETTINGS, random=Random(1))

    def heard(self) -> bytes:
        return os.read(self.near, 4096)

    def close(self) -> None:
        self.station.close()
        os.close(self.near)


@pytest.fixture
def device() -> Iterator[Device]:
    found = Device()
    yield found
    found.close()


ASKED = rtu_frame(8, encode_request(ReadRequest(3, 100, 2)))
SAID = rtu_frame(8, bytes((3, 4, 0, 1, 0, 2)))


def send(device: Device, frame: bytes) -> int:
    """The line's time when all have heard it."""
    device.line.master_sends(0, frame)
    ended_us = SETTINGS.wire_us(len(frame)) + SETTINGS.silence_us
    device.line.advance(ended_us)
    return ended_us


@pytest.mark.parametrize(
    "frame", [ASKED, rtu_frame(0, encode_request(WriteRegister(LATCH, 7))), rtu_frame(3, b"\x03\x02\x00\x01"), b"\x08noise"]
)
def test_a_device_hears_what_is_on_the_line_byte_for_byte(device: Device, frame: bytes) -> None:
    """Its own requests, broadcasts, what others say and what is broken."""
    send(device, frame)

    assert device.heard() == frame


def test_its_answer_takes_its_wire_time_when_it_comes(device: Device) -> None:
    """In two pieces, a while after the question, and it stands in the truth."""
    asked_us = send(device, ASKED)
    os.write(device.near, SAID[:3])
    early = device.station.take()
    os.write(device.near, SAID[3:])
    frame = device.station.take()
    device.line.station_sends(asked_us + 9_000, device.station, frame)
    heard = device.line.advance(asked_us + 9_000 + SETTINGS.wire_us(len(SAID)))

    assert early == b""
    assert b"".join(piece for _, piece in heard) == SAID
    assert heard[-1][0] == asked_us + 9_000 + SETTINGS.wire_us(len(SAID))
    assert [(reply.asked, reply.said, reply.delivered) for reply in device.line.truth] == [(ASKED[1:-2], SAID[1:-2], True)]


def test_a_device_that_was_cut_off_is_in_step_again(device: Device) -> None:
    """Half an answer and a broken one are left out, the next whole one is taken."""
    send(device, ASKED)
    os.write(device.near, SAID[:-1] + b"?")
    broken = device.station.take()
    os.write(device.near, SAID)

    assert (broken, device.station.take()) == (b"", SAID)


@pytest.mark.parametrize("place", OWN, ids=lambda place: place.name)
def test_the_samples_hold_the_power_of_the_load(place: Place) -> None:
    """Their mean power over a round is that of the factory's own source over the same time, to a thousandth."""
    source = FACTORY.sources[place.name]
    found = memoryview(waveform.samples(source, START_MS)).cast("h")
    seconds = len(found) // 6 // waveform.RATE_HZ
    scale = waveform.FULL_SCALE_MV / 32_767 * waveform.FULL_SCALE_MA / 32_767
    product = sum(found[index] * found[index + 1] for index in range(0, len(found), 2))
    mean_uw = product * scale / (len(found) // 6)
    energy_uj = source.energy_uj(START_MS + seconds * 1_000) - source.energy_uj(START_MS)

    assert mean_uw == pytest.approx(energy_uj / seconds, rel=0.001)


def test_a_flash_counts_on_from_what_history_says_and_never_back(tmp_path: Path) -> None:
    """A later value is taken over, an earlier one is not."""
    flash = tmp_path / "flash"
    counters = dict(FACTORY.counters("cooling", START_MS))
    earlier = FACTORY.counters("cooling", START_MS - 3_600_000)
    for given in (counters, earlier):
        count_on(flash, given)

    assert own_counters(flash)[0] == counters[ENERGY] > earlier[ENERGY]


def own_counters(flash: Path) -> list[int]:
    """What the journal finds in it."""
    with flash.open("r+b", buffering=0) as file:
        device = SimulatedFlash(file, flash_plan.BLOCKS, Random(1))
        return list(CounterJournal(device, flash_plan.JOURNAL, TEN_SECONDS, RtcMemory(), lambda: 1, COUNTERS).saved)


def test_beyond_what_the_interpreter_follows_they_are_simulated() -> None:
    """And the reason is a sentence for the person."""
    assert "--speed" in why_simulated(own_submeters.SPEED_MAX + 1)


def test_the_demo_installs_what_they_run_on() -> None:
    """In a fresh clone, with nothing but the demo's extra, they are the real firmware."""
    installed = tomllib.loads(Path(tools.__path__[0], "..", "pyproject.toml").read_text())["project"]["optional-dependencies"]["demo"]

    assert {each.partition(">")[0] for each in installed} >= set(submeter.NEEDED.values())


def test_without_interpreter_or_compiler_they_are_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says what to install."""
    monkeypatch.setattr(submeter, "NEEDED", {"no_such_module": "its-wheel"})

    with pytest.raises(SubmeterError, match="pip install its-wheel"):
        submeter.require_interpreter()
    assert "MicroPython is not installed here" in why_simulated(1)


def test_what_is_compiled_ahead_is_not_compiled_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A submeter that is waited for only copies its files."""
    made: list[object] = []

    def make(*asked: object) -> dict[str, bytes]:
        made.append(asked)
        return {"firmware/main.mpy": b"compiled"}

    monkeypatch.setattr(tree, "_made", make)
    monkeypatch.setattr(tree, "kept", partial(kept, folder=tmp_path / "kept"))
    carried.compile_ahead()
    ahead = len(made)
    carried.lay_out(tmp_path / "board")

    assert (ahead, len(made)) == (3, 3)


class Bus:
    """The gateway's line owner and care on the factory's line, in real time, for as long as told."""

    def __init__(self, link: Path) -> None:
        table = LineTable(name="bus", port=str(link), baud=19_200)
        model = catalogue.meters()["shiftwatt-submeter"]
        self.readings: list[Reading] = []
        self.events: list[Event] = []
        self.stations = [
            Asked(
                StationSpec(MeterTable(name=p.name, line="bus", address=p.address, model=model.name, role="load"), table, model, (ENERGY,))
            )
            for p in OWN
        ]
        self._table, self._clock = table, SystemClock()

    async def live(self, seconds: float) -> None:
        owners: list[LineOwner] = []

        def stray(frame: Stray) -> None:
            owners[0].stray(frame)

        schedule = Schedule(self.stations, 1.0, lambda now_ms: now_ms + 1_000, asyncio.get_running_loop().time())
        log = LineLog(self._clock, self.events.append, 7)
        master = Master(partial(make_client, self._table), stray, None)
        owner = LineOwner(self._table, self.stations, master, RtuFraming, schedule, self._clock, self.readings.append, log, 7)
        owners.append(owner)
        care = Care(owner, self.stations, self._clock, self.readings.append, log, lambda _name, _now_ms: [])
        tasks = [asyncio.create_task(owner.run()), asyncio.create_task(care.run())]
        await asyncio.sleep(seconds)
        for task in tasks:
            assert not task.done(), task.exception()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def test_two_real_ones_are_latched_set_and_looked_after(tmp_path: Path) -> None:
    """On one line with the simulated meters: one instant for both, clocks set, quality read, counters that go on from history."""
    if find_spec("micropython_unix") is None:
        pytest.skip("the MicroPython interpreter is not installed")
    own = OwnSubmeters(FACTORY, tmp_path, START_MS, 1.0)
    own.start()
    try:
        line = FACTORY.line(START_MS, {}, own.stations({}))
        with PtyLine(line, tmp_path / "bus", Pace()):
            first, bus = Bus(tmp_path / "bus"), Bus(tmp_path / "bus")
            asyncio.run(first.live(4.0))
            asyncio.run(bus.live(4.0))  # a gateway that looks at them for the first time finds what the other has set
            polled = mbpoll(tmp_path / "bus")
    finally:
        own.stop()

    rounds = by_latch(bus.readings)
    found_first = first.stations[0].submeter
    assert rounds
    assert found_first is not None
    assert found_first.clock_state == "unset"
    assert max(abs(a - b) for a, b in rounds) <= 1_000  # both within one measuring window
    for station in bus.stations:
        counted = [each.values[ENERGY] for each in bus.readings if each.meter == station.name and ENERGY in each.values]
        from_mwh = FACTORY.counters(station.name, START_MS)[ENERGY]
        assert station.submeter is not None
        assert (station.submeter.clock_state, station.submeter.boots) == ("set", 1)
        assert station.submeter.coverage_hundredths_pct is not None
        assert counted == sorted(counted)
        assert from_mwh <= counted[0] <= counted[-1] <= from_mwh + 200_000  # minutes at 10 kW
    assert polled is None or polled == pytest.approx(230.6, abs=0.1)
    assert flash_of(tmp_path, "cooling").exists()


def test_each_has_a_serial_number_of_its_own(tmp_path: Path) -> None:
    """As two meters of a line have in life."""
    own = OwnSubmeters(FACTORY, tmp_path, START_MS, 1.0)

    numbers = {configuration(run.submeter.wishes, {}, {})["serial_number"] for run in own._runs}

    assert len(numbers) == len(OWN)


def by_latch(readings: list[Reading]) -> list[tuple[int, int]]:
    """The instants of both in each round."""
    times = [[each.time_ms or 0 for each in readings if each.meter == place.name and "active_power" in each.values] for place in OWN]
    return list(zip(*times, strict=False))[1:]


def mbpoll(link: Path) -> float | None:
    """L1's voltage as a program of others reads it; None where it is not installed."""
    if shutil.which("mbpoll") is None:
        return None
    words = [
        "mbpoll",
        "-m",
        "rtu",
        "-a",
        "8",
        "-b",
        "19200",
        "-P",
        "none",
        "-t",
        "4:int",
        "-B",
        "-0",
        "-r",
        "100",
        "-c",
        "1",
        "-1",
        str(link),
    ]
    said = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False).stdout
    found = [line.split()[1] for line in said.splitlines() if line.startswith("[100]")]
    assert found, said
    return int(found[0]) / 1_000


def test_the_simulated_twin_knows_latch_and_clock() -> None:
    """Copies hold what was at the latch, with its number; the clock is as it was set."""
    twin = Factory(1, opened_before(START_MS, 1)).meters["cooling"]
    at_ms, later_ms = START_MS, START_MS + 60_000

    def words(address: int, count: int, time_ms: int) -> bytes:
        return twin.serve(encode_request(ReadRequest(3, address, count)), time_ms)[2:]

    before = words(1147, 4, at_ms)
    twin.serve(encode_request(WriteRegister(LATCH, 77)), at_ms)
    then = words(147, 4, at_ms)

    assert before == b"\xff" * 8
    assert words(1147, 4, later_ms) == then != words(147, 4, later_ms)
    assert words(LATCH, 4, later_ms) == (77).to_bytes(2, "big") + bytes(2) + (60_000).to_bytes(4, "big")
    assert words(323, 1, later_ms) == bytes(2)
