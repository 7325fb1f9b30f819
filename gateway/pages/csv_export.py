"""What is on the screen as CSV: exact values in outside units, times in UTC, headings that do not change with the language."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from decimal import Decimal
from typing import Any

from gateway.interfaces import UnitsDeclared
from gateway.pages.curve import Point
from gateway.pages.event_page import meter_of
from gateway.pages.shift_figure import DIRECT, ESTIMATED, INTERPOLATED, LOCATION, MARKET, MEASURED, Document, shift_figure
from gateway.status import ClockStatus, ForwardStatus, GatewayStatus, MeterStatus, OutboxStatus, PollCounters, StoreStatus, WearStatus
from protocols.amount import decimal_text
from protocols.quantity import QUANTITIES
from protocols.reading import Event, iso

# A spreadsheet takes a text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_PLACE = ("meter", "role", "parent", "production_line", "model", "line", "address", "state", "reason")
Cell = str | int | Decimal | None


def text(heading: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(heading)
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    return written.getvalue()


def _safe(cell: Cell) -> Cell:
    if isinstance(cell, str) and cell.startswith(_FORMULA) and not _is_number(cell):
        return "'" + cell
    return "" if cell is None else cell


def _is_number(cell: str) -> bool:
    return cell.removeprefix("-").replace(".", "", 1).isdigit()


def shifts_csv(documents: Iterable[Document], roles: dict[str, str]) -> str:
    heading = ("date", "shift", "production_line", "start", "end", "version", "state", "energy_kwh",
               "measured_share", "interpolated_share", "estimated_share", "missing_s",
               "scope2_location_kg", "gases", "scope2_market_kg", "scope1_kg", "complete", "sha256")  # fmt: skip
    rows = []
    for document in documents:
        figure = shift_figure(document, roles)
        shares = [round(figure.shares[quality], 6) for quality in (MEASURED, INTERPOLATED, ESTIMATED)]
        carbon = [figure.carbon[line].kg for line in (MARKET, DIRECT)]
        rows.append(
            (document["date"], figure.name, figure.production_line, document["start"], document["end"], figure.version, figure.state,
             figure.energy_kwh, *shares, figure.missing_s, figure.carbon[LOCATION].kg, figure.carbon[LOCATION].gases, *carbon,
             "true" if figure.complete else "false", document["sha256"])
        )  # fmt: skip
    return text(heading, rows)


def meters_csv(status: GatewayStatus) -> str:
    return text((*_PLACE, "time", "quantity", "value", "unit"), (row for meter in status.meters for row in _meter_rows(meter)))


def _meter_rows(meter: MeterStatus) -> Iterable[Sequence[Cell]]:
    place = (meter.name, meter.role, meter.parent, meter.production_line, meter.model, meter.line, meter.address, meter.state, meter.reason)
    time = "" if meter.time_ms is None else iso(meter.time_ms)
    if not meter.values:
        yield (*place, time, "", "", "")
    for name, value in meter.values.items():
        yield (*place, time, name, decimal_text(value, QUANTITIES[name].decimals), QUANTITIES[name].unit)


def meter_csv(status: GatewayStatus, name: str) -> str | None:
    """The values of one meter; None if there is no such meter."""
    found = next((meter for meter in status.meters if meter.name == name), None)
    return None if found is None else text((*_PLACE, "time", "quantity", "value", "unit"), _meter_rows(found))


def lines_csv(status: GatewayStatus) -> str:
    """A row for each line and one for each meter on it; times in milliseconds, as the API has them."""
    counters = [field.name for field in fields(PollCounters)]
    heading = ("line", "meter", "address", "kind", "target", "state", "cycle_ms", "least_cycle_ms", "interval_ms", "utilisation", *counters,
               "turnaround_median_ms", "turnaround_slow_ms")  # fmt: skip
    rows: list[Sequence[Cell]] = []
    for line in status.lines:
        pace = (_exact(line.cycle_ms), _exact(line.least_cycle_ms), line.interval_ms, _exact(line.utilisation))
        rows.append((line.name, "", "", line.kind, line.target, line.state, *pace, *astuple(line.counters), "", ""))
        rows += [
            (line.name, meter.name, meter.address, "", "", meter.state, "", "", "", "", *astuple(meter.counters),
             _exact(meter.turnaround_median_ms), _exact(meter.turnaround_slow_ms))
            for meter in status.meters if meter.line == line.name
        ]  # fmt: skip
    return text(heading, rows)


def sync_csv(status: GatewayStatus) -> str:
    """Hub, store, card, clock and other systems as rows of part, name and value; the names are those of the status."""
    parts: dict[str, OutboxStatus | StoreStatus | ClockStatus | ForwardStatus | WearStatus] = {
        "hub": status.outbox,
        "store": status.store,
        "clock": status.clock,
        **{each.name: each for each in status.forwards},
    }
    if status.wear is not None:
        parts["card"] = status.wear
    rows = ((part, *_status_cell(field.name, getattr(value, field.name))) for part, value in parts.items() for field in fields(value))
    return text(("part", "name", "value"), rows)


def _status_cell(name: str, value: Any) -> tuple[str, Cell]:
    """An instant in milliseconds is written as a time, like everywhere outside."""
    if name.endswith("_ms") and value is not None:
        return name.removesuffix("_ms"), iso(value)
    return name, value


def _exact(value: float | None) -> Cell:
    return None if value is None else Decimal(str(round(value, 6)))


def production_csv(units: Iterable[UnitsDeclared]) -> str:
    heading = ("id", "product", "time", "units", "declared_by", "declared_at", "holds")
    return text(
        heading,
        (
            (each.id, each.product, iso(each.time_ms), each.units, each.person, iso(each.known_at_ms), "true" if each.holds else "false")
            for each in units
        ),
    )


def curve_csv(found: Iterable[Point]) -> str:
    return text(("time", "mean_kw", "least_kw", "most_kw", "from"), map(_point_row, found))


def _point_row(point: Point) -> Sequence[Cell]:
    kilowatts = (decimal_text(value, 6) for value in (point.mean, point.least, point.most))
    return (iso(point.start_ms), *kilowatts, "counter" if point.is_counted else "power")


def events_csv(events: Iterable[Event]) -> str:
    rows = ((each.sequence, "" if each.time_ms is None else iso(each.time_ms), each.kind, meter_of(each), each.detail) for each in events)
    return text(("number", "time", "kind", "meter", "detail"), rows)
