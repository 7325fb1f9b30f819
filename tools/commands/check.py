"""`shiftwatt check`: every mistake of the site file at once, each with its place."""

from collections.abc import Iterator, Mapping

import typer

from gateway import site_check, site_inputs
from gateway.admission import admission, refusals
from gateway.site import Site
from gateway.site_mistake import Mistake
from protocols.errors import OurMistake
from protocols.meter import Meter
from tools.commands.options import JsonOption, SiteOption, console, load, print_json, quantities, site_path, table
from tools.exits import WRONG_USE, fail

NAME = "check"


def command(site: SiteOption = None, as_json: JsonOption = False) -> None:  # noqa: FBT002 - a command's option
    """Check the site file; every mistake with its place. Nothing is started."""
    if as_json:
        _as_json(site)
        return
    found, models = load(site)
    shown = table("meter", "role", "line", "address", "model", "under", numbers=("address",))
    for meter in found.meter:
        shown.add_row(meter.name, meter.role, meter.line or "-", str(meter.address or "-"), meter.model or "-", meter.parent or "-")
    console().print(shown)
    for sentence in _doubts(found, models):
        print(sentence)
    refused = refusals(admission(found, models))
    if refused:
        fail("\n".join(refused), WRONG_USE)
    counts = ", ".join(f"{len(tables)} {name}{'' if len(tables) == 1 else 's'}" for name, tables in _tables(found).items())
    print(f"{site_path(site)} is sound: {counts}.")


def _tables(site: Site) -> dict[str, tuple[object, ...]]:
    return {"line": site.line, "meter": site.meter, "shift": site.shift}


def _doubts(site: Site, models: Mapping[str, Meter]) -> Iterator[str]:
    """Counters that are booked although only one source, or conflicting ones, say where they lie."""
    for each in site_inputs.counted(site, models):
        meter = site.meter_named(each.spec.meter)
        if meter.model and models[meter.model].confidence.get(each.spec.quantity) == "low":
            yield f"{meter.name}: {each.spec.quantity} of {meter.model} is not proven; compare it with the meter's display."


def _three(parts: list[str]) -> list[str]:
    """Without a place in the file the sentence is about the whole of it."""
    return parts if len(parts) == 3 else [parts[0], "", ": ".join(parts[1:])]


def _as_json(site: SiteOption) -> None:
    try:
        site_check.load(site_path(site), quantities)
    except site_check.SiteError as error:
        print_json({"ok": False, "mistakes": [mistake._asdict() for mistake in error.mistakes]})
        raise typer.Exit(WRONG_USE) from None
    except OurMistake as mistake:  # of the site's own meter files: "file: place: sentence", one a line
        places = [line.split(": ", 2) for line in str(mistake).splitlines()]
        print_json({"ok": False, "mistakes": [dict(zip(("table", "key", "sentence"), _three(each), strict=True)) for each in places]})
        raise typer.Exit(WRONG_USE) from None
    refused = [verdict for verdict in admission(*load(site)) if not verdict.fits]
    mistakes = [Mistake("line", verdict.line, verdict.sentence) for verdict in refused]
    print_json({"ok": not mistakes, "mistakes": [mistake._asdict() for mistake in mistakes]})
    if mistakes:
        raise typer.Exit(WRONG_USE)
