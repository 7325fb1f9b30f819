"""`shiftwatt flash` and `label`, with small programs in the place of esptool and mpremote that write down what they are told."""

import hashlib
import json
import os
import re
import struct
from pathlib import Path

import pytest
from pytest_mock import MockerFixture
from typer.testing import CliRunner, Result

from tools.board import wishes
from tools.command import app
from tools.flashing import label, partition_table, provision, run
from tools.flashing.chips import CHIPS, EVERY_CHIP
from tools.flashing.compiled import FlashError

FAKE = """#!/bin/sh
echo "$(basename "$0") $*" | tr '\\n' ' ' >> "{told}"; echo >> "{told}"
case "$*" in
  *"{failing}"*) echo "first line"; echo "no such thing" >&2; exit 3;;
  *_machine*) echo "{answer}";;
esac
"""
C3 = "Generic ESP32C3 module with ESP32C3 2822"
STOCK = ((1, 2, 0x9000, 0x6000, b"nvs"), (1, 1, 0xF000, 0x1000, b"phy_init"), (0, 0, 0x10000, 0x1F0000, b"factory"))


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A port that exists, the tools' stand-ins, and no waiting."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("tools.commands.flash.time.sleep", lambda _seconds: None)
    stand_in(tmp_path)
    port = tmp_path / "ttyACM0"
    port.touch()
    return port


def stand_in(folder: Path, failing: str = "nothing fails", answer: str = C3) -> None:
    for name in ("esptool", "mpremote"):
        path = folder / name
        path.write_text(FAKE.format(told=folder / "told", failing=failing, answer=answer))
        path.chmod(0o755)


def image(chip: str, entries: tuple[tuple[int, int, int, int, bytes], ...] = STOCK) -> bytes:
    """As far as `flash` looks at one: the head, and the table of partitions."""
    head = bytearray(b"\xff" * partition_table.OFFSET)
    head[0] = 0xE9
    struct.pack_into("<H", head, 12, CHIPS[chip].image_chip)
    table = b"".join(struct.pack("<HBBII16sI", 0x50AA, *entry, 0) for entry in entries)
    return bytes(head[: partition_table.OFFSET - CHIPS[chip].image_offset]) + table.ljust(0xC00, b"\xff") + b"\xff" * 0x8000


def flashed(*words: object) -> Result:
    return CliRunner().invoke(app, ["flash", *map(str, words)])


def told(board: Path) -> list[str]:
    path = board.parent / "told"
    return path.read_text().splitlines() if path.exists() else []


def test_a_board_is_written_in_its_order(board: Path, tmp_path: Path) -> None:
    """MicroPython, a table with room for the counters, then the tree; what starts the meter comes last, then its label."""
    (tmp_path / "c3.bin").write_bytes(image("esp32c3"))

    done = flashed("--chip", "esp32c3", "--port", board, "--micropython", tmp_path / "c3.bin", "--name", "press-1", "--key", 12345678)

    assert done.exit_code == 0, done.output
    lines = told(board)
    assert [re.search(r"(erase-flash|write-flash 0x\w+|exec|reset|fs cp)", line)[1] for line in lines] == [  # type: ignore[index]
        "erase-flash", "write-flash 0x0", "write-flash 0x8000", "exec", "reset", "exec", "exec", "fs cp", "fs cp", "fs cp", "reset",
    ]  # fmt: skip
    assert lines[0].startswith(f"esptool --chip esp32c3 --port {board}")
    assert [line.split()[-2].rsplit("/", 1)[1] for line in lines if " fs cp " in line] == ["recovery", "boot.py", "main.py"]
    assert "press-1" in done.output
    assert "12345678" in done.output


def test_nothing_is_copied_to_another_chip(board: Path) -> None:
    """The board says what it is before anything of it is changed for good."""
    stand_in(board.parent, answer="Generic ESP32S3 module with ESP32S3 2566")

    done = flashed("--chip", "esp32c3", "--port", board)

    assert done.exit_code == 1
    assert "the board is an esp32s3, not an esp32c3" in done.output
    assert not [line for line in told(board) if " fs cp " in line]


@pytest.mark.parametrize(("answer", "sentence"), [("ESP32C3 4102", "too old or too new"), ("", "did not say what it is")])
def test_a_strange_micropython_is_refused(board: Path, answer: str, sentence: str) -> None:
    """One whose files have another form, or a board that runs something else."""
    stand_in(board.parent, answer=answer)

    done = flashed("--chip", "esp32c3", "--port", board)

    assert (done.exit_code, sentence in done.output) == (1, True)


