"""C7 as a check from outside: it must find what is wrong."""

from copy import deepcopy

from gateway.carbon import ShiftRule, Swap, conservation
from gateway.carbon.tests.builders import IMPORT, KWH, counter, documents, ms, site, steady

READINGS = {("main", IMPORT): steady("2026-03-02 06:00", "2026-03-02 22:00", KWH)}
FOUND = documents(site(), READINGS)


def test_c7_holds_for_untouched_documents() -> None:
    """64 kWh in two shifts."""
    assert conservation([counter()], READINGS, (), FOUND) == []


def test_c7_a_thousandth_of_a_watt_hour_too_much_is_found() -> None:
    """The sentence names the counter and both sums."""
    forged = deepcopy(FOUND)
    forged[0]["meters"][0]["amount"] = "32.000001"

    assert conservation([counter()], READINGS, (), forged) == [
        "main active_energy_import: the readings moved by 64.000000, figures and adjustments say 64.000001"
    ]


def test_c7_a_figure_left_out_is_found() -> None:
    """Nothing may be lost."""
    assert len(conservation([counter()], READINGS, (), FOUND[1:])) == 1


def test_c7_a_declared_swap_that_no_figure_tells_is_found() -> None:
    """Sums alone could agree by chance."""
    swap = Swap("main", IMPORT, ms("2026-03-02 10:05"), 17 * KWH, 17 * KWH)

    assert conservation([counter()], READINGS, [swap], FOUND) == ["main active_energy_import: a declared swap is in no figure"]
    assert conservation([counter()], READINGS, [swap], documents(site(), READINGS, [swap])) == []


def test_c7_a_counter_of_a_production_line_stands_in_its_own_calendar_only() -> None:
    """With shifts of its own the press is in no figure of the site; the balance still knows it."""
    specs = (counter(), counter("press", role="load", parent="main", production_line="hall"))
    readings = {**READINGS, ("press", IMPORT): steady("2026-03-02 06:00", "2026-03-02 22:00", KWH // 2)}
    shifts = [ShiftRule("day", "06:00", "18:00"), ShiftRule("press", "08:00", "16:00", production_line="hall")]

    found = documents(site(*specs, shifts=shifts), readings)

    assert conservation(specs, readings, (), found) == []
    whole = [document for document in found if document["production_line"] is None]
    assert [[entry["meter"] for entry in document["meters"]] for document in whole] == [["main"]] * 2
    assert [document["balance"]["unmetered_kwh"] for document in whole] == ["24.000000", "8.000000"]
    assert {document["shift"] for document in found if document["production_line"] == "hall"} == {"unassigned", "press"}
