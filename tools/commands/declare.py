"""`shiftwatt declare`: what numbers alone cannot know, through the running gateway or straight into the store."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway import control, declared
from gateway.buffer import series
from gateway.certificate_file import COLUMNS as CERTIFICATE_COLUMNS
from gateway.clock import SystemClock
from gateway.declaring import DeclarationError, Declarations
from gateway.folder import is_owned
from gateway.offset_file import COLUMNS as OFFSET_COLUMNS
from tools.commands.options import JsonOption, SiteOption, load, print_json
from tools.commands.own_store import ENDS, own_store, reading
from tools.exits import WRONG_USE, fail, sentences

NAME = "declare"
_ENDS = {**ENDS, DeclarationError: WRONG_USE}
app = typer.Typer(help="What numbers alone cannot know: a swapped meter, pieces made, certificates.", no_args_is_help=True)

MeterOption = Annotated[str, typer.Option("--meter", help="The meter's name.")]
TimeOption = Annotated[str, typer.Option("--time", help="When, with offset: 2026-03-28T22:00:00+08:00.")]
QuantityOption = Annotated[
    list[str] | None, typer.Option("--quantity", help="The counter; may be repeated. Default: active_energy_import.")
]
FileOption = Annotated[Path, typer.Option("--file", help="A CSV file; its header is told if it does not fit.")]


@app.command("swap")
def swap(
    meter: MeterOption,
    time: TimeOption,
    old_final: Annotated[list[str], typer.Option(help="What the old meter showed at last; one for each quantity.")],
    new_start: Annotated[list[str], typer.Option(help="What the new meter showed at first; one for each quantity.")],
    quantity: QuantityOption = None,
    site: SiteOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command's option
) -> None:
    """A meter was exchanged: the energy goes on from the old counter to the new."""
    values = {"old_final": old_final, "new_start": new_start, "quantities": quantity or []}
    _declare(site, {"declare": declared.SWAP, "meter": meter, "time": time, **values}, as_json=as_json)


@app.command("reset")
def reset(
    meter: MeterOption,
    time: TimeOption,
    quantity: QuantityOption = None,
    site: SiteOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command's option
) -> None:
    """A counter began anew: the energy across it is not known."""
    _declare(site, {"declare": declared.RESET, "meter": meter, "time": time, "quantities": quantity or []}, as_json=as_json)


@app.command("ratio")
def ratio(
    meter: MeterOption,
    time: TimeOption,
    ct: Annotated[str, typer.Option(help="The new current transformers, such as 200/5.")],
    vt: Annotated[str, typer.Option(help="The new voltage transformers, such as 10000/100.")] = "",
    site: SiteOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command's option
) -> None:
    """Transformers were changed: a new segment of every counter of the meter begins."""
    _declare(site, {"declare": declared.RATIO, "meter": meter, "time": time, "ct": ct, "vt": vt}, as_json=as_json)


@app.command("production")
def production(
    product: Annotated[str, typer.Option(help="The product's name in the site file.")],
    time: TimeOption,
    units: Annotated[str, typer.Option(help="Good units made in the shift in which that time lies.")],
    site: SiteOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command's option
) -> None:
    """Good units of a product."""
    _declare(site, {"declare": declared.PRODUCTION, "product": product, "time": time, "units": units}, as_json=as_json)


@app.command("certificate")
def certificate(file: FileOption, site: SiteOption = None, as_json: JsonOption = False) -> None:  # noqa: FBT002 - a command's option
    """Certificates and contracts of electricity, one declaration for each row."""
    _declare(site, {"declare": declared.CERTIFICATE, "rows": _rows(file, CERTIFICATE_COLUMNS)}, as_json=as_json)


@app.command("offset")
def offset(file: FileOption, site: SiteOption = None, as_json: JsonOption = False) -> None:  # noqa: FBT002 - a command's option
    """Offsets, one declaration for each row; they stand beside gross figures and change none."""
    _declare(site, {"declare": declared.OFFSET, "rows": _rows(file, OFFSET_COLUMNS)}, as_json=as_json)


@app.command("undo")
def undo(
    identity: Annotated[str, typer.Argument(metavar="ID", help="The number that was printed, such as d3.")],
    site: SiteOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command's option
) -> None:
    """Take a declaration back; that is a declaration too, and figures get new versions."""
    _declare(site, {"declare": declared.UNDO, "undoes": identity}, as_json=as_json)


@app.command("list")
def list_(site: SiteOption = None, as_json: JsonOption = False) -> None:  # noqa: FBT002 - a command's option
    """Everything that was declared, with its number; what was taken back too."""
    found, _ = load(site)
    listed = declared.listed(reading(found, series.declarations))
    if as_json:
        print_json({"declarations": listed})
        return
    for each in listed:
        rest = {key: value for key, value in each.items() if key not in ("id", "known_at", "holds")}
        print(f"{each['id']:>4}  {each['known_at'][:19]}Z  {'holds ' if each['holds'] else 'undone'}  {declared.in_words(rest)}")
    if not listed:
        print("Nothing was declared yet.")


def _rows(file: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        fail(f"{file} cannot be read ({error.strerror}); name a CSV file", WRONG_USE)
    except UnicodeDecodeError as error:
        fail(f"{file} is not UTF-8 text (byte {error.start}); save the table as CSV UTF-8", WRONG_USE)
    reader = csv.DictReader(lines)
    if tuple(reader.fieldnames or ()) != tuple(columns):
        fail(f"{file} line 1: the header must be {','.join(columns)}", WRONG_USE)
    rows = []
    for row in reader:
        if None in row or None in row.values():
            fail(f"{file} line {reader.line_num}: has not as many cells as the header", WRONG_USE)
        rows.append({key: value.strip() for key, value in row.items()})
    return rows


def _declare(site: Path | None, request: dict[str, Any], *, as_json: bool) -> None:
    found, models = load(site)
    with sentences(_ENDS):
        if is_owned(found.data_folder):
            answer = control.ask(found.data_folder, "declare", request=request)
        else:
            clock = SystemClock()
            with own_store(found, models, clock) as store:
                answer = Declarations(found, models, store, clock.now_ms).declare(request)._asdict()
    if as_json:
        print_json(answer)
        return
    for identity in answer["ids"]:
        print(identity)
    if answer["known"]:
        print(f"Declared before, word for word, as {', '.join(answer['known'])}; nothing new.")
