"""`shiftwatt run`: the gateway."""

import ctypes
import logging
from typing import Annotated

import typer

from gateway import compose
from gateway.admission import admission, refusals
from gateway.admitted import admit, unproven
from gateway.buffer.store import StoreError
from gateway.deliver.key import KeyFileError
from gateway.factor_pack import FactorPackError
from gateway.folder import FolderError, FolderLock
from gateway.web import PortTakenError
from tools.commands.options import SiteOption, load
from tools.exits import FAILED, WRONG_USE, fail, sentences

NAME = "run"
# One arena: more are for programs whose threads run at the same time, which Python's do not.
ARENAS = 1
# A buffer of a batch is given back to the system when it is done with; without this the bound grows with each of them.
MAPPED_BYTES_MIN = 128 * 1024
_M_ARENA_MAX, _M_MMAP_THRESHOLD = -8, -3  # malloc.h
log = logging.getLogger(__name__)

_ENDS = {
    FolderError: FAILED,
    StoreError: FAILED,
    KeyFileError: FAILED,
    PortTakenError: FAILED,
    FactorPackError: WRONG_USE,
}


def command(
    site: SiteOption = None,
    speed: Annotated[float, typer.Option(hidden=True, help="Simulated time runs this many times as fast.")] = 1.0,
    force: Annotated[bool, typer.Option("--force", help="Start although a line cannot keep up with the interval.")] = False,  # noqa: FBT002 - a command's option
    start_ms: Annotated[int | None, typer.Option(hidden=True, help="Simulated time begins at this Unix millisecond.")] = None,
) -> None:
    """Run the gateway until it is stopped (Ctrl-C or SIGTERM)."""
    _share_memory()
    found, models = load(site)
    verdicts = admission(found, models)
    with sentences(_ENDS), FolderLock(found.data_folder):
        refused = unproven(found.data_folder, verdicts)
        if refused and not force:
            fail(
                "\n".join([*refused, "Nothing was started; --force starts all the same: rounds are skipped then, counters are not."]),
                WRONG_USE,
            )
        for sentence in refusals(verdicts):
            log.warning("%s", sentence)
        admit(found.data_folder, verdicts)
        log.info("site %s: pages on %s, data in %s", found.site.name, found.pages.listen, found.data_folder)
        compose.serve(found, speed=speed, start_ms=start_ms)
        log.info("stopped; everything is committed")


def _share_memory() -> None:
    """glibc gives each of a dozen threads an arena that keeps what it freed; elsewhere there is no such call."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, ARENAS)
        mallopt(_M_MMAP_THRESHOLD, MAPPED_BYTES_MIN)