@pytest.mark.parametrize("failing", ["exec", "reset", "fs cp -r", "main.py"])
def test_a_step_that_fails_ends_it_with_its_words(board: Path, failing: str) -> None:
    """What failed, what the tool said last, and what to look at; the steps behind it are not done, and no label is printed."""
    stand_in(board.parent, failing=failing)

    done = flashed("--chip", "esp32c3", "--port", board, "--key", 12345678)

    assert done.exit_code == 1
    assert "mpremote ended with status 3" in done.output
    assert "no such thing" in done.output
    assert failing in told(board)[-1]
    assert "12345678" not in done.output


def test_a_dry_run_does_nothing(board: Path, tmp_path: Path) -> None:
    """It shows every step as it would be typed."""
    (tmp_path / "c3.bin").write_bytes(image("esp32c3"))

    done = flashed("--chip", "esp32c3", "--port", board, "--micropython", tmp_path / "c3.bin", "--dry-run")

    assert done.exit_code == 0
    assert f"mpremote connect {board} fs cp TREE/main.py :" in done.output.splitlines()
    assert told(board) == []


@pytest.mark.parametrize("chip", sorted(EVERY_CHIP))
def test_the_export_is_the_boards_tree(chip: str, tmp_path: Path) -> None:
    """Compiled for the chip, in its first slot and in recovery, with a main.py of two lines and what the meter was given."""
    done = flashed("--chip", chip, "--name", "press-1", "--address", 9, "--parity", "none", "--export", tmp_path / "tree")

    assert done.exit_code == 0, done.output
    files = sorted(path.relative_to(tmp_path / "tree").as_posix() for path in (tmp_path / "tree").rglob("*") if path.is_file())
    document = json.loads((tmp_path / "tree" / "configuration.json").read_text())
    assert [name for name in files if "/" not in name] == ["boot.py", "configuration.json", "main.py"]
    assert {name.rsplit("/")[0] for name in files if "/" in name} == {"lib", "recovery"}
    assert json.loads((tmp_path / "tree" / "recovery" / "configuration.json").read_text()) == document
    files.remove("recovery/configuration.json")
    assert {name.split("/")[1] for name in files if "/" in name} == {"firmware", "protocols"}
    assert all(name.endswith(".mpy") for name in files if "/" in name)
    assert not [name for name in files if "tests" in name]
    assert len((tmp_path / "tree" / "main.py").read_text().split("\n")) == 4
    assert (document["name"], document["line"]) == ("press-1", {"unit_address": 9, "baud": 9600, "parity": 0, "stop_bits": 1})
    assert 10_000_000 <= document["key"] <= 99_999_999
    assert document["uart"] == {"id": 1, "tx": EVERY_CHIP[chip].transmit, "rx": EVERY_CHIP[chip].receive}


def test_the_network_and_the_update_key_are_kept(tmp_path: Path) -> None:
    """With a network the meter listens on its two ports."""
    (tmp_path / "password").write_text("longenough\n")

    words = ("--wifi", "works", "--wifi-password", tmp_path / "password", "--update-key", "AB" * 32)
    done = flashed("--chip", "esp32s3", *words, "--export", tmp_path / "tree")

    document = json.loads((tmp_path / "tree" / "configuration.json").read_text())
    assert done.exit_code == 0, done.output
    assert document["wifi"] == {"ssid": "works", "password": "longenough"}
    assert (document["tcp"], document["page"]) == (["0.0.0.0", 502], ["0.0.0.0", 80])
    assert document["update_key"] == "ab" * 32


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (("--chip", "esp8266"), 2, "esp8266 is not known"),
        (("--chip", "pc"), 2, "pc is not known"),
        (("--chip", "esp32"), 1, "which board?"),
        (("--chip", "esp32", "--port", "/dev/not-there"), 1, "there is no port /dev/not-there"),
        (("--chip", "esp32", "--address", "248", "--baud", "4711"), 2, "248 is not between 1 and 247; 4711 baud is not one of"),
        (("--chip", "esp32", "--name", "Prüfstand"), 2, "only ASCII"),
        (("--chip", "esp32", "--wifi", "works", "--wifi-password", "/not/there"), 1, "password cannot be read"),
        (("--chip", "esp32", "--wifi-password", "/not/there"), 2, "give --wifi SSID"),
        (("--chip", "esp32", "--update-key", "ab"), 2, "64 hexadecimal digits"),
        (("--chip", "esp32", "--front-end", "/not/there"), 1, "cannot be read"),
        (("--chip", "esp32", "--micropython", "/not/there", "--dry-run"), 1, "cannot be read"),
    ],
)
def test_wrong_use_is_a_sentence(words: tuple[str, ...], status: int, sentence: str) -> None:
    """It says what is wrong, and nothing is done."""
    done = flashed(*words)

    assert (done.exit_code, sentence in done.output) == (status, True), done.output


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"kind": "pulse_input"}', "pulse_input also needs pin."),
        ('{"kind": "geiger"}', "there is no front end 'geiger'"),
        ("[1]", "is no front end"),
        ("{", "cannot be read"),
    ],
)
def test_a_front_end_that_could_not_start_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    """On the desk, not by a meter in its cabinet."""
    (tmp_path / "front_end.json").write_text(text)

    done = flashed("--chip", "esp32", "--front-end", tmp_path / "front_end.json", "--export", tmp_path / "tree")

    assert (done.exit_code, sentence in done.output) == (1, True), done.output


