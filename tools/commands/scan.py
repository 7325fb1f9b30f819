"""`shiftwatt scan`: finds and identifies the meters on a wire. It only reads."""

import logging
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from gateway import field_work
from gateway.acquire.scan_result import Progress as Step
from gateway.acquire.wire import Wire
from tools.commands.line_choice import (
    BaudOption,
    Choice,
    LineOption,
    ParityOption,
    PortOption,
    TcpOption,
    choose,
    here,
    parity_of,
    there,
)  # fmt: skip
from tools.commands.options import JsonOption, SiteOption, console, print_json, table
from tools.exits import FAILED

NAME = "scan"
_SHOWN = ("voltage_l1_n", "active_power", "active_energy_import")


def command(
    port: PortOption = "",
    tcp: TcpOption = "",
    line: LineOption = "",
    baud: BaudOption = None,
    parity: ParityOption = None,
    budget: Annotated[float | None, typer.Option("--budget", min=5, max=600, help="Seconds after which it stops; default 60.")] = None,
    site: SiteOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command's option
) -> None:
    """Find and identify meters: likely settings first, only reads. With a site file, expected but silent meters are named."""
    logging.getLogger().setLevel(logging.WARNING)
    choice = choose(port, tcp, line, site)
    wishes = {"baud": baud, "parity": parity_of(parity), "budget_s": budget}
    document = _scan(choice, wishes)
    if as_json:
        print_json(document)
    else:
        show(document)
    if document["trouble"] or not document["found"]:
        raise typer.Exit(FAILED)


def _scan(choice: Choice, wishes: dict[str, Any]) -> dict[str, Any]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    screen = Console(stderr=True)
    with Progress(*columns, console=screen, disable=not screen.is_terminal, transient=True) as bar:
        task = bar.add_task("opening the wire", total=1.0)

        def say(step: Step) -> None:
            bar.update(task, completed=step.share, description=step.sentence)

        def told(progress: dict[str, Any]) -> None:
            bar.update(task, completed=progress["share"], description=(progress["sentences"] or [""])[-1])

        if choice.owned:
            return there(choice, "scan", told, **wishes)

        async def work(wire: Wire) -> dict[str, Any]:
            return await field_work.scan(wire, choice.target, choice.models, choice.site, wishes, say)

        return here(work, choice.target)


def show(document: dict[str, Any]) -> None:
    out = console()
    if document["found"]:
        shown = table("address", "setting", "model", "sure", *_SHOWN, numbers=("address", *_SHOWN))
        for each in document["found"]:
            setting = f"{each['baud']} 8{each['parity']}{each['stop_bits']}" if each["baud"] else "TCP"
            values = [each["values"].get(quantity, "-") for quantity in _SHOWN]
            shown.add_row(str(each["address"]), setting, each["model"] or "unknown", each["confidence"] or "-", *values)
        out.print(shown)
        for each in document["found"]:
            print(f"address {each['address']}: {each['evidence']}.")
    else:
        print(f"No meter answered on {document['port']}: check A and B, the supply of the meters, and that they have an RS-485 module.")
    for trouble in document["trouble"]:
        place = f"address {trouble['address']}" if trouble["address"] is not None else "the line"
        out.print(f"[red]✗[/red] {place}: {trouble['kind'].replace('_', ' ')}: {trouble['evidence']}", highlight=False)
    few = [f"{each['baud']} 8{each['parity']}{each['stop_bits']}" for each in document["searched"] if 0 < each["addresses"] < 247]
    rest = f" At {', '.join(few)} only some addresses were asked: --baud and --parity search all of one." if few else ""
    print(f"{document['seconds']:.0f} s on {document['port']}.{rest}")
