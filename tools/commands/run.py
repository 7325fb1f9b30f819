"""`shiftwatt run`: the gateway."""

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
FORCE = "Nothing was started. --force starts all the same: rounds are skipped then, counters are not."
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