def test_front_ends_need_what_the_bench_wires() -> None:
    """The table of what is needed and the wirings of the simulated board are of the same kinds."""
    assert {kind: set(needed) - set(wishes.FRONT_ENDS[kind]) for kind, needed in provision.FRONT_ENDS.items()} == {
        kind: set() for kind in wishes.FRONT_ENDS
    }


def test_an_export_touches_nothing_that_is_there(tmp_path: Path) -> None:
    """A folder with something in it, and a file, are refused."""
    (tmp_path / "mine").touch()

    assert "is not empty" in flashed("--chip", "esp32", "--export", tmp_path).output
    assert "is a file" in flashed("--chip", "esp32", "--export", tmp_path / "mine").output


def test_a_missing_tool_is_named(mocker: MockerFixture) -> None:
    """Neither as a program nor as a module: the sentence says how to come by it."""
    mocker.patch("tools.flashing.run.shutil.which", return_value=None)
    mocker.patch("tools.flashing.run.find_spec", return_value=None)

    with pytest.raises(FlashError, match=r'pip install "shiftwatt\[flash\]"'):
        run.program("esptool")


@pytest.mark.parametrize("chip", sorted(CHIPS))
def test_the_counters_get_a_partition(chip: str) -> None:
    """Behind the last one where the file system takes the rest of the flash by itself; what was there stays."""
    table = partition_table.with_ours(image(chip), CHIPS[chip].image_offset)

    found = partition_table.partitions(table)
    assert [(each.name, each.offset) for each in found] == [
        ("nvs", 0x9000), ("phy_init", 0xF000), ("factory", 0x10000), ("shiftwatt", 0x200000),
    ]  # fmt: skip
    assert found[-1].size == 0x100000
    assert table[128:144] == b"\xeb\xeb" + b"\xff" * 14
    assert table[144:160] == hashlib.md5(table[:128]).digest()


def test_a_file_system_of_its_own_gives_its_end() -> None:
    """An older table names the file system; it becomes smaller, or the flash is too small."""
    table = partition_table.with_ours(image("esp32", (*STOCK, (1, 0x81, 0x200000, 0x200000, b"vfs"))), 0x1000)

    shrunk = {each.name: (each.offset, each.size) for each in partition_table.partitions(table)}
    assert shrunk["vfs"] == (0x200000, 0x100000)
    assert shrunk["shiftwatt"] == (0x300000, 0x100000)
    with pytest.raises(FlashError, match="no room"):
        partition_table.with_ours(image("esp32", (*STOCK, (1, 0x81, 0x200000, 0x100000, b"vfs"))), 0x1000)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "no MicroPython image"), (b"\0" * 0x9000, "no MicroPython image"), (image("esp32s3"), "for another chip")],
)
def test_a_wrong_image_is_refused(content: bytes, sentence: str, tmp_path: Path) -> None:
    """Before anything is erased."""
    (tmp_path / "some.bin").write_bytes(content)

    done = flashed("--chip", "esp32c3", "--micropython", tmp_path / "some.bin", "--dry-run")

    assert (done.exit_code, sentence in done.output) == (1, True)


def test_the_label_says_it_again(tmp_path: Path) -> None:
    """From the configuration of an export: the same label, and its QR code as a picture."""
    first = flashed("--chip", "esp32", "--name", "press-1", "--export", tmp_path / "tree").output
    configuration = tmp_path / "tree" / "configuration.json"

    again = CliRunner().invoke(app, ["label", str(configuration), "--qr", str(tmp_path / "label.svg")])

    assert again.exit_code == 0
    assert again.output in first
    assert (tmp_path / "label.svg").read_text().startswith("<?xml")
    document = json.loads(configuration.read_text())
    assert label.address(document) == (
        f"shiftwatt:{document['serial_number']}?name=press-1&address=1&baud=9600&parity=even&stop_bits=1&key={document['key']}"
    )


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"line": 5}'])
def test_what_is_no_configuration_has_no_label(content: str, tmp_path: Path) -> None:
    """A sentence, no label."""
    (tmp_path / "c.json").write_text(content)

    done = CliRunner().invoke(app, ["label", str(tmp_path / "c.json")])

    assert done.exit_code == 1
    assert str(tmp_path / "c.json") in done.output


def test_keys_and_serial_numbers_differ() -> None:
    """No two meters are given the same."""
    assert len({provision.random_key() for _ in range(100)}) == 100
    assert len({provision.random_serial_number() for _ in range(100)}) == 100
