"""C15: storage as load, and the carbon of what was charged carried in stock."""

from decimal import Decimal
from typing import Any

from gateway.carbon import CounterReading, SiteInputs
from gateway.carbon.inputs import CARRIED_IN_STOCK
from gateway.carbon.stock import Stock, stock_after
from gateway.carbon.tests.builders import EXPORT, IMPORT, KWH, Document, counter, documents, factor, site, steady

SHIFTS = (("2026-03-02 06:00", "2026-03-02 14:00"), ("2026-03-02 14:00", "2026-03-02 22:00"))


def battery(**changes: Any) -> tuple[SiteInputs, dict[tuple[str, str], list[CounterReading]]]:
    """The early shift buys 96 kWh and charges 32 of them; the late one buys 32 and discharges 24."""
    inputs = site(
        counter(), counter("battery", IMPORT, "charge"), counter("battery", EXPORT, "charge"), factors=(factor("0.5"),), **changes
    )
    bought = steady(*SHIFTS[0], 3 * KWH) + steady(*SHIFTS[1], KWH, begin=96 * KWH)[1:]
    charged = steady(*SHIFTS[0], KWH) + steady(*SHIFTS[1], 0, begin=32 * KWH)[1:]
    given = steady(*SHIFTS[0], 0) + steady(*SHIFTS[1], 3 * KWH // 4)[1:]
    return inputs, {("main", IMPORT): bought, ("battery", IMPORT): charged, ("battery", EXPORT): given}


def storages(found: list[Document]) -> list[Document]:
    return [document["storage"] for document in found if "storage" in document]


def test_c15_by_default_charging_is_load_and_what_is_lost_is_shown() -> None:
    """Scope 2 counts when it is bought; over both shifts 8 kWh did not come back."""
    found = documents(*battery())

    assert [each["difference_kwh"] for each in storages(found)][:2] == ["32.000000", "-24.000000"]
    assert [document["carbon"]["scope2_location_kg"] for document in found][:2] == ["48.0000000", "16.0000000"]
    assert all("stock_kg" not in each for each in storages(found))


def test_c15_in_stock_the_carbon_of_the_charge_moves_to_the_hour_of_discharge() -> None:
    """A third of the early shift's 48 kg waits; three quarters of it come out with three quarters of the energy."""
    inputs, readings = battery(storage=CARRIED_IN_STOCK)
    early, late = documents(inputs, readings)[:2]

    assert (early["storage"]["charged_kg"], early["storage"]["stock_kg"], early["storage"]["load_kg"]) == ("16.000000",) * 2 + (
        "32.0000000",
    )
    assert (late["storage"]["discharged_kg"], late["storage"]["stock_kwh"]) == ("12.000000", "8.000000")
    assert Decimal(late["storage"]["load_kg"]) == 16 + 12
    assert Decimal(early["storage"]["stock_kg"]) == Decimal(late["storage"]["discharged_kg"]) + Decimal(late["storage"]["stock_kg"])
    assert late["carbon"]["scope2_location_kg"] == "16.0000000"


def test_c15_a_stock_goes_on_from_the_figures_before_it() -> None:
    """What the newest one left is where the next begins."""
    inputs, readings = battery(storage=CARRIED_IN_STOCK)
    found = documents(inputs, readings)

    assert stock_after(found[:1]) == Stock(32 * KWH, Decimal("16.000000"), "CO2")


def test_c15_a_stock_whose_carbon_is_not_known_begins_anew() -> None:
    """Null with its reason, never a silent 0."""
    inputs, readings = battery(storage=CARRIED_IN_STOCK, region_chain=("DE",))
    early = documents(inputs, readings)[0]

    assert early["storage"]["stock_kg"] is None
    assert any("storage: what the stock holds is not known" in reason for reason in early["reasons"])


def test_c15_without_storage_there_is_nothing_to_show() -> None:
    """A site without a battery has no such key."""
    assert storages(documents(site(), steady(*SHIFTS[0], KWH))) == []
