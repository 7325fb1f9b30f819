"""Where meter files are found, which one wins, and what a wrong name is told."""

import logging
from pathlib import Path

import pytest

from gateway.catalogue import meters, model
from protocols.errors import OurMistake

OWN = """
name = "{name}"
manufacturer = "Ours"
covers = ["One"]
proof = "bench"
sources = [{{ document = "Notes" }}]
[registers]
type = "uint16"
rows = [{{ address = 0, quantity = "voltage_l1_n", unit = "V", scale = {scale} }}]
"""


def own_file(data_folder: Path, file: str, name: str, scale: str = "0.1") -> Path:
    path = data_folder / "meters" / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(OWN.format(name=name, scale=scale), encoding="utf-8")
    return path


def test_the_packaged_files_are_known() -> None:
    """Every packaged meter stands under its own name, in order."""
    known = meters()

    assert {"eastron-sdm630", "eastron-sdm120", "chint-dtsu666", "schneider-iem3155", "abb-b23", "sunspec-meter-float"} <= set(known)
    assert list(known) == sorted(meter.name for meter in known.values())


def test_a_site_brings_its_own_file(tmp_path: Path) -> None:
    """A file in the data folder adds a model; its scale is read exactly."""
    own_file(tmp_path, "mine.toml", "ours-one", "0.1")

    known = meters(tmp_path)

    assert set(known) == {*meters(), "ours-one"}
    assert (known["ours-one"].rows[0].mantissa, known["ours-one"].rows[0].exponent) == (1, 2)


def test_an_own_file_wins_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The site's file replaces ours, and the log says so; ours is not touched for others."""
    own_file(tmp_path, "better.toml", "eastron-sdm630")

    with caplog.at_level(logging.WARNING):
        known = meters(tmp_path)

    assert known["eastron-sdm630"].manufacturer == "Ours"
    assert "better.toml replaces eastron-sdm630.toml" in caplog.text
    assert meters()["eastron-sdm630"].manufacturer == "Eastron"


def test_mistakes_of_all_own_files_are_told_at_once(tmp_path: Path) -> None:
    """A file that is no TOML and one with a wrong scale are both named."""
    own_file(tmp_path, "a.toml", "ours-a", '"x"')
    (tmp_path / "meters" / "b.toml").write_text("name = ", encoding="utf-8")

    with pytest.raises(OurMistake) as mistake:
        meters(tmp_path)

    assert "a.toml: registers.rows[1].scale: must be a number" in str(mistake.value)
    assert "b.toml: is not TOML" in str(mistake.value)


def test_an_unknown_model_is_told_the_closest_names() -> None:
    """A slip of the pen is answered with what was probably meant."""
    with pytest.raises(OurMistake, match="'Eastron SDM63'; did you mean eastron-sdm630"):
        model("Eastron SDM63")
    with pytest.raises(OurMistake, match="`shiftwatt models` lists the known ones"):
        model("zzz", meters())


def test_a_known_model_is_given() -> None:
    """The name of a file is the name of the model."""
    assert model("abb-b23").manufacturer == "ABB"
