"""`shiftwatt shifts`: shift figures as they stand, or as they were known at an instant. It only reads."""

import csv
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import typer

from gateway.buffer import series
from gateway.carbon.version import causes
from gateway.clock import SystemClock
from gateway.deliver.formats import as_in_json
from gateway.site import Site
from gateway.site_inputs import inputs_of
from gateway.zone import zone
from protocols.meter import Meter
from protocols.reading import iso, milliseconds_of
from tools.commands import preview
from tools.commands.options import SiteOption, console, load, print_json, table
from tools.commands.own_store import reading
from tools.exits import WRONG_USE, fail

NAME = "shifts"
FOREVER_MS = 2**62


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def command(
    site: SiteOption = None,
    from_: Annotated[str, typer.Option("--from", help="First date or instant (2026-03-28, or with time and offset).")] = "",
    to: Annotated[str, typer.Option("--to", help="Date or instant after the last.")] = "",
    as_known_at: Annotated[str, typer.Option("--as-known-at", help="As it was known at this instant.")] = "",
    format_: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TABLE,
    is_preview: Annotated[bool, typer.Option("--preview", help="What the calendar means, now and later.")] = False,  # noqa: FBT002 - see below
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,  # noqa: FBT002 - a command's option
) -> None:
    """Print the energy and carbon of each shift."""
    found, models = load(site)
    local = zone(found.site.timezone)
    if is_preview:
        _preview(found, models, local, (from_, to, as_known_at), as_json=as_json or format_ is Format.JSON)
        return
    from_ms = instant_of(from_, "--from", local) if from_ else 0
    to_ms = instant_of(to, "--to", local) if to else FOREVER_MS
    if to_ms <= from_ms:
        fail(f"--to {to} must lie after --from {from_ or '1970-01-01'}", WRONG_USE)
    known_ms = instant_of(as_known_at, "--as-known-at", local) if as_known_at else None
    figures = reading(found, lambda connection: series.figures(connection, from_ms, to_ms, known_ms))
    if as_json or format_ is Format.JSON:
        known = iso(SystemClock().now_ms() if known_ms is None else known_ms)
        print_json({"site": found.site.name, "as_known_at": known, "figures": figures})
    elif format_ is Format.CSV:
        _print_csv(figures)
    else:
        _print_table(figures, local)


def _preview(site: Site, models: Mapping[str, Meter], local: tzinfo, asked: tuple[str, str, str], *, as_json: bool) -> None:
    from_, to, as_known_at = asked
    if as_known_at:
        fail("--preview shows the calendar of the site file as it is now; --as-known-at does not go with it", WRONG_USE)
    inputs, now_ms = inputs_of(site, models), SystemClock().now_ms()
    from_ms, to_ms = instant_of(from_, "--from", local) if from_ else None, instant_of(to, "--to", local) if to else None
    start_ms, end_ms = preview.span_of(inputs, now_ms, from_ms, to_ms)
    if not 0 < end_ms - start_ms <= preview.DAYS_MAX * 86_400_000:
        fail(f"--to must lie after --from, and at most {preview.DAYS_MAX} days", WRONG_USE)
    preview.show(inputs, now_ms, start_ms, end_ms, as_json=as_json)


def instant_of(text: str, option: str, local: tzinfo) -> int:
    """Unix milliseconds of an instant with offset, or of the local midnight of a date."""
    try:
        if len(text) == len("2026-03-28"):
            midnight = datetime.combine(datetime.strptime(text, "%Y-%m-%d").date(), datetime.min.time(), local)  # noqa: DTZ007 - the zone follows
            return (midnight.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        return milliseconds_of(text)
    except ValueError:
        fail(f"{option} {text!r} is neither a date such as 2026-03-28 nor an instant such as 2026-03-28T22:00:00+08:00", WRONG_USE)


def _print_csv(figures: list[dict[str, Any]]) -> None:
    """One row per figure and counter, then what the figure says as a whole in each of its rows."""
    writer = csv.writer(sys.stdout)
    parts = ("meter", "quantity", "unit", "amount", "measured", "interpolated", "estimated", "adjustment", "missing_s")
    head = ("date", "shift", "production_line", "start", "end", "version", "state")
    carbon = ("scope1_kg", "scope2_location_kg", "scope2_market_kg")
    writer.writerow([*head, *parts, *carbon, "complete"])
    for figure in figures:
        for meter in figure["meters"]:
            values = [figure[key] for key in head], [meter[key] for key in parts], [figure["carbon"][key] for key in carbon]
            writer.writerow([*values[0], *values[1], *values[2], as_in_json(figure["complete"])])


def _print_table(figures: list[dict[str, Any]], local: tzinfo) -> None:
    amounts = ("load kWh", "bought kWh", "own kWh", "kg scope 2")
    shown = table("date", "shift", "line", "from", "to", *amounts, "state", "complete", numbers=amounts)
    for figure in figures:
        balance = figure["balance"]
        numbers = (balance["load_kwh"], balance["import_kwh"], balance["self_consumption_kwh"], figure["carbon"]["scope2_location_kg"])
        state = f"{figure['state']} {figure['version']}" if figure["version"] > 1 else figure["state"]
        span = (_clock(figure["start"], local), _clock(figure["end"], local))
        whole = "yes" if figure["complete"] else "no"
        shown.add_row(figure["date"], figure["shift"], figure["production_line"] or "", *span, *map(_short, numbers), state, whole)
    console().print(shown)
    for figure in figures:
        for cause in causes(figure):
            print(f"{figure['date']} {figure['shift']}, version {figure['version']}: {cause}")
    if not figures:
        print("There is no figure in this time.")


def _clock(text: str, local: tzinfo) -> str:
    return datetime.fromisoformat(text).astimezone(local).strftime("%H:%M")


def _short(text: str | None) -> str:
    """One decimal for a table; the exact figure stands in the JSON."""
    return "-" if text is None else f"{Decimal(text):,.1f}"
