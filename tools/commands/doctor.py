"""`shiftwatt doctor`: is the wiring of every meter right, and are the buses well? It reads and judges, and changes nothing."""

import logging
import sqlite3
from typing import Annotated, Any

import typer

from gateway import doctor
from gateway.buffer.connection import FILE, Readers
from gateway.clock import SystemClock
from gateway.commissioning.finding import CERTAIN, UNTOLD, Finding
from gateway.language import language_of
from gateway.site import MeterTable, Site
from protocols.amount import inside
from protocols.quantity import QUANTITIES
from tools.commands.options import JsonOption, SiteOption, console, load, print_json
from tools.commands.read import polls, wanted_meters
from tools.exits import FAILED

NAME = "doctor"
# What is as it should be.
RIGHT = frozenset(("wiring_right", "ratio_right"))


def command(
    site: SiteOption = None,
    meter: Annotated[list[str] | None, typer.Option("--meter", help="Only this meter's wiring; may be repeated.")] = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command's option
) -> None:
    """Look for wiring mistakes and sick buses. Exit status 1 if one is found or a meter does not answer."""
    found, models = load(site)
    if not as_json:
        logging.getLogger().setLevel(logging.WARNING)
    wirings = [
        _wiring(found, found.meter_named(name), document) for name, document in polls(found, models, wanted_meters(found, meter or []))
    ]
    buses = [] if meter else _buses(found)
    words = language_of(found.pages.language)
    if as_json:
        print_json(
            {
                "site": found.site.name,
                "meters": [{"meter": name, "reason": reason, "wiring": list(map(_document, said))} for name, reason, said in wirings],
                "buses": list(map(_document, buses)),
            }
        )
    else:
        _show(wirings, buses, words.code)
    wrong = [each for _, _, said in wirings for each in said if each.kind not in RIGHT and each.confidence != UNTOLD]
    if wrong or buses or any(reason for _, reason, _ in wirings):
        raise typer.Exit(FAILED)


def _wiring(site: Site, meter: MeterTable, document: dict[str, Any]) -> tuple[str, str | None, list[Finding]]:
    """Name, why it gave no values (None if it did), and what its values say."""
    if not document["ok"]:
        return meter.name, document["reason"], []
    values = {name: inside(name, text, QUANTITIES[name].unit) for name, text in document["values"].items()}
    return meter.name, None, doctor.wiring_of(site, meter, values)


def _buses(site: Site) -> list[Finding]:
    path = site.data_folder / FILE
    if not path.exists():
        return []
    readers = Readers(path)
    try:
        return doctor.buses_of(site, readers.get(), SystemClock().now_ms())
    except sqlite3.Error as error:
        logging.getLogger(__name__).warning("the store %s cannot be read (%s): nothing is said about the buses", path, error)
        return []
    finally:
        readers.close()


def _document(finding: Finding) -> dict[str, Any]:
    words = language_of("en")
    return {
        "kind": finding.kind,
        "where": list(finding.where),
        "confidence": finding.confidence,
        "sentence": finding.sentence(words),
        "grounds": finding.grounds(words),
    }


def _show(wirings: list[tuple[str, str | None, list[Finding]]], buses: list[Finding], code: str) -> None:
    out, words = console(), language_of(code)
    for name, reason, said in wirings:
        if reason is not None:
            out.print(f"[red]✗[/red] {name}: {words.word('reason', reason)}", highlight=False)
        for finding in said:
            _say(out, name, finding, code)
    for finding in buses:
        _say(out, "", finding, code)
    if not wirings and not buses:
        out.print(words.say("doctor.nothing"))


def _say(out: Any, name: str, finding: Finding, code: str) -> None:
    words = language_of(code)
    mark = "[green]✓[/green]" if finding.kind in RIGHT else "[yellow]?[/yellow]" if finding.confidence == UNTOLD else "[red]✗[/red]"
    sure = "" if finding.confidence == CERTAIN or finding.kind in RIGHT else f" ({words.word('confidence', finding.confidence)})"
    subject = f"{name}: " if name else ""
    out.print(f"{mark} {subject}{finding.sentence(words)}{sure}", highlight=False)
    out.print(f"  [dim]{finding.grounds(words)}[/dim]", highlight=False)
