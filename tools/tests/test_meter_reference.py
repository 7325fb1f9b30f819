"""The generated page of supported meters is current, and the guide to a meter of one's own is true."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway import catalogue
from protocols.errors import OurMistake
from protocols.meter import Meter, meter_from_document
from protocols.meter_settings import setting_write
from protocols.plan import Hole, plan, rtu_costs
from protocols.register import decode_from
from tools import meter_reference

GUIDE = meter_reference.PAGE.parent.parent / "how_to" / "add-a-meter.md"


def guide() -> str:
    return GUIDE.read_text(encoding="utf-8")


def example() -> str:
    return guide().partition("```toml\n")[2].partition("```")[0]


@pytest.fixture
def own(tmp_path: Path) -> Meter:
    """The guide's example, read from a site's data folder."""
    (tmp_path / "meters").mkdir()
    (tmp_path / "meters" / "example-em4.toml").write_text(example(), encoding="utf-8")
    return catalogue.meters(tmp_path)["example-em4"]


def test_the_page_is_what_the_files_give() -> None:
    """`python -m tools.meter_reference` would change nothing."""
    assert meter_reference.PAGE.read_text(encoding="utf-8") == meter_reference.page_text()


def test_every_model_is_described_with_its_notes() -> None:
    """A heading for each, and every sentence of its notes."""
    page = meter_reference.page_text()

    for meter in catalogue.meters().values():
        assert f"### `{meter.name}`" in page
        assert all(note in page for note in meter.notes)


def test_what_is_unproven_is_shown() -> None:
    """A reader finds the doubtful values of a model, and a model that is doubtful as a whole."""
    page = meter_reference.page_text()
    finder = page.partition("### `finder-7m38`")[2].partition("###")[0]
    adw300 = page.partition("### `acrel-adw300`")[2].partition("###")[0]

    assert re.search(r"- \*\*unproven\*\*: .*`active_power`.*`frequency`", finder)
    assert "- proof: `unproven`" in adw300
    assert "- **unproven**: every value" in adw300


def test_how_a_model_is_reached_identified_and_set_is_shown() -> None:
    """Factory settings, limits, identification and what set-address will write."""
    page = meter_reference.page_text()
    wago = page.partition("### `wago-879-3000`")[2].partition("###")[0]
    sdm120 = page.partition("### `eastron-sdm120`")[2].partition("###")[0]

    assert "- from the factory: 9600 baud, 8E1, address 1" in wago
    assert "- identified by: function 3, 1 register from 0x4002: 4369, 4370 (meter code: 0x1111 4PU, 0x1112 4PS)" in wago
    assert "parity (N, E, O) at 0x4011" in wago
    assert "- requests: at most 60 registers, 100 ms after a change of address" in sdm120
    assert "first: Hold the button until -SET- stands on the display; holds after the supply was switched off and on" in sdm120


def test_the_example_of_the_guide_is_a_meter(own: Meter) -> None:
    """It loads from a site's folder, reads what it says and writes its settings."""
    words = {(4, 12): 0xFFFF, (4, 13): 0xFF9C, (3, 0x0220): 40}
    power = next(row for row in own.rows if row.quantity == "active_power")
    assert own.settings is not None

    assert decode_from(power, words) == -4_000_000
    assert [setting_write(each, value).words for each, value in zip(own.settings.registers, ("7", "19200", "E1"), strict=True)] == [
        (7,),
        (3,),
        (1,),
    ]


def test_the_example_is_read_in_blocks_that_keep_its_hole(own: Meter) -> None:
    """Two requests, one on each side of the hole, also where a slow turnaround makes one long read cheaper."""
    costs = rtu_costs(9600, "E", 1, 500_000, 0, 125)

    assert own.holes == (Hole(4, 44, 100),)
    assert [(block.address, block.count) for block in plan(own.rows, costs, own.holes)] == [(0, 43), (100, 4)]
    assert [(block.address, block.count) for block in plan(own.rows, costs)] == [(0, 104)]


def test_the_least_file_is_as_small_as_the_guide_says() -> None:
    """Six keys and a row; without any of them it is refused."""
    document = tomllib.loads(example(), parse_float=Decimal)
    row = {"type": "uint16", **document["registers"]["rows"][0]}
    least = {key: document[key] for key in ("name", "manufacturer", "covers", "proof", "sources")} | {"registers": {"rows": [row]}}

    assert meter_from_document(least, "least.toml").quantities == ("voltage_l1_n",)
    for key in least:
        with pytest.raises(OurMistake):
            meter_from_document({each: value for each, value in least.items() if each != key}, "least.toml")


@pytest.mark.parametrize("place", [(), ("settings",), ("registers",), ("registers", "rows", 0), ("identification", 0), ("limits",)])
def test_every_key_is_in_the_guide(place: tuple[str | int, ...]) -> None:
    """What a wrong key is answered with - the known ones - stands in the guide."""
    document = tomllib.loads(example(), parse_float=Decimal)
    table: Any = document
    for step in place:
        table = table[step]
    table["wrong"] = 1

    with pytest.raises(OurMistake, match="known are") as mistake:
        meter_from_document(document, "one.toml")
    known = str(mistake.value).partition("known are ")[2].split(", ")
    assert [key for key in known if f"`{key}`" not in guide() and key not in ("settings", "registers")] == []
