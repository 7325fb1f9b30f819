"""C24: reads a series of hourly (or finer) factors: NAME.csv with `time,value`, and NAME.toml with where it comes from.

An empty value is a gap. What a gap falls back to is decided in `carbon`.
"""

import csv
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from gateway.carbon.factor import LINES
from gateway.carbon.factor_series import FactorSeries
from gateway.carbon.fuel import UNITS
from protocols.reading import milliseconds_of

_TEXTS = ("id", "region", "line", "activity", "unit", "gases", "title", "source")
_KEYS = {*_TEXTS, "gwp", "step_s", "edition", "published"}


class FactorSeriesError(Exception):
    """The sentence names file and row."""


def load_series(table: Path) -> FactorSeries:
    about = table.with_suffix(".toml")
    try:
        return _series(_provenance(about), tuple(_values(table)))
    except OSError as error:
        raise FactorSeriesError(f"{error.filename} cannot be read: {error.strerror}; a series is {table.name} and {about.name}") from error


def _provenance(file: Path) -> Mapping[str, Any]:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FactorSeriesError(f"{file}: {error}") from error
    missing = [key for key in _TEXTS if not isinstance(found.get(key), str) or not found[key]]
    if missing or found.keys() - _KEYS:
        raise FactorSeriesError(f"{file}: needs the texts {', '.join(_TEXTS)}, may have gwp, step_s, edition, published, and nothing else")
    for key, allowed in (("line", LINES), ("unit", UNITS), ("gases", ("CO2", "CO2e"))):
        if found[key] not in allowed:
            raise FactorSeriesError(f"{file}: {key} {found[key]!r} is not one of {', '.join(allowed)}")
    step, published = found.get("step_s", 3600), found.get("published")
    if type(step) is not int or step < 1 or not (published is None or type(published) is date):
        raise FactorSeriesError(f"{file}: step_s is a whole number of seconds, published a date such as 2026-10-01")
    return found


def _series(about: Mapping[str, Any], values: tuple[tuple[int, Decimal | None], ...]) -> FactorSeries:
    texts = {key: about[key] for key in _TEXTS}
    return FactorSeries(
        **texts,
        gwp=about.get("gwp", ""),
        step_s=about.get("step_s", 3600),
        values=values,
        edition=about.get("edition"),
        published=about.get("published"),
    )


def _values(table: Path) -> Iterator[tuple[int, Decimal | None]]:
    reader = csv.DictReader(table.read_text(encoding="utf-8-sig").splitlines())
    if reader.fieldnames != ["time", "value"]:
        raise FactorSeriesError(f"{table} line 1: the header must be time,value")
    for row in reader:
        try:
            yield milliseconds_of(row["time"]), _value(row["value"])
        except (InvalidOperation, ValueError, TypeError) as error:
            raise FactorSeriesError(
                f"{table} line {reader.line_num}: {row}: needs a time with offset and a number of kg or nothing"
            ) from error


def _value(written: str) -> Decimal | None:
    value = Decimal(written) if written else None
    if value is not None and not (value.is_finite() and value >= 0):
        raise ValueError(f"{written} is not a number of kg")
    return value
