"""The store in the hands of a command: to read from at any time, to write to while no gateway runs there."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TypeVar

from gateway.books import Books
from gateway.buffer.connection import FILE
from gateway.buffer.store import Store, StoreError
from gateway.clock import SystemClock
from gateway.control import ControlError
from gateway.deliver.key import KeyFileError, gateway_key
from gateway.folder import FolderError, FolderLock
from gateway.site import Site
from protocols.meter import Meter
from tools.exits import FAILED, fail

Found = TypeVar("Found")

ENDS: dict[type[Exception], int] = {ControlError: FAILED, FolderError: FAILED, StoreError: FAILED, KeyFileError: FAILED}


@contextmanager
def own_store(site: Site, models: dict[str, Meter], clock: SystemClock) -> Iterator[Store]:
    """Figures follow what was done inside; nothing is booked if it fails."""
    with FolderLock(site.data_folder):
        key = gateway_key(site.data_folder)
        store = Store(site.data_folder, key.gateway, key.sign)
        try:
            yield store
            Books(site, models, store, clock.now_ms).update()
            store.outbox.seal(clock.now_ms())
        finally:
            store.close()


def reading(site: Site, what: Callable[[sqlite3.Connection], Found]) -> Found:
    """What a look into the store gives; a gateway that runs does not mind."""
    path = site.data_folder / FILE
    if not path.exists():
        fail(f"there is no store in {site.data_folder} yet; `shiftwatt run` or `shiftwatt import` makes one")
    try:
        with closing(sqlite3.connect(f"file:{path.as_posix()}?mode=ro", uri=True)) as connection:
            return what(connection)
    except sqlite3.Error as error:
        fail(f"the store {path} cannot be read ({error}); check its owner, and whether it is a Shiftwatt store")
