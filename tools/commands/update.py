"""`shiftwatt update`: a new version into one of our own submeters, while all meters go on being polled."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from gateway import exchanging, updating
from gateway.acquisition import Acquisition
from gateway.clock import SystemClock
from gateway.control import ControlError
from gateway.folder import is_owned
from gateway.site import MeterTable, Site
from gateway.updating import Before, Surroundings, UpdateError, Updating
from protocols.meter import Meter
from tools.commands.options import JsonOption, SiteOption, load, print_json
from tools.exits import FAILED, WRONG_USE, fail, sentences

NAME = "update"
MODEL = "shiftwatt-submeter"
_SAID = {
    "begin": "asks the meter to receive",
    "transfer": "sends",
    "check": "the meter checks signature and digests",
    "install": "the meter installs and restarts",
    "trial": "the new version measures on trial",
}
# Beyond this a boundary never comes: nothing is read but what is asked for.
_NEVER_MS = 2**62


def command(
    meter: Annotated[str, typer.Argument(metavar="METER", help="One of our own submeters, by its name in the site file.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The bundle, as `shiftwatt bundle make` writes it.")],
    site: SiteOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command's option
) -> None:
    """Bring a new version into a submeter. It can be stopped and started again; counters go on."""
    found, models = load(site)
    table = _wanted(found, meter)
    bundle = _read(file)
    with sentences({UpdateError: WRONG_USE}):
        head = updating.head_of_bundle(bundle)
    if not as_json:
        # That a network meter hangs up when it restarts belongs to it.
        logging.getLogger().setLevel(logging.ERROR)
    console = Console(stderr=True)
    with (
        sentences({UpdateError: FAILED, ControlError: FAILED}),
        _exchange(found, models, table) as exchange,
        _bar(console, quiet=as_json or not console.is_terminal) as progress,
    ):
        surroundings = Surroundings(exchange, time.sleep, time.monotonic, progress)
        before = _run(Updating(table.name, models[table.model], surroundings), bundle, table.name)
    if as_json:
        print_json({"meter": table.name, "hardware": before.hardware, "from": before.version, "to": head.version})
    else:
        print(_told(table.name, before, head.version))


def _run(update: Updating, bundle: bytes, name: str) -> Before:
    try:
        return update.run(bundle)
    except KeyboardInterrupt:
        print(f"stopped; {name} goes on metering and keeps what it holds: the same command goes on there.", file=sys.stderr)
        raise


def _told(name: str, before: Before, version: str) -> str:
    if before.is_recovery:
        was = "came out of recovery mode and runs"
    elif before.is_on_trial:
        was = "was on trial and is confirmed:"
    elif before.version == version:
        return f"{name} runs {version} already; nothing was sent."
    else:
        was = f"ran {before.version}, now runs"
    return f"{name} {was} {version}. It measures, and its counters went on."


def _wanted(site: Site, name: str) -> MeterTable:
    ours = [each.name for each in site.meter if each.model == MODEL and each.line]
    if name not in [each.name for each in site.meter]:
        fail(f"there is no meter {name!r} in this site; our own submeters here: {', '.join(ours) or 'none'}", WRONG_USE)
    if name not in ours:
        model = site.meter_named(name).model
        fail(f"{name} is {model or 'a meter without a model'}; only our own submeters ({MODEL}) take updates", WRONG_USE)
    return site.meter_named(name)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        fail(f"{file} cannot be read ({error.strerror}); name a bundle", WRONG_USE)


@contextmanager
def _exchange(site: Site, models: dict[str, Meter], meter: MeterTable) -> Iterator[exchanging.Exchange]:
    """Through the running gateway if there is one; else with the line opened here."""
    if is_owned(site.data_folder):
        yield exchanging.through_gateway(site.data_folder, meter)
        return
    acquisition = Acquisition(site, models, SystemClock(), lambda _: None, lambda _: None, lambda: lambda _: _NEVER_MS, 0, on_demand=True)
    acquisition.start()
    try:
        yield exchanging.of_own(acquisition, meter)
    finally:
        acquisition.stop()


@contextmanager
def _bar(console: Console, *, quiet: bool) -> Iterator["_Shown"]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[sent]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=quiet, transient=True) as progress:
        yield _Shown(progress)


class _Shown:
    """One bar a step: what has no known end only shows that something goes on."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._step = ""
        self._task: TaskID | None = None

    def __call__(self, step: str, done: int, total: int) -> None:
        if self._task is None or step != self._step:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._step = step
            self._task = self._progress.add_task(_SAID[step], total=total or None, sent="")
        sent = f"{done / 1000:.1f} of {total / 1000:.1f} kB" if total else ""
        self._progress.update(self._task, completed=done, sent=sent)
