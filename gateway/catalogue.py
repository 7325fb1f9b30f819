"""Reads meter files from the package and from the site's data folder, and hands meters in as values.

What a file may say is `protocols.meter`'s matter; here is only where files lie and which one wins.
"""

import logging
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from protocols.errors import OurMistake
from protocols.meter import Meter, meter_from_document

log = logging.getLogger(__name__)


def meters(data_folder: Path | None = None) -> dict[str, Meter]:
    """Every meter file by model name; the site's own files in `data_folder`/meters win over ours.

    OurMistake with every mistake of every file of the site.
    """
    known = dict(_packaged())
    if data_folder is None:
        return dict(sorted(known.items()))
    mistakes = []
    for path in sorted((data_folder / "meters").glob("*.toml")):
        try:
            meter = _meter(path, str(path))
        except OurMistake as mistake:
            mistakes.append(str(mistake))
            continue
        if meter.name in known:
            log.warning("the meter file %s replaces %s of the model %s", path, known[meter.name].origin, meter.name)
        known[meter.name] = meter
    if mistakes:
        raise OurMistake("\n".join(mistakes))
    return dict(sorted(known.items()))


def model(name: str, known: Mapping[str, Meter] | None = None) -> Meter:
    """The meter of that name, out of ours unless others are given; OurMistake that suggests the closest names."""
    known = meters() if known is None else known
    if name in known:
        return known[name]
    close = get_close_matches(name.lower().replace(" ", "-").replace("_", "-"), known, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "`shiftwatt models` lists the known ones"
    raise OurMistake(f"there is no meter file for the model {name!r}; {hint}")


@cache
def _packaged() -> Mapping[str, Meter]:
    return {meter.name: meter for meter in (_meter(each, each.name) for each in _package_files())}


def _package_files() -> Iterator[Traversable]:
    return (each for each in files("protocols").joinpath("meters").iterdir() if each.name.endswith(".toml"))


def _meter(file: Traversable, origin: str) -> Meter:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OurMistake(f"{origin}: is not TOML: {error}") from error
    except OSError as error:
        raise OurMistake(f"{origin}: cannot be read: {error.strerror}") from error
    return meter_from_document(document, origin)
