"""`shiftwatt import`: readings from elsewhere, through the running gateway or straight into the store."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.progress import Progress

from gateway import control, importing
from gateway.clock import SystemClock
from gateway.folder import is_owned
from gateway.site import Site
from protocols.meter import Meter
from tools.commands.options import JsonOption, SiteOption, load, print_json
from tools.commands.own_store import ENDS, own_store
from tools.exits import FAILED, WRONG_USE, sentences

NAME = "import"
_ENDS: dict[type[Exception], int] = {importing.HeaderError: WRONG_USE, **ENDS}
Take = Callable[[list[importing.Row], importing.Report], None]


def command(
    file: Annotated[str, typer.Argument(help="CSV with the header time,meter,quantity,value,unit; - for standard input.")],
    site: SiteOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command's option
) -> None:
    """Take readings from a CSV file. The same rows again, in any order or split, change nothing."""
    found, models = load(site)
    report = importing.Report()
    with sentences(_ENDS), _opened(file) as (lines, size), _taking(found, models) as take:
        _import(lines, size, found, take, report, quiet=as_json)
    if as_json:
        print_json({name: getattr(report, name) for name in ("rows", "taken", "known", "refused", "refusals", "conflicts")})
    else:
        _tell(report)
    if report.refused or report.conflicts:
        raise typer.Exit(FAILED)


class UnreadableError(Exception):
    pass


def _file(path: Path) -> TextIO:
    try:
        return path.open(encoding="utf-8", errors="replace", newline="")  # a row that is no UTF-8 is a bad row
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read ({error.strerror}); name a CSV file, or - for standard input") from error


@contextmanager
def _opened(file: str) -> Iterator[tuple[TextIO, int | None]]:
    if file == "-":
        if isinstance(sys.stdin, TextIOWrapper):
            sys.stdin.reconfigure(encoding="utf-8", errors="replace", newline="")
        yield sys.stdin, None
        return
    with sentences({UnreadableError: WRONG_USE}), _file(Path(file)) as opened:
        yield opened, Path(file).stat().st_size


@contextmanager
def _taking(site: Site, models: dict[str, Meter]) -> Iterator[Take]:
    """How a piece of rows gets into the store; figures follow when all are in."""
    if is_owned(site.data_folder):
        yield lambda rows, report: _ask(site, rows, report)
        return
    clock = SystemClock()
    with own_store(site, models, clock) as store:
        yield lambda rows, report: importing.take(store, rows, report, clock.now_ms())


def _ask(site: Site, rows: list[importing.Row], report: importing.Report) -> None:
    answer: dict[str, Any] = control.ask(site.data_folder, "import", rows=[importing.as_json(row) for row in rows])
    report.rows += len(rows)
    report.known += answer["known"]
    report.taken += answer["taken"]
    report.conflict(answer["conflicts"])


def _import(lines: TextIO, size: int | None, site: Site, take: Take, report: importing.Report, *, quiet: bool) -> None:
    console = Console(stderr=True)
    with Progress(console=console, disable=quiet or not console.is_terminal, transient=True) as progress:
        task = progress.add_task("import", total=size)
        for piece in importing.pieces(
            importing.rows_of(_counting(lines, lambda read: progress.update(task, completed=read)), site, SystemClock().instant().time_ms),
            report,
        ):
            take(piece, report)


def _counting(lines: TextIO, advance: Callable[[int], None]) -> Iterator[str]:
    read = 0
    for number, line in enumerate(lines):
        read += len(line)
        if number % 1000 == 0:
            advance(read)
        yield line


def _tell(report: importing.Report) -> None:
    for line in (*report.refusals, *report.conflicts):
        print(line, file=sys.stderr)
    more = report.refused - len(report.refusals)
    if more > 0:
        print(f"... and {more} more refused rows", file=sys.stderr)
    counts = f"{report.taken} taken, {report.known} known already, {report.refused} refused, {len(report.conflicts)} conflicts"
    print(f"{report.rows} rows: {counts}.")
