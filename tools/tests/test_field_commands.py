"""The commands for a wire as a person types them: wrong use, a real virtual port, and mistakes in a site's own meter files."""

import json
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from gateway.acquire.interpretations import interpretations
from tools.command import app
from tools.factory.protocol_virtual import SCHEME, register
from tools.factory.pty_line import PtyLine
from tools.factory.serial_settings import LineSettings
from tools.factory.wire import Line
from tools.tests.simulated_line import serve, station

SITE = """
[site]
name = "w"
timezone = "Asia/Shanghai"
[[line]]
name = "bus"
port = "/dev/nowhere"
[[meter]]
name = "press"
line = "bus"
address = {address}
model = "{model}"
role = "load"
"""


def typed(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (("scan", "--port", "a", "--tcp", "b:1"), 2, "name one wire"),
        (("scan", "--tcp", "nonsense"), 2, "HOST:PORT"),
        (("scan", "--port", "/dev/nowhere"), 1, "cannot be used"),
        (("scan", "--port", "a", "--parity", "X"), 2, "N, E or O"),
        (("set-address", "5", "--port", "a", "--model", "nonsense"), 2, "no meter file"),
        (("read", "--raw", "1:3:0", "--port", "a"), 2, "ADDRESS:FUNCTION:REGISTER:COUNT"),
        (("read", "--raw", "1:3:0:200", "--port", "a"), 2, "1 to 125"),
        (("read", "--port", "a"), 2, "--raw"),
    ],
)
def test_wrong_use_ends_with_a_sentence(
    words: tuple[str, ...], status: int, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And with its status, before anything is sent."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHIFTWATT_SITE", raising=False)

    found = typed(*words)

    assert found[0] == status
    assert sentence in found[1]


def test_raw_registers_are_read_from_a_real_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A voltage is marked where one stands."""
    monkeypatch.chdir(tmp_path)
    register()
    line = Line([station(5, serve("eastron-sdm630"))], LineSettings(), random=Random(1))

    with PtyLine(line, tmp_path / "bus"):
        status, said = typed("read", "--raw", "5:4:0:2", "--port", f"{SCHEME}{tmp_path / 'bus'}", "--json")

    answer = json.loads(said)
    assert (status, answer["register"], len(answer["words"])) == (0, 0, 2)
    assert [each["number"] for each in answer["interpretations"] if each["type"] == "float32" and each["order"] == "big"] == ["230.1"]


def test_every_type_and_order_stands_side_by_side() -> None:
    """1.0 as a float is another number as each other type, and swapped it is none."""
    found = {(each.type, each.order): each.number for each in interpretations(7, (0x4366, 0x199A)) if each.register == 7}

    assert found["float32", "big"] == "230.1"
    assert found["uint16", "big"] == str(0x4366)
    assert found["uint32", "little"] == str(0x199A4366)
    assert {"int16", "int32", "uint32"} <= {type_ for type_, _ in found}


@pytest.mark.parametrize(
    ("address", "model", "sentence"),
    [
        ('"000000190101"', "dlt645-2007", ""),
        ("5", "dlt645-2007", "12 digit number"),
        ('"000000190101"', "eastron-sdm630", "1 to 247"),
        ('"19"', "dlt645-2007", "12 digits"),
        ("248", "eastron-sdm630", "at most 247"),
    ],
)
def test_the_address_fits_the_language(address: str, model: str, sentence: str, tmp_path: Path) -> None:
    """Twelve digits for DL/T 645, a number for all others."""
    path = tmp_path / "site.toml"
    path.write_text(SITE.format(address=address, model=model))

    status, said = typed("check", "--site", str(path), "--json")

    mistakes = json.loads(said)["mistakes"]
    assert status == (2 if sentence else 0)
    assert sentence in " ".join(each["sentence"] for each in mistakes)
    assert len(mistakes) == bool(sentence)


def test_every_mistake_of_a_sites_own_meter_files_is_told(tmp_path: Path) -> None:
    """All files and places at once, as text and as JSON."""
    (tmp_path / "data" / "meters").mkdir(parents=True)
    start = 'name = "own"\nmanufacturer = "x"\ncovers = ["x"]\nproof = "guess"\nsources = [{ document = "d" }]\n'
    rows = '[registers]\ntype = "uint16"\nrows = [{ address = 1, quantity = "voltage", unit = "V" }, '
    rows += '{ quantity = "frequency", unit = "kWh" }]\n'
    (tmp_path / "data" / "meters" / "one.toml").write_text(start + rows)
    (tmp_path / "data" / "meters" / "two.toml").write_text("name = ")
    path = tmp_path / "site.toml"
    path.write_text(SITE.format(address=5, model="eastron-sdm630"))

    status, said = typed("check", "--site", str(path), "--json")
    mistakes = json.loads(said)["mistakes"]
    text = typed("check", "--site", str(path))

    assert (status, text[0]) == (2, 2)
    assert {Path(each["table"]).name for each in mistakes} == {"one.toml", "two.toml"}
    assert {"proof", "registers.rows[1].quantity", "registers.rows[2].address", "registers.rows[2].unit"} <= {
        each["key"] for each in mistakes
    }
    assert all(each["key"] in text[1] for each in mistakes)
