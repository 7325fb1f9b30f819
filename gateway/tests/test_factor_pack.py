"""The factor pack: what is shipped, that it is sound, and files of a site's own."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from gateway import factor_pack
from gateway.carbon.factor import FactorBook
from gateway.factor_pack import FactorPackError

SHIPPED = {factor.id: factor for factor in factor_pack.shipped()}
HEADER = ",".join(factor_pack.COLUMNS)
SOURCES = '[contract]\ntitle = "Supplier contract"\npublished = "2026-01-01"\n'


def own_pack(tmp_path: Path, *rows: str) -> Path:
    folder = tmp_path / "factors"
    folder.mkdir()
    (folder / "own.csv").write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    (folder / "sources.toml").write_text(SOURCES, encoding="utf-8")
    return tmp_path


def test_the_shipped_pack_is_sound() -> None:
    """Also with the rows nobody could verify."""
    assert factor_pack.lint(factor_pack.shipped()) == []
    assert factor_pack.lint(factor_pack.shipped(include_unverified=True)) == []


def test_every_published_change_of_the_chinese_factors_is_checked() -> None:
    """Nine changes, each with both years in the pack."""
    years = [f"{stem}.{year}" for stem in factor_pack.PUBLISHED_CHANGES for year in (2022, 2023)]

    assert len(years) == 18
    assert set(years) <= SHIPPED.keys()


def test_a_wrong_digit_is_found_by_the_published_change() -> None:
    """Two digits exchanged move the change by more than a tenth of a point."""
    wrong = [replace(factor, value=Decimal("0.5360")) if factor.id == "cn.grid.avg.2023" else factor for factor in SHIPPED.values()]

    assert factor_pack.lint(wrong) == ["cn.grid.avg: 2023 against 2022 is -0.11 %, published is -1.1 %"]


def test_chinese_fuel_defaults_are_what_they_are_made_of() -> None:
    """Net calorific value x carbon content x oxidation x 44/12, to eight decimals."""
    made = {default.id: default.value for default in factor_pack.fuel_defaults()}

    assert made == {factor.id: factor.value for factor in SHIPPED.values() if factor.status == "derived"}
    assert made["cn.fuel.natural_gas"] == Decimal("2.16218881")


def test_unverified_rows_come_only_behind_the_switch() -> None:
    """A factor nobody could check is never chosen in silence."""
    everything = factor_pack.shipped(include_unverified=True)

    assert {factor.status for factor in SHIPPED.values()} == {"verified", "derived"}
    assert {factor.status for factor in everything} == {"verified", "derived", "unverified"}


def test_twenty_provinces_fell_and_ten_rose_in_2023() -> None:
    """What the ministry said of the provinces holds for the rows behind the switch."""
    values = {factor.id: factor.value for factor in factor_pack.shipped(include_unverified=True)}
    provinces = {
        factor.region.removeprefix("CN-").lower() for factor in factor_pack.shipped(include_unverified=True) if len(factor.region) == 5
    }
    both = [name for name in provinces if {f"cn.grid.{name}.2022", f"cn.grid.{name}.2023"} <= values.keys()]

    rose = sum(values[f"cn.grid.{name}.2023"] > values[f"cn.grid.{name}.2022"] for name in both)

    assert (len(both), rose) == (30, 10)


@pytest.mark.parametrize(
    ("identity", "value", "gases", "region", "year"),
    [
        ("cn.grid.avg.2023", "0.5306", "CO2", "CN", 2023),
        ("cn.grid.east.2023", "0.55", "CO2", "CN-EAST", 2023),
        ("cn.grid.excl_market_nonfossil.2023", "0.6096", "CO2", "CN", 2023),
        ("uk.electricity.2025", "0.177", "CO2e", "GB", 2025),
        ("ipcc2006.natural_gas", "56154.5", "CO2e", "WORLD", None),
    ],
)
def test_known_factors_have_their_value_gases_region_and_year(identity: str, value: str, gases: str, region: str, year: int | None) -> None:
    """Spot checks against the publications."""
    found = SHIPPED[identity]

    assert (str(found.value), found.gases, found.region, found.year) == (value, gases, region, year)
    assert found.title


def test_the_three_chinese_electricity_factors_are_kept_apart() -> None:
    """Average for location, without market-traded non-fossil for market, fossil for information."""
    lines = {name: SHIPPED[f"cn.grid.{name}.2023"].line for name in ("avg", "excl_market_nonfossil", "fossil")}

    assert lines == {"avg": "scope2_location", "excl_market_nonfossil": "scope2_market", "fossil": "information"}


def test_no_two_shipped_factors_compete_for_one_use() -> None:
    """Each line, activity, region, year and unit has one value; a second one is named."""
    double = replace(SHIPPED["uk.electricity.2025"], id="uk.other.2025")

    assert factor_pack.lint([*SHIPPED.values(), double]) == [
        "scope2_location electricity GB 2025 per kWh: 2 factors claim it: uk.electricity.2025, uk.other.2025"
    ]


def test_a_local_pack_adds_factors_and_replaces_those_of_the_same_id(tmp_path: Path) -> None:
    """A site's own supplier factor, and a correction."""
    folder = own_pack(
        tmp_path,
        "own.supplier.2026,CN-EAST,2026,2026,scope2_market,electricity,kWh,,0.1,CO2,,contract",
        "cn.grid.avg.2023,CN,2023,,scope2_location,electricity,kWh,,0.5307,CO2,,contract",
    )

    found = {factor.id: factor for factor in factor_pack.load(folder)}

    assert (found["own.supplier.2026"].status, found["own.supplier.2026"].title) == ("local", "Supplier contract")
    assert found["cn.grid.avg.2023"].value == Decimal("0.5307")
    assert len(found) == len(SHIPPED) + 1


