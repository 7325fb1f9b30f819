"""The exports: exact, in UTC, and harmless in a spreadsheet."""

import csv
import io
from decimal import Decimal

import pytest

from gateway.interfaces import UnitsDeclared
from gateway.pages.csv_export import (
    Cell,
    curve_csv,
    events_csv,
    lines_csv,
    meter_csv,
    meters_csv,
    production_csv,
    shifts_csv,
    sync_csv,
    text,
)
from gateway.pages.curve import Point
from gateway.pages.tests.fakes import NOW_MS, figure, healthy_status, troubled_status
from protocols.reading import Event


def _rows(exported: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(exported)))


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@cmd", "'@cmd"),
        ("-press", "'-press"),
        ("+49", "'+49"),
        ("-12.5", "-12.5"),
        ("press, the first", "press, the first"),
        (None, ""),
    ],
)
def test_no_cell_is_a_formula(cell: Cell, written: str) -> None:
    """A name that begins like one is only text; a negative number stays a number."""
    assert _rows(text(("it",), [(cell,)]))[0]["it"] == written


def test_shift_has_its_exact_figures() -> None:
    """All decimals, the version and the hash."""
    (row,) = _rows(shifts_csv([figure(kwh=Decimal("1950.500001"), estimated=Decimal("0.25"))], {"main": "import"}))

    assert (row["date"], row["shift"], row["energy_kwh"], row["version"], row["sha256"]) == (
        "2026-03-28",
        "early",
        "1950.500001",
        "1",
        "0" * 64,
    )
    assert (row["measured_share"], row["estimated_share"], row["gases"], row["start"]) == (
        "0.750000",
        "0.250000",
        "CO2",
        "2026-03-27T22:00:00Z",
    )


def test_unknown_shift_is_empty_not_zero() -> None:
    """Missing stays missing on its way into a spreadsheet."""
    (row,) = _rows(shifts_csv([figure(kwh=None)], {"main": "import"}))

    assert (row["energy_kwh"], row["scope2_location_kg"]) == ("", "")


def test_meters_have_every_value_in_outside_units() -> None:
    """One row a value; PV feeding in is negative, as on the screen."""
    values = {(row["meter"], row["quantity"]): (row["value"], row["unit"]) for row in _rows(meters_csv(healthy_status()))}

    assert values["pv", "active_power"] == ("-86.400000", "kW")
    assert values["main", "voltage_l1_n"] == ("229.400", "V")


def test_curve_says_where_each_value_is_from() -> None:
    """Power that was measured, or the counter's mean."""
    rows = _rows(curve_csv([Point(0, 1_500_000, 1_000_000, 2_000_000), Point(300_000, 5, 5, 5, is_counted=True)]))

    assert [(row["time"], row["mean_kw"], row["from"]) for row in rows] == [
        ("1970-01-01T00:00:00Z", "1.500000", "power"),
        ("1970-01-01T00:05:00Z", "0.000005", "counter"),
    ]


def test_event_names_its_meter() -> None:
    """Also where it is an alarm, whose subject is its key."""
    (row,) = _rows(events_csv([Event("alarm_raised", "over_current:press-3", "Too much.", 1, 0, NOW_MS, 7)]))

    assert (row["number"], row["meter"], row["detail"]) == ("7", "press-3", "Too much.")


def test_one_meter_has_its_own_values_only() -> None:
    """An unknown one has no file at all."""
    rows = _rows(meter_csv(healthy_status(), "pv") or "")

    assert {row["meter"] for row in rows} == {"pv"}
    assert meter_csv(healthy_status(), "nobody") is None


def test_lines_have_their_pace_and_each_meter_its_counters() -> None:
    """Names as in the status of the API; a dot in every decimal, whatever the language."""
    rows = _rows(lines_csv(healthy_status()))
    line, first = rows[0], rows[1]

    assert (line["line"], line["meter"], line["cycle_ms"], line["interval_ms"], line["utilisation"]) == (
        "rs485-1",
        "",
        "4230.0",
        "10000",
        "0.42",
    )
    assert (first["meter"], first["requests"], first["turnaround_median_ms"], first["cycle_ms"]) == ("main", "8640", "41.5", "")


def test_sync_names_each_part_and_its_times() -> None:
    """Instants as times, the rest as they are; what is not known is empty."""
    values = {(row["part"], row["name"]): row["value"] for row in _rows(sync_csv(troubled_status()))}

    assert (values["hub", "hub"], values["hub", "records"], values["hub", "oldest"]) == ("unreachable", "105870", "2026-03-28T00:46:12Z")
    assert (values["clock", "state"], values["card", "written_bytes"]) == ("synchronised", "2850000000")


def test_declared_units_say_who_and_whether_they_hold() -> None:
    """One row each, those that were taken back too."""
    (row,) = _rows(production_csv([UnitsDeclared("d1", "housing", 0, "16", "Li Wei", NOW_MS, holds=False)]))

    assert (row["id"], row["time"], row["units"]) == ("d1", "1970-01-01T00:00:00Z", "16")
    assert (row["declared_by"], row["holds"]) == ("Li Wei", "false")
