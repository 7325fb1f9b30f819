"""The virtual line behind a pseudo-terminal, read by masters that are not ours."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial  # type: ignore[import-untyped]
from pymodbus.client import ModbusSerialClient
from pymodbus.exceptions import ModbusIOException

from tools.factory import protocol_virtual
from tools.factory.faults import AdapterUnplugged
from tools.factory.pace import Pace
from tools.factory.pty_line import PtyLine
from tools.factory.serial_settings import LineSettings
from tools.factory.wire import Line
from tools.tests.factory_bench import line, reply, request, station

EVEN = LineSettings(19_200, "E", 1)
PATIENCE_S = 10.0  # for things that happen within milliseconds unless the machine is very busy


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    known = list(serial.protocol_handler_packages)
    protocol_virtual.register()
    yield
    serial.protocol_handler_packages[:] = known


def client(port: str, settings: LineSettings) -> ModbusSerialClient:
    return ModbusSerialClient(port, baudrate=settings.baud, parity=settings.parity, stopbits=settings.stop_bits, timeout=0.4, retries=0)


def registers(port: str, settings: LineSettings, address: int = 5) -> list[int] | None:
    """What pymodbus reads of registers 40 to 59; None if nobody answers."""
    master = client(port, settings)
    assert master.connect()
    try:
        answer = master.read_input_registers(40, count=20, device_id=address)
        return None if answer.isError() else list(answer.registers)
    except ModbusIOException:
        return None
    finally:
        master.close()  # type: ignore[no-untyped-call]


def test_pymodbus_reads_through_the_announcing_url(tmp_path: Path) -> None:
    """With the right settings every register arrives."""
    with PtyLine(line([station(5), station(6)], EVEN), tmp_path / "bus") as wire:
        read = registers(f"virtual://{wire.link}", EVEN)

    assert read == list(range(40, 60))


@pytest.mark.parametrize("wrong", [LineSettings(19_200, "N", 1), LineSettings(19_200, "O", 1), LineSettings(9_600, "E", 1)])
def test_a_wrong_setting_is_silence_through_the_url(tmp_path: Path, wrong: LineSettings) -> None:
    """Parity and baud are carried beside the terminal, and count."""
    with PtyLine(line([station(5)], EVEN), tmp_path / "bus") as wire:
        read = registers(f"virtual://{wire.link}", wrong)

    assert read is None


def test_the_plain_link_knows_baud_but_not_parity(tmp_path: Path) -> None:
    """A program that knows nothing of the URL opens the link like any port: a wrong baud is silence there too, but a
    pseudo-terminal carries no parity, so that a wrong one stays untested."""
    no_parity = LineSettings(19_200, "N", 1)
    with PtyLine(line([station(5)], EVEN), tmp_path / "bus") as wire:
        wrong_parity = registers(str(wire.link), no_parity)
        wrong_baud = registers(str(wire.link), LineSettings(9_600, "N", 1))

    assert wrong_parity == list(range(40, 60))
    assert wrong_baud is None


def test_settings_are_announced_while_open_and_withdrawn_after(tmp_path: Path) -> None:
    """The file beside the link is there from opening to closing and follows a change."""
    with PtyLine(line([station(5)], EVEN), tmp_path / "bus") as wire:
        port = serial.serial_for_url(f"virtual://{wire.link}", baudrate=9_600, parity="E", stopbits=2)
        at_first = protocol_virtual.announced(wire.link)
        port.baudrate = 38_400
        changed = protocol_virtual.announced(wire.link)
        port.close()

        assert at_first == LineSettings(9_600, "E", 2)
        assert changed == LineSettings(38_400, "E", 2)
        assert protocol_virtual.announced(wire.link) is None


def test_the_announcement_of_a_dead_program_counts_no_more(tmp_path: Path) -> None:
    """A settings file left behind by a killed process does not silence the next opener."""
    with PtyLine(line([station(5)], EVEN), tmp_path / "bus") as wire:
        ended = subprocess.Popen(["true"])
        ended.wait()
        protocol_virtual.settings_file(wire.link).write_text(json.dumps([9_600, "N", 1, ended.pid]))
        read = registers(str(wire.link), LineSettings(19_200, "N", 1))

    assert read == list(range(40, 60))


def test_an_exclusive_opener_keeps_others_out(tmp_path: Path) -> None:
    """The second program gets an error, as on a real port."""
    with PtyLine(line([station(5)]), tmp_path / "bus") as wire:
        url = f"virtual://{wire.link}"
        with serial.serial_for_url(url, exclusive=True), pytest.raises(serial.SerialException, match="lock"):
            serial.serial_for_url(url, exclusive=True)


def test_a_reply_takes_its_wire_time(tmp_path: Path) -> None:
    """The last byte comes no earlier than request, silence, turnaround and reply take on the wire."""
    settings = LineSettings(2_400, "E", 1)
    wire = line([station(5)], settings)
    with PtyLine(wire, tmp_path / "bus") as shell, serial.serial_for_url(f"virtual://{shell.link}", baudrate=2_400, parity="E") as port:
        port.timeout = PATIENCE_S
        began_ns = time.monotonic_ns()
        port.write(request(5))
        heard = port.read(len(reply(5)))
        took_us = (time.monotonic_ns() - began_ns) // 1_000

    assert heard == reply(5)
    assert took_us >= settings.wire_us(8) + settings.silence_us + settings.wire_us(len(heard))


def test_a_fast_line_keeps_simulated_time(tmp_path: Path) -> None:
    """At a hundredfold speed an hour-long dialogue of the model fits, with the same bytes."""
    settings = LineSettings(300, "E", 1)
    with (
        PtyLine(line([station(5)], settings), tmp_path / "bus", Pace(100.0)) as shell,
        serial.serial_for_url(f"virtual://{shell.link}", baudrate=300, parity="E", timeout=PATIENCE_S) as port,
    ):
        port.write(request(5, 0, 100))
        heard = port.read(205)

    assert heard == reply(5, 0, 100)


def test_an_unplugged_adapter_takes_its_link_along(tmp_path: Path) -> None:
    """The link goes, an open port fails, the link comes back and works again."""
    wire = line([station(5)], faults=[AdapterUnplugged(0.5, window_us=100_000)])
    with PtyLine(wire, tmp_path / "bus") as shell:
        _wait_for(shell.link, there=True)
        with serial.Serial(str(shell.link), timeout=0.01) as port, pytest.raises(serial.SerialException):
            _read_until_it_fails(port)
        _wait_for(shell.link, there=False)
        _wait_for(shell.link, there=True)

    assert not shell.link.exists()


def _read_until_it_fails(port: serial.Serial) -> None:
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        port.read(1)


def _wait_for(link: Path, *, there: bool) -> None:
    ends = time.monotonic() + PATIENCE_S
    while link.exists() != there:
        assert time.monotonic() < ends, f"the link did not {'come' if there else 'go'}"
        time.sleep(0.005)


@pytest.mark.skipif(shutil.which("mbpoll") is None, reason="mbpoll is not installed here")
def test_mbpoll_reads_the_link(tmp_path: Path) -> None:
    """A C master on libmodbus gets the registers."""
    with PtyLine(line([station(5)], LineSettings(9_600, "N", 1)), tmp_path / "bus") as wire:
        command = [
            "mbpoll",
            "-m",
            "rtu",
            "-a",
            "5",
            "-b",
            "9600",
            "-P",
            "none",
            "-t",
            "3",
            "-r",
            "41",
            "-c",
            "20",
            "-1",
            "-q",
            str(wire.link),
        ]
        result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    values = [int(row.split(":")[1].split()[0]) for row in result.stdout.splitlines() if row.startswith("[")]
    assert values == list(range(40, 60)), result.stdout + result.stderr


def test_an_idle_line_sets_no_timer() -> None:
    """With nothing on the wire the model has no next event, so that the thread sleeps until somebody writes."""
    wire: Line = line([station(5)])

    assert wire.next_event_us() is None
