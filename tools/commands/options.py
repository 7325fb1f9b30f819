"""Options that several commands share, and how a command comes by its site."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gateway import catalogue, site_check
from gateway.site import Site
from gateway.site_relations import facts
from protocols.errors import OurMistake
from protocols.meter import Meter
from tools.exits import WRONG_USE, sentences

SITE_FILE = "site.toml"
SITE_VARIABLE = "SHIFTWATT_SITE"

SiteOption = Annotated[Path | None, typer.Option("--site", help=f"The site file; default ./{SITE_FILE}, then ${SITE_VARIABLE}.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def site_path(given: Path | None) -> Path:
    if given is not None:
        return given
    here = Path(SITE_FILE)
    named = os.environ.get(SITE_VARIABLE)
    return here if here.exists() or not named else Path(named)


def quantities(data_folder: Path) -> Mapping[str, frozenset[str]]:
    """What each known model measures; the site's own meter files in its data folder count."""
    return {name: facts(meter) for name, meter in catalogue.meters(data_folder).items()}


def load(given: Path | None) -> tuple[Site, dict[str, Meter]]:
    """The site and the meter files known to it; ends with status 2 and all mistakes if it cannot be used."""
    with sentences({site_check.SiteError: WRONG_USE, OurMistake: WRONG_USE}):
        site = site_check.load(site_path(given), quantities)
        return site, catalogue.meters(site.data_folder)


def print_json(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=2))


# Wide enough for every table of ours, so that a pipe or a file gets whole lines.
PIPE_COLUMNS = 160


def console() -> Console:
    found = Console()
    return found if found.is_terminal else Console(width=PIPE_COLUMNS)


def table(*columns: str, numbers: tuple[str, ...] = (), title: str | None = None) -> Table:
    """Columns named in `numbers` are set flush right."""
    found = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for column in columns:
        found.add_column(column, justify="right" if column in numbers else "left", no_wrap=True)
    return found
