"""The submeter's network on real MicroPython: put into service over its own access point, in trouble, and with a time server."""

import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from tools.bench.network_trouble import peace, report, trouble
from tools.board import network_script
from tools.board.network_script import NetworkScript
from tools.board.wishes import SubmeterError
from tools.command import app
from tools.tests.test_submeter import BOOTS, LOCK, Running, master, needs_micropython, number, running, until

CLOCK, CLOCK_STATE = 400, 323
QUESTION = bytes.fromhex("1234 0100 0001 0000 0000 0000 07 6578616d706c65 00 0001 0001")
SHARE = 20  # of the command's hour
NOW_S = 1_780_000_000


def script(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def fetched(url: str, **form: str) -> str:
    with urlopen(url, urlencode(form).encode() if form else None, timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def said_name(meter: Running) -> bytes:
    """What the meter's own access point answers to a question for a name."""
    line = next(line for line in meter.lines if line.startswith("DNS"))
    answers: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(0.5)  # as phones ask again until the access point is up
        asker.connect(("127.0.0.1", int(re.findall(r":(\d+)", line)[0])))

        def ask() -> bool:
            asker.send(QUESTION)
            answers.append(asker.recv(512))
            return True

        until(ask)
    return answers[0]


@needs_micropython
def test_a_new_meter_is_put_into_service_over_its_own_access_point(tmp_path: Path) -> None:
    """Every name leads to its page, the form there is taken, and after a restart it is online, with the password in no page."""
    around = script(tmp_path / "script", '0 network "hall 2" "correct horse"')
    words = ("--tcp", "127.0.0.1:0", "--page", "127.0.0.1:0", "--network-script", around, "--flash", tmp_path / "flash", "--speed", 20)
    with running(*words) as meter:
        named = said_name(meter)
        form = fetched(f"{meter.page}settings")
        token = re.findall("name=token value=([0-9]+)", form)[0]
        with pytest.raises(HTTPError, match="422"):
            fetched(f"{meter.page}settings", token=token, ssid="hall 2", password="short")
        saved = fetched(
            f"{meter.page}settings", token=token, ssid="hall 2", password="correct horse", name="press 3", unit_address="9", baud="19200"
        )
        shown: list[str] = []

        def online() -> bool:
            shown.append(fetched(meter.page))
            return "connected" in shown[-1]

        until(online)
        with master(meter) as client:
            boots, unit = number(client, BOOTS, 2, 9), number(client, 516, 1, 9)
        locked = fetched(f"{meter.page}settings?lang=zh")

    assert named[-4:] == bytes((192, 168, 4, 1))
    assert "The meter restarts" in saved
    assert ("<h1>press 3</h1>" in shown[-1], "hall 2" in shown[-1], "192.168.1.77" in shown[-1]) == (True, True, True)
    assert "锁定" in locked
    assert "correct horse" not in "".join([form, saved, locked, *shown])
    assert (boots, unit) == (2, 9)


@needs_micropython
def test_the_button_unlocks_the_meter(tmp_path: Path) -> None:
    """Held for three seconds of the meter's time it unlocks what the key unlocks."""
    around = script(tmp_path / "script", "2 button 4")
    with running("--tcp", "127.0.0.1:0", "--network-script", around, "--speed", 20) as meter, master(meter) as client:
        before = number(client, LOCK + 2, 1)
        until(lambda: number(client, LOCK + 2, 1) > 0)

    assert before == 0


@contextmanager
def time_server() -> Iterator[int]:
    """Answers every question with the second `NOW_S`."""
    seconds = NOW_S + 2_208_988_800
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    question, asker = server.recvfrom(48)
                except TimeoutError:
                    continue
                stamps = struct.pack(">IIII", seconds, 0, seconds, 0)
                server.sendto(bytes((0x24, 2)) + bytes(22) + question[40:48] + stamps, asker)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        over.set()
        thread.join()


@needs_micropython
def test_a_time_server_of_the_network_sets_the_clock(tmp_path: Path) -> None:
    """As soon as the meter is online its clock is synchronised, to the server's time."""
    with time_server() as port:
        around = script(tmp_path / "script", "meter workshop", f"time-server 127.0.0.1:{port}", "0 network workshop")
        with running("--tcp", "127.0.0.1:0", "--network-script", around, "--speed", 4) as meter, master(meter) as client:
            until(lambda: number(client, CLOCK_STATE, 1) == 2)
            clock_ms = number(client, CLOCK, 4)

    assert 0 <= clock_ms - NOW_S * 1000 < 60_000


@needs_micropython
def test_trouble_in_the_network_changes_neither_energy_nor_answers(capsys: pytest.CaptureFixture[str]) -> None:
    """Access point gone, DHCP gone, clients that hang: the same energy to the mWh, and no request of the line unanswered."""
    seconds = 4_500 // SHARE
    calm = peace(seconds, 100)
    troubled = trouble(seconds, 100, (15, 120), (140, 215))
    with capsys.disabled():
        print(f"\none {SHARE}th of tools.bench.network_trouble: " + report("", calm, troubled).strip())

    assert troubled.energy_mwh == calm.energy_mwh > 0
    assert (calm.unanswered, troubled.unanswered) == (0, 0)
    assert {"wifi: gone", "wifi: not_found"} <= set(troubled.words)


def test_a_script_is_read_line_by_line(tmp_path: Path) -> None:
    """Comments and empty lines are passed over, events come in the order of their seconds, quotes hold blanks together."""
    found = network_script.read(
        script(
            tmp_path / "s",
            "# a workshop",
            "",
            'meter "hall 2" secret-word',
            "time-server 10.0.0.1:123",
            "20 dhcp gone",
            '10 network "hall 2" secret-word',
            "30 signal -85",
            "40 gone",
            "50 button 3.5",
        )
    )

    assert found == NetworkScript(
        (
            [10.0, "name", "hall 2"],
            [10.0, "password", "secret-word"],
            [10.0, "there", True],
            [20.0, "dhcp", False],
            [30.0, "signal", -85],
            [40.0, "there", False],
            [50.0, "button", 3.5],
        ),
        {"ssid": "hall 2", "password": "secret-word"},
        ("10.0.0.1", 123),
    )


@pytest.mark.parametrize(
    "line", ["ten gone", "10 explode", "10 dhcp maybe", "10 signal 20", "10 network", "10", '10 network "open', "meter"]
)
def test_a_line_that_is_not_understood_is_named(line: str, tmp_path: Path) -> None:
    """File, line and what stands there."""
    with pytest.raises(SubmeterError, match="line 2 is not understood"):
        network_script.read(script(tmp_path / "s", "# first", line))


def test_a_script_that_is_not_there_ends_with_a_sentence(tmp_path: Path) -> None:
    """Status 1, before anything starts."""
    result = CliRunner().invoke(app, ["submeter", "--link", str(tmp_path / "line"), "--network-script", str(tmp_path / "none")])

    assert (result.exit_code, "cannot be read" in result.stderr) == (1, True)
