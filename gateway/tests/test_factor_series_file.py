"""C24: a series and its provenance read from two files."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.factor_series_file import FactorSeriesError, load_series

ABOUT = """id = "east.hourly"
region = "CN-EAST"
line = "scope2_location"
activity = "electricity"
unit = "kWh"
gases = "CO2"
title = "Hourly factors of the grid operator"
source = "operator"
published = 2026-10-01
"""
VALUES = "time,value\n2026-03-02T06:00:00Z,0.41\n2026-03-02T15:00:00+08:00,\n"


def files(folder: Path, about: str = ABOUT, values: str = VALUES) -> Path:
    (folder / "east.toml").write_text(about, encoding="utf-8")
    table = folder / "east.csv"
    table.write_text(values, encoding="utf-8")
    return table


def test_c24_a_series_comes_with_its_provenance(tmp_path: Path) -> None:
    """An empty value is a gap, not zero."""
    found = load_series(files(tmp_path))

    first, second = found.at(found.values[0][0]), found.at(found.values[1][0])
    assert (found.id, found.step_s, found.published) == ("east.hourly", 3600, date(2026, 10, 1))
    assert first is not None
    assert (first.id, first.value, second) == ("east.hourly@2026-03-02T06:00:00Z", Decimal("0.41"), None)


@pytest.mark.parametrize(
    ("about", "values", "sentence"),
    [
        (ABOUT, "value,time\n", "line 1: the header must be time,value"),
        (ABOUT, VALUES.replace("0.41", "lots"), "line 2"),
        (ABOUT, VALUES.replace("0.41", "-1"), "line 2"),
        (ABOUT, VALUES.replace("00Z", "00"), "line 2.*needs a time with offset"),
        (ABOUT.replace('title = "Hourly factors of the grid operator"\n', ""), VALUES, "needs the texts"),
        (ABOUT + "colour = 1\n", VALUES, "nothing else"),
        (ABOUT.replace('"CO2"', '"CH4"'), VALUES, "gases 'CH4' is not one of CO2, CO2e"),
        (ABOUT + "step_s = 0\n", VALUES, "whole number of seconds"),
        ("id = ", VALUES, "east.toml"),
    ],
)
def test_c24_a_wrong_series_is_refused_with_its_place(about: str, values: str, sentence: str, tmp_path: Path) -> None:
    """File and line, and what is needed there."""
    with pytest.raises(FactorSeriesError, match=sentence):
        load_series(files(tmp_path, about, values))


def test_c24_a_series_without_its_provenance_is_refused(tmp_path: Path) -> None:
    """Numbers alone are no factors."""
    table = files(tmp_path)
    (tmp_path / "east.toml").unlink()

    with pytest.raises(FactorSeriesError, match=r"cannot be read: No such file.*a series is east.csv and east.toml"):
        load_series(table)
