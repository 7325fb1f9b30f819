"""C17: a node against the meters below it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from gateway.carbon import CounterSpec
from gateway.carbon.tests.builders import EXPORT, IMPORT, KWH, Document, counter, documents, rows, site

BEGIN, END = "2026-03-02 06:00", "2026-03-02 14:00"
CLASS_1: dict[str, Any] = {"class_pct": Decimal(1)}


def figure(used: Mapping[CounterSpec, int], **changes: Any) -> Document:
    """One shift in which each counter moved by so many Wh."""
    readings = {spec.key: rows((BEGIN, 0), (END, wh * 1000)) for spec, wh in used.items()}
    return documents(site(*used, **changes), readings)[0]


def node(used: Mapping[CounterSpec, int], name: str = "main", **changes: Any) -> Document:
    found: Document = next(each for each in figure(used, **changes)["tree"] if each["node"] == name)
    return found


def load(name: str, parent: str = "main", **changes: Any) -> CounterSpec:
    return counter(name, role="load", parent=parent, **changes)


def test_c17_the_remainder_of_every_node_stands_on_its_own_line() -> None:
    """Main 100, halls 60 and 30; hall 1 has a press of 45."""
    found = figure({counter(): 100_000, load("hall1"): 60_000, load("hall2"): 30_000, load("press", "hall1"): 45_000})["tree"]

    shown = [(each["node"], each["below"], each["amount"], each["children"], each["unmetered"]) for each in found]
    assert shown == [
        ("main", ["hall1", "hall2"], "100.000000", "90.000000", "10.000000"),
        ("hall1", ["press"], "60.000000", "45.000000", "15.000000"),
    ]


def test_c17_sources_below_a_node_add_to_what_it_supplies() -> None:
    """Import 100, export 10, sun 30, battery charged by 5: of 120 for the loads 110 are metered."""
    used = {
        counter(): 100_000,
        counter("main", EXPORT): 10_000,
        counter("pv", EXPORT, "generation", parent="main"): 30_000,
        counter("battery", IMPORT, "charge", parent="main"): 5_000,
        load("hall"): 110_000,
    }

    found = node(used)

    assert (found["amount"], found["children"], found["unmetered"]) == ("90.000000", "85.000000", "5.000000")
    assert figure(used)["balance"]["unmetered_kwh"] == "5.000000"


def test_c17_below_the_meter_of_a_source_everything_is_turned_round() -> None:
    """A roof of 30 with inverters of 20 and 11 has lost 1 that is not there: they exceed it."""
    used = {
        counter("roof", EXPORT, "generation", **CLASS_1): 30_000,
        counter("inverter1", EXPORT, "generation", parent="roof", **CLASS_1): 20_000,
        counter("inverter2", EXPORT, "generation", parent="roof", **CLASS_1): 11_000,
    }

    found = node(used, "roof")

    assert (found["amount"], found["children"], found["unmetered"]) == ("30.000000", "31.000000", "-1.000000")
    assert found["children_exceed"] is True


# Two meters of class 1: 1.96 x sqrt(100² + 101²) x 0.01 / sqrt(3) = 1.608355 kWh; of class 0.5 half of it.
@pytest.mark.parametrize(
    ("limit", "below", "exceed", "width"),
    [
        ("1", 100_000, False, "1.600333"),
        ("1", 101_000, False, "1.608355"),
        ("1", 102_000, True, "1.616416"),
        ("0.5", 101_000, True, "0.804177"),
    ],
)
def test_c17_children_that_exceed_their_parent_by_more_than_the_uncertainty_are_flagged(
    limit: str, below: int, exceed: bool, width: str
) -> None:
    """1 kWh too much of 100 is nothing for class 1, and something for class 0.5."""
    declared: dict[str, Any] = {"class_pct": Decimal(limit)}

    found = node({counter(**declared): 100_000, load("hall", **declared): below})

    assert (found["children_exceed"], found["uncertainty_95"]) == (exceed, width)


def test_c17_without_classes_nobody_knows_whether_children_exceed_by_too_much() -> None:
    """Null with its reason; children that do not exceed need no class."""
    exceeding, below = figure({counter(): 100_000, load("hall"): 101_000}), node({counter(): 100_000, load("hall"): 99_000})

    assert (exceeding["tree"][0]["children_exceed"], exceeding["tree"][0]["unmetered"]) == (None, "-1.000000")
    assert any(reason.startswith("tree: main: the meters below exceed it") for reason in exceeding["reasons"])
    assert (below["children_exceed"], below["uncertainty_95"]) == (False, None)


def test_c17_meters_that_cover_different_times_are_not_compared() -> None:
    """Half a shift of the hall beside a whole one of the main meter is no remainder."""
    main, hall = counter(), load("hall")
    readings = {main.key: rows((BEGIN, 0), (END, 9 * KWH)), hall.key: rows((BEGIN, 0), ("2026-03-02 10:00", KWH))}

    found = documents(site(main, hall), readings)[0]

    assert found["tree"][0]["unmetered"] is None
    assert "tree: main: it and the meters below it do not cover the same time" in found["reasons"]


def test_c17_a_meter_that_is_not_known_leaves_its_node_unknown() -> None:
    """Null, never a remainder as if it had used nothing."""
    main, hall = counter(), load("hall")

    found = documents(site(main, hall), {main.key: rows((BEGIN, 0), (END, 9 * KWH))})[0]

    assert (found["tree"][0]["amount"], found["tree"][0]["children_exceed"]) == (None, None)
    assert "tree: main: hall is not known in this time" in found["reasons"]


def test_c17_gas_is_compared_with_gas_and_not_with_electricity() -> None:
    """An electricity meter below a gas meter is no child of its volume."""
    boiler: dict[str, Any] = {"quantity": "volume", "role": "fuel", "fuel": "natural_gas", "rating_thousandths_per_hour": None}
    used = {
        counter("gas", **boiler): 100,
        counter("boiler1", parent="gas", **boiler): 60,
        load("fan", "gas"): 5_000,
    }

    found = node(used, "gas")

    assert (found["quantity"], found["unit"], found["below"], found["unmetered"]) == ("volume", "m³", ["boiler1"], "40.000")


def test_c17_a_site_without_a_tree_has_no_such_key() -> None:
    """Nothing is said of what nobody declared."""
    assert "tree" not in figure({counter(): 100})
