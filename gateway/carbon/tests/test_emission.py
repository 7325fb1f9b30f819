"""C16, C18 to C23: lines of kg and their sums."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from gateway import factor_pack, zone
from gateway.carbon import CounterReading, CounterSpec, Factor, ShiftRule, calorific_value
from gateway.carbon.tests.builders import EXPORT, IMPORT, KWH, Document, Readings, counter, documents, factor, rows, site

BEGIN, END = "2026-03-02 06:00", "2026-03-02 14:00"
RESIDUAL = factor("0.6096", id="cn.residual", line="scope2_market")
NATURAL_GAS: dict[str, Any] = {"line": "scope1", "activity": "natural_gas"}


def used(value: int) -> list[CounterReading]:
    return rows((BEGIN, 0), (END, value))


def carbon(readings: Readings | Sequence[CounterReading], *specs: CounterSpec, **changes: Any) -> tuple[Document, list[str]]:
    """The carbon of the first figure and its reasons."""
    inputs = site(*specs, **changes)
    found = documents(inputs, readings)[0]
    return found["carbon"], found["reasons"]


def lines(found: Document, name: str) -> list[Document]:
    return [line for line in found["lines"] if line["line"] == name]


def gas(**changes: Any) -> CounterSpec:
    return counter("gas", "volume", "fuel", **{"rating_thousandths_per_hour": 10**9, "fuel": "natural_gas", **changes})


def burnt(value: int, *factors: Factor, **changes: Any) -> tuple[Document, list[str]]:
    spec = gas(**changes)
    return carbon({spec.key: used(value)}, spec, factors=factors)


def test_c18_kg_is_kwh_times_factor_exactly() -> None:
    """Printed in full: six decimals of the energy and four of the factor."""
    found, _ = carbon(used(1234_567_001), counter())

    assert found["scope2_location_kg"] == str(Decimal("1234.567001") * Decimal("0.5306"))


def test_c20_a_line_carries_method_scope_gases_and_the_factor_with_its_hash() -> None:
    """An auditor needs nothing but the line."""
    found, _ = carbon(used(KWH), counter())

    row = factor("0.5306")
    assert lines(found, "scope2_location") == [
        {
            "line": "scope2_location",
            "activity": "electricity",
            "subject": "main",
            "unit": "kWh",
            "method": "location-based",
            "scope": "2",
            "amount": "1.000000",
            "gases": "CO2",
            "gwp": None,
            "kg": "0.5306000000",
            "factor": {
                "id": "cn.grid.2026",
                "year": 2026,
                "edition": None,
                "region": "CN",
                "value": "0.5306",
                "unit": "kWh",
                "basis": None,
                "sha256": row.sha256,
                "fallbacks": ["CN-EAST: no scope2_location factor for electricity 2026"],
            },
            "provisional": False,
        }
    ]


def test_c18_a_shift_across_new_year_is_split_at_local_midnight() -> None:
    """Two hours of 2025 and six of 2026, with readings every quarter of an hour or not."""
    night = [ShiftRule("night", "22:00", "06:00")]
    old, new = factor("0.5", id="cn.2025", year=2025), factor("0.4", id="cn.2026")
    readings = rows(("2025-12-31 14:00", 0), ("2025-12-31 22:00", 8 * KWH))

    found, _ = carbon(readings, counter(), shifts=night, zone=zone.zone("Asia/Shanghai"), factors=(old, new))

    assert [(line["factor"]["id"], line["amount"]) for line in lines(found, "scope2_location")] == [
        ("cn.2025", "2.000000"),
        ("cn.2026", "6.000000"),
    ]
    assert found["scope2_location_kg"] == str(Decimal("2.000000") * Decimal("0.5") + Decimal("6.000000") * Decimal("0.4"))


@pytest.mark.parametrize(("policy", "amounts"), [("data_year", [6, 2]), ("day_weighted", [2, 6]), ("majority_of_period", [8])])
def test_c19_policies_divide_a_period_across_two_years(policy: str, amounts: list[int]) -> None:
    """By what was measured, by time, or all of it with the year that has more of the period."""
    night = [ShiftRule("night", "22:00", "06:00")]
    readings = rows(("2025-12-31 22:00", 0), ("2026-01-01 00:00", 6 * KWH), ("2026-01-01 06:00", 8 * KWH))
    factors = (factor("0.5", id="cn.2025", year=2025), factor("0.4", id="cn.2026"))

    found, _ = carbon(readings, counter(), shifts=night, factors=factors, factor_policy=policy)

    assert [line["amount"] for line in lines(found, "scope2_location")] == [f"{amount}.000000" for amount in amounts]


def test_c19_without_a_factor_the_carbon_is_null_with_its_reason() -> None:
    """Never 0, never a default nobody chose."""
    found, reasons = carbon(used(KWH), counter(), factors=())

    assert (found["scope2_location_kg"], lines(found, "scope2_location")[0]["kg"]) == (None, None)
    assert "scope2_location: main: no factor for electricity 2026 in CN-EAST, CN" in reasons


def test_c21_the_market_line_takes_the_residual_mix() -> None:
    """China publishes the average without market-traded non-fossil power."""
    found, _ = carbon(used(KWH), counter(), factors=(factor("0.5306"), RESIDUAL))

    assert (found["scope2_market_kg"], found["scope2_location_kg"]) == ("0.6096000000", "0.5306000000")
    assert lines(found, "scope2_market")[0]["method"] == "market-based"


def test_c21_without_a_residual_mix_the_location_based_factor_stands_in_flagged() -> None:
    """Scope 2 is reported twice all the same."""
    found, _ = carbon(used(KWH), counter())

    assert found["scope2_market_kg"] == "0.5306000000"
    assert lines(found, "scope2_market")[0]["factor"]["fallbacks"][0].startswith("no residual mix for electricity")


def test_c20_co2_and_co2e_are_not_added() -> None:
    """Chinese grid gas and an IPCC default stand alone; within scope 1 a mixture is null."""
    coal = counter("coal", "mass", "fuel", fuel="coal_bituminous", rating_thousandths_per_hour=10**9)
    oil = counter("oil", "mass", "fuel", fuel="diesel", rating_thousandths_per_hour=10**9)
    factors = (
        factor("1.74", id="coal", line="scope1", activity="coal_bituminous", unit="kg"),
        factor("3.1", id="oil", line="scope1", activity="diesel", unit="kg", gases="CO2e", gwp="AR5"),
    )

    found, reasons = carbon({coal.key: used(1000), oil.key: used(1000)}, coal, oil, factors=factors)

    assert found["scope1_kg"] is None
    assert [line["kg"] for line in lines(found, "scope1")] == ["1.74000", "3.1000"]
    assert "scope1_kg: its lines hold CO2 and CO2e, which are not added" in reasons


def test_c22_losses_upstream_and_biogenic_stand_beside_gross() -> None:
    """Separate lines of the UK set, none of them inside scope 2."""
    changes = {"factors": factor_pack.shipped(), "region_chain": ("GB",)}
    readings = rows(("2025-03-03 06:00", 0), ("2025-03-03 14:00", 100 * KWH))

    found, _ = carbon(readings, counter(), **changes)

    assert Decimal(found["scope2_location_kg"]) == Decimal("17.7")
    assert {name: Decimal(kg) for name, kg in found["outside_kg"].items()} == {
        "transmission_losses": Decimal("1.853"),
        "upstream": Decimal("4.59") + Decimal("0.397"),
        "biogenic": Decimal("11.507"),
    }


def exporting(bought: int, sold: int) -> Document:
    specs = (counter(), counter("main", EXPORT), counter("pv", EXPORT, "generation"))
    return carbon(dict(zip((spec.key for spec in specs), map(used, (bought, sold, sold)), strict=True)), *specs)[0]


def test_c16_an_export_never_reduces_gross_scope_2() -> None:
    """It stands outside, negative."""
    found = exporting(10 * KWH, 4 * KWH)

    assert found["scope2_location_kg"] == "5.3060000000"
    assert found["outside_kg"] == {"export": "-2.1224000000"}


def test_c16_an_export_is_credited_up_to_gross_scope_2() -> None:
    """Selling more than was bought does not make emissions negative."""
    assert exporting(KWH, 40 * KWH)["outside_kg"] == {"export": "-0.5306000000"}


def test_c23_a_factor_per_volume_needs_no_calorific_value() -> None:
    """2 m³ at 2.06672 kg per m³."""
    found, _ = burnt(2000, factor("2.06672", unit="m3", **NATURAL_GAS))

    assert found["scope1_kg"] == "4.13344000"


def test_c23_normal_cubic_metres_are_taken_as_metered_and_say_so() -> None:
    """The Chinese default is per normal cubic metre."""
    found, reasons = burnt(1000, factor("2.16218881", unit="Nm3", **NATURAL_GAS))

    assert Decimal(found["scope1_kg"]) == Decimal("2.16218881")
    assert "gas: the metered volume is taken as normal cubic metres" in reasons


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        ("", "declare calorific_value for this meter"),
        ("38.9 MJ/m3 net", "is on gross calorific value, the meter's is net: they must match"),
    ],
)
def test_c23_an_energy_factor_without_matching_calorific_value_is_refused(declared: str, sentence: str) -> None:
    """Null with the reason, never a silent mix of net and gross."""
    calorific = calorific_value(declared) if declared else None

    found, reasons = burnt(1000, factor("0.18", unit="kWh", basis="gross", **NATURAL_GAS), calorific=calorific)

    assert found["scope1_kg"] is None
    assert any(sentence in reason for reason in reasons)


def test_c23_a_matching_calorific_value_converts() -> None:
    """1 m³ of 36 MJ gross is 10 kWh."""
    found, _ = burnt(1000, factor("0.18", unit="kWh", basis="gross", **NATURAL_GAS), calorific=calorific_value("36 MJ/m3 gross"))

    assert Decimal(found["scope1_kg"]) == Decimal("1.8")


def test_c23_the_next_candidate_of_the_chain_may_match() -> None:
    """The national factor is gross, the IPCC default net: with a net value the latter applies, recorded."""
    national = factor("53", id="us", unit="mmBtu", basis="gross", region="CN", **NATURAL_GAS)
    ipcc = factor("56154.5", id="ipcc", unit="TJ", basis="net", region="WORLD", year=None, **NATURAL_GAS)

    found, _ = burnt(10**6, national, ipcc, calorific=calorific_value("36 MJ/m3 net"))

    assert lines(found, "scope1")[0]["factor"]["id"] == "ipcc"
    assert Decimal(found["scope1_kg"]) == Decimal("0.036") * Decimal("56154.5")


def test_c20_bought_heat_is_scope_2_by_both_methods() -> None:
    """3 GJ at 110 kg, beside electricity in the same sum."""
    heat = counter("steam", "heat", "heat", rating_thousandths_per_hour=10**9)
    default = factor("110", id="cn.heat", year=None, activity="heat", unit="GJ")
    readings = {("main", IMPORT): used(KWH), heat.key: used(3 * 10**6)}

    found, _ = carbon(readings, counter(), heat, factors=(factor("0.5306"), default))

    assert (Decimal(found["scope2_location_kg"]), Decimal(found["scope2_market_kg"])) == (Decimal("330.5306"), Decimal("330.5306"))


@pytest.mark.parametrize("text", ["", "38.9", "38.9 MJ/m3", "38.9 MJ/m3 upper", "-1 MJ/kg net", "38,9 MJ/m3 net"])
def test_c23_a_calorific_value_without_unit_and_basis_is_refused(text: str) -> None:
    """The sentence shows how to write it."""
    with pytest.raises(ValueError, match=r"such as '38.9 MJ/m3 gross'"):
        calorific_value(text)


def test_c23_a_calorific_value_in_kwh_per_cubic_metre_is_the_same_in_megajoules() -> None:
    """10 kWh/m³ are 36 MJ/m³."""
    assert calorific_value("10 kWh/m3 gross") == calorific_value("36.0 MJ/m³ gross")
