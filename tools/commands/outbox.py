"""`shiftwatt outbox`: batches that the hub refused for good, and sending one of them again once the reason is gone.

Through the running gateway if there is one; else on the store itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway import control
from gateway.buffer.store import Store, StoreError
from gateway.deliver.key import KeyFileError, gateway_key
from gateway.folder import FolderError, FolderLock, is_owned
from tools.commands.options import JsonOption, SiteOption, console, load, print_json, table
from tools.exits import FAILED, fail, sentences

NAME = "outbox"
_ENDS = {FolderError: FAILED, StoreError: FAILED, KeyFileError: FAILED, control.ControlError: FAILED}

app = typer.Typer(help="Batches that the hub refused for good: show them, send one again.", rich_markup_mode=None, no_args_is_help=True)


@app.command()
def refused(site: SiteOption = None, as_json: JsonOption = False) -> None:  # noqa: FBT002 - a command's option
    """Show the batches that were refused, with the hub's reasons. Exit status 1 if there are any."""
    folder = load(site)[0].data_folder
    with sentences(_ENDS):
        found = _refused(folder)
    if as_json:
        print_json({"refused": found})
    else:
        shown = table("batch", "records", "bytes", "reason", numbers=("batch", "records", "bytes"))
        for each in found:
            records = each["last_sequence"] - each["first_sequence"] + 1
            shown.add_row(str(each["number"]), str(records), str(each["body_bytes"]), each["reason"])
        console().print(shown if found else "No batch was refused.")
    if found:
        raise typer.Exit(FAILED)


@app.command()
def replay(number: Annotated[int, typer.Argument(help="The batch's number.")], site: SiteOption = None) -> None:
    """Send a refused batch again, in the place of its tombstone: for when the hub has been mended or updated."""
    folder = load(site)[0].data_folder
    with sentences(_ENDS):
        done = _replay(folder, number)
    if not done:
        fail(f"no batch was refused under the number {number}; `shiftwatt outbox refused` lists them")
    print(f"Batch {number} is in the queue again.")


def _refused(folder: Path) -> list[dict[str, Any]]:
    if is_owned(folder):
        found: list[dict[str, Any]] = control.ask(folder, "refused")["refused"]
        return found
    with _opened(folder) as store:
        return [each._asdict() for each in store.outbox.refused()]


def _replay(folder: Path, number: int) -> bool:
    if is_owned(folder):
        return bool(control.ask(folder, "replay", number=number)["replayed"])
    with _opened(folder) as store:
        return store.outbox.replay(number)


@contextmanager
def _opened(folder: Path) -> Iterator[Store]:
    with FolderLock(folder):
        key = gateway_key(folder)
        store = Store(folder, key.gateway, key.sign)
        try:
            yield store
        finally:
            store.close()
