"""C19 and C20: which factor applies, and what is told about the choice."""

from collections.abc import Sequence
from datetime import date

import pytest

from gateway.carbon.factor import Choice, Factor, FactorBook
from gateway.carbon.tests.builders import factor

MIDDLE = date(2026, 6, 15)
EAST_2025 = factor("0.55", id="east.2025", region="CN-EAST", year=2025, edition=2026, published=date(2026, 5, 1))
EAST_2023 = factor("0.57", id="east.2023", region="CN-EAST", year=2023, edition=2025, published=date(2025, 5, 1))
CN_2026 = factor("0.53", id="cn.2026", year=2026, edition=2027, published=date(2027, 5, 1))
CN_2025 = factor("0.54", id="cn.2025", year=2025, edition=2026, published=date(2026, 7, 1))


def chosen(
    factors: Sequence[Factor],
    day: date = MIDDLE,
    policy: str = "data_year",
    chain: tuple[str, ...] = ("CN-EAST", "CN"),
    line: str = "scope2_location",
    activity: str = "electricity",
) -> list[Choice]:
    return FactorBook(factors, chain, policy).choose(line, activity, day)


def test_c19_data_year_takes_the_factor_of_the_activity_year() -> None:
    """Later and earlier years are left alone."""
    later = factor("0.5", id="cn.2027", year=2027)

    assert chosen([CN_2025, CN_2026, later]) == [
        Choice(CN_2026, provisional=False, fallbacks=("CN-EAST: no scope2_location factor for electricity 2026",))
    ]


def test_c19_an_unpublished_year_takes_the_newest_earlier_one_provisionally() -> None:
    """The stand-in is named."""
    assert chosen([EAST_2023, EAST_2025]) == [
        Choice(EAST_2025, provisional=True, fallbacks=("2026 is not published for CN-EAST: 2025 stands in",))
    ]


def test_c19_there_is_no_factor_from_a_later_year() -> None:
    """A factor of 2025 says nothing of 2024: null, never a silent default."""
    assert chosen([EAST_2025], date(2024, 6, 15)) == []


def test_c19_the_nearest_region_comes_first() -> None:
    """An older factor of the region stands before this year's of the nation; the nation is the next candidate."""
    assert [choice.factor.id for choice in chosen([CN_2026, EAST_2025])] == ["east.2025", "cn.2026"]


def test_c19_every_region_passed_over_is_recorded() -> None:
    """Point, province, region, nation: each step is told."""
    (choice,) = chosen([CN_2026], chain=("CN-ZJ", "CN-EAST", "CN"))

    assert [text.split(":")[0] for text in choice.fallbacks] == ["CN-ZJ", "CN-EAST"]


def test_c19_ipcc_defaults_are_last_and_for_fuels_only() -> None:
    """WORLD follows every chain, but electricity of the world does not exist."""
    gas = factor("56154.5", id="gas", region="WORLD", year=None, line="scope1", activity="natural_gas", unit="TJ", basis="net")
    power = factor("0.4", id="power", region="WORLD")

    assert [choice.factor.id for choice in chosen([gas], line="scope1", activity="natural_gas")] == ["gas"]
    assert chosen([power], chain=("CN", "WORLD")) == []


def test_c20_a_default_without_a_data_year_is_not_provisional() -> None:
    """No year of its own could still be published."""
    default = factor("110", id="heat", year=None, activity="heat", unit="GJ")

    assert [choice.provisional for choice in chosen([default], activity="heat")] == [False]


def test_c19_a_dated_factor_stands_before_a_default() -> None:
    """A default holds until a dated one exists."""
    default, dated = (
        factor("110", id="a", year=None, activity="heat", unit="GJ"),
        factor("100", id="b", year=2024, activity="heat", unit="GJ"),
    )

    assert [choice.factor.id for choice in chosen([default, dated], activity="heat")] == ["b"]


@pytest.mark.parametrize(
    ("policy", "day", "expected"),
    [
        ("data_year", MIDDLE, "cn.2026"),
        ("edition_year", MIDDLE, "cn.2025"),
        ("latest_published_at", MIDDLE, None),
        ("latest_published_at", date(2026, 7, 1), "cn.2025"),
        ("latest_published_at", date(2027, 5, 1), "cn.2026"),
        ("majority_of_period", MIDDLE, "cn.2026"),
        ("day_weighted", MIDDLE, "cn.2026"),
    ],
)
def test_c19_the_policy_decides_what_year_means(policy: str, day: date, expected: str | None) -> None:
    """The year of the data, of the edition, or whatever was published by then."""
    found = chosen([CN_2025, CN_2026], day, policy, ("CN",))

    assert [choice.factor.id for choice in found] == ([expected] if expected else [])


def test_c19_an_unknown_policy_is_refused() -> None:
    """With the ones that exist."""
    with pytest.raises(ValueError, match="data_year"):
        FactorBook([], (), "newest")


def test_c20_a_changed_factor_has_another_hash() -> None:
    """The same id with another value is another factor."""
    assert factor("0.53").sha256 == factor("0.53").sha256
    assert factor("0.53").sha256 != factor("0.530").sha256
    assert factor("0.53").sha256 != factor("0.53", gases="CO2e").sha256


def test_c19_information_is_never_chosen() -> None:
    """Fossil averages, parts and comparisons are data, not factors of a line."""
    assert chosen([factor("0.8", line="information")], line="information") == []