def test_a_data_folder_without_factors_is_the_shipped_pack(tmp_path: Path) -> None:
    """Most sites have none of their own."""
    assert factor_pack.load(tmp_path) == factor_pack.shipped()


@pytest.mark.parametrize(
    "row",
    [
        "x,CN,soon,,scope1,diesel,kg,,1,CO2,,contract",
        "x,CN,,,scope1,diesel,kg,,much,CO2,,contract",
        "x,CN,,,scope1,diesel,kg,,1,CO2,,gossip",
    ],
)
def test_a_row_that_is_no_factor_is_refused_with_its_line(tmp_path: Path, row: str) -> None:
    """A wrong year, a wrong number, a publication that is not named."""
    folder = own_pack(tmp_path, row)

    with pytest.raises(FactorPackError, match=r"own\.csv line 2"):
        factor_pack.load(folder)


def test_a_local_pack_names_its_publications(tmp_path: Path) -> None:
    """Numbers without provenance are not taken."""
    (own_pack(tmp_path) / "factors" / "sources.toml").unlink()

    with pytest.raises(FactorPackError, match=r"sources\.toml"):
        factor_pack.load(tmp_path)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("x,CN,2026,,scope9,diesel,kg,,1,CO2,,contract", "line 'scope9' is not one of"),
        ("x,CN,2026,,scope1,diesel,barrel,,1,CO2,,contract", "unit 'barrel' is not one of"),
        ("x,CN,2026,,scope1,diesel,kg,,-1,CO2,,contract", "the value -1 is not a number of kg"),
        ("x,CN,2026,,scope2_location,electricity,kWh,,1,CO2e,,contract", "China's grid factors are CO2 only"),
    ],
)
def test_lint_names_what_is_unsound(tmp_path: Path, row: str, sentence: str) -> None:
    """One sentence for each."""
    (found,) = factor_pack.lint(factor_pack.local(own_pack(tmp_path, row)))

    assert sentence in found


def test_a_hangzhou_site_of_today_gets_a_provisional_regional_factor() -> None:
    """2026 is not published: the newest of East China stands in, marked."""
    choice = FactorBook(SHIPPED.values(), ("CN-EAST", "CN"), "data_year").choose("scope2_location", "electricity", date(2026, 6, 1))[0]

    assert (choice.factor.id, choice.provisional) == ("cn.grid.east.2023", True)
