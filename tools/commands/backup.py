"""`shiftwatt backup`: site file, store and keys of a gateway in one archive, also while it runs."""

import os
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from gateway.buffer.connection import FILE
from gateway.control import SOCKET
from gateway.site import Site
from tools.commands.options import SiteOption, load, site_path
from tools.exits import WRONG_USE, fail

NAME = "backup"
# Pages of the store that are copied at once; between two pieces the gateway may write.
PAGES = 2_000


def command(
    archive: Annotated[Path, typer.Argument(help="The archive to make, for instance backup.tar.gz; it holds keys: keep it safe.")],
    site: SiteOption = None,
) -> None:
    """Copy everything a replacement needs. The store is copied as it stood at one moment, whoever writes to it."""
    found, _ = load(site)
    if archive.exists():
        fail(f"{archive} is there already; name another file, nothing was written", WRONG_USE)
    if not found.data_folder.is_dir():
        fail(f"there is no data folder {found.data_folder} yet; `shiftwatt run` or `shiftwatt import` makes it")
    try:
        count = _write(archive, found, site_path(site))
    except (OSError, sqlite3.Error) as error:
        archive.unlink(missing_ok=True)
        fail(f"the backup {archive} could not be written ({error}); make room or name another place, and try again")
    size = f"{archive.stat().st_size / 1e6:.1f} MB"
    print(f"{archive}: the site file and {count} files of {found.data_folder}, {size}. It holds the gateway's keys.")


def _write(archive: Path, site: Site, site_file: Path) -> int:
    """How many files of the data folder are in it."""
    count = 0
    descriptor = os.open(
        archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600
    )  # keys are inside: for its owner only, from the first byte on
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as tar, tempfile.TemporaryDirectory() as folder:
        tar.add(site_file, "site.toml")
        for path in sorted(site.data_folder.rglob("*")):
            if not path.is_file() or path.name == SOCKET or path.name.startswith(FILE + "-"):
                continue  # the journal beside the store is part of its copy
            copied = path
            if path.name == FILE:
                copied = Path(folder) / FILE
                _copy_store(path, copied)
            tar.add(copied, f"{site.site.data}/{path.relative_to(site.data_folder).as_posix()}")
            count += 1
    return count


def _copy_store(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as read, closing(sqlite3.connect(target)) as written:
        read.backup(written, pages=PAGES)
