"""`shiftwatt identity`: which gateway this device is, and what to do when that has to change. The gateway must be stopped."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from gateway.buffer.store import StoreError
from gateway.deliver.key import KeyFileError, gateway_key
from gateway.folder import FolderError, FolderLock
from gateway.site import Site
from protocols.errors import OurMistake
from tools import identity
from tools.commands.options import SiteOption, load
from tools.exits import FAILED, WRONG_USE, sentences

NAME = "identity"
_ENDS = {FolderError: FAILED, StoreError: FAILED, KeyFileError: FAILED, identity.IdentityError: FAILED, OurMistake: WRONG_USE}

app = typer.Typer(
    help="Which gateway this device is: show it, take another one's place, change the key.", rich_markup_mode=None, no_args_is_help=True
)


@app.command()
def show(site: SiteOption = None) -> None:
    """Print the gateway's id and its public key."""
    found, _ = load(site)
    with sentences(_ENDS):
        key = gateway_key(found.data_folder)
    print(f"gateway    {key.gateway}\npublic key {key.public_key}")


@app.command()
def adopt(token_file: Path, site: SiteOption = None) -> None:
    """Take the place of a dead gateway, or go on after a restored backup: TOKEN_FILE holds what `shiftwatt hub replace` printed."""
    with _stopped(site) as found:
        try:
            token = token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise identity.IdentityError(f"the one-time token cannot be read from {token_file}: {error}") from error
        done = identity.adopt(found, token, _now_ms())
    print(f"This device is {done.gateway} now and goes on behind batch {done.number}.")
    if done.offered:
        print(f"{done.offered} older batches were delivered on the way.")
    if done.moved:
        print(f"{done.moved} records that the hub had not confirmed follow under new numbers.")


@app.command()
def new(site: SiteOption = None) -> None:
    """Make a copied device a gateway of its own, with a new key; it must be enrolled (`shiftwatt hub enrol NAME`)."""
    with _stopped(site) as found:
        gateway = identity.begin_anew(found, _now_ms())
    print(f"This device is {gateway} now. Enrol it: put a new token of `shiftwatt hub enrol NAME` into the file of enrol_token_file.")


@app.command()
def rotate(site: SiteOption = None) -> None:
    """Change the key; the old one vouches for the new one at the hub. May be repeated if it was interrupted."""
    with _stopped(site) as found:
        public_key, number = identity.rotate(found)
    print(f"From batch {number} on this gateway signs with {public_key}.")


@contextmanager
def _stopped(site: Path | None) -> Iterator[Site]:
    found, _ = load(site)
    with sentences(_ENDS), FolderLock(found.data_folder):
        yield found


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
