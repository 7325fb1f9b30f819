"""`shiftwatt read`: one poll of every meter now. It stores nothing."""

import logging
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from gateway import compose, control
from gateway.acquire.wire import Settings
from gateway.acquisition import Acquisition
from gateway.clock import SystemClock
from gateway.folder import is_owned
from gateway.language import Language, language_of
from gateway.site import Site
from protocols.meter import Meter
from protocols.quantity import QUANTITIES
from tools.commands.line_choice import BaudOption, LineOption, ParityOption, PortOption, TcpOption, choose, parity_of
from tools.commands.options import JsonOption, SiteOption, console, load, print_json, table
from tools.commands.read_raw import read_raw
from tools.exits import FAILED, WRONG_USE, fail

NAME = "read"
# Beyond this a boundary never comes: nothing is read but what is asked for.
NEVER_MS = 2**62


def command(
    site: SiteOption = None,
    meter: Annotated[list[str] | None, typer.Option("--meter", help="Only this meter; may be repeated.")] = None,
    raw: Annotated[str, typer.Option("--raw", help="Registers as they stand: ADDRESS:FUNCTION:REGISTER:COUNT.")] = "",
    port: PortOption = "",
    tcp: TcpOption = "",
    line: LineOption = "",
    baud: BaudOption = None,
    parity: ParityOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command's option
) -> None:
    """Poll every meter once, now. Exit status 1 if one of them did not answer. With --raw, show registers as every type."""
    if raw:
        logging.getLogger().setLevel(logging.WARNING)
        settings = None if baud is None and parity is None else Settings(baud or 9600, parity_of(parity) or "N")
        read_raw(choose(port, tcp, line, site), raw, settings, as_json=as_json)
        return
    if port or tcp or line or baud or parity:
        fail("--port, --tcp, --line, --baud and --parity go with --raw; without it the site file says where its meters are", WRONG_USE)
    found, models = load(site)
    wanted = wanted_meters(found, meter or [])
    if not as_json:
        logging.getLogger().setLevel(logging.WARNING)
    entries = [_entry(found, name, document) for name, document in polls(found, models, wanted)]
    if as_json:
        print_json({"site": found.site.name, "meters": entries})
    elif entries:
        _show(entries, language_of(found.pages.language))
    else:
        print("No meter of this site is on a line: there is nothing to read.")
    if not all(entry["ok"] for entry in entries):
        raise typer.Exit(FAILED)


def wanted_meters(site: Site, names: list[str]) -> list[str]:
    on_lines = [meter.name for meter in site.meter if meter.line]
    for name in names:
        if name not in on_lines:
            known = ", ".join(on_lines) or "none"
            fail(f"there is no meter {name!r} on a line of this site; known: {known}", WRONG_USE)
    return [name for name in on_lines if not names or name in names]


def polls(site: Site, models: dict[str, Meter], wanted: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Through the running gateway if there is one; else with the lines opened here."""
    if is_owned(site.data_folder):
        for name in wanted:
            try:
                yield name, control.ask(site.data_folder, "read", meter=name)
            except control.ControlError as error:
                fail(str(error))
        return
    used = {site.meter_named(name).line for name in wanted}
    asked = site.model_copy(update={"line": tuple(line for line in site.line if line.name in used)})
    acquisition = Acquisition(asked, models, SystemClock(), lambda _: None, lambda _: None, lambda: lambda _: NEVER_MS, 0, on_demand=True)
    acquisition.start()
    try:
        for name in wanted:
            yield name, compose.poll_document(acquisition.read_now(name))
    finally:
        acquisition.stop()


def _entry(site: Site, name: str, document: dict[str, Any]) -> dict[str, Any]:
    meter = site.meter_named(name)
    return {"meter": name, "model": meter.model, "line": meter.line, "address": meter.address, **document}


def _show(entries: list[dict[str, Any]], words: Language) -> None:
    out = console()
    for entry in entries:
        title = f"{entry['meter']} ({entry['model']}, {entry['line']} address {entry['address']})"
        if not entry["ok"]:
            out.print(f"[red]✗[/red] {title}: {words.word('reason', entry['reason'])}", highlight=False)
            continue
        shown = table("quantity", "value", "unit", numbers=("value",), title=f"{title}, {entry['turnaround_ms']} ms")
        for quantity, value in entry["values"].items():
            shown.add_row(quantity, value, QUANTITIES[quantity].unit)
        for quantity, reason in entry["missing"].items():
            shown.add_row(quantity, f"[yellow]{words.word('reason', reason)}[/yellow]", "")
        out.print(shown)
