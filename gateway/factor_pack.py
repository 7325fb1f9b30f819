"""Reads and lints factor packs: the one shipped as package data, and files of the same form in a data folder.

It turns rows into values and names what is wrong with them; which factor applies is decided in `carbon`.
"""

import csv
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import groupby
from pathlib import Path
from typing import Any

from gateway.carbon.factor import INFORMATION, LINES, Factor
from gateway.carbon.fuel import UNITS

COLUMNS = ("id", "region", "year", "edition", "line", "activity", "unit", "basis", "value", "gases", "gwp", "source")
GASES = ("CO2", "CO2e")
BASES = ("", "net", "gross")
DERIVED_DECIMALS = 8
_SHIPPED = (("published.csv", "verified"), ("derived.csv", "derived"))
_UNVERIFIED = (("unverified.csv", "unverified"),)
LOCAL_FOLDER = "factors"

# Official year-on-year changes of the 2023 factors against 2022, in percent.
PUBLISHED_CHANGES: Mapping[str, str] = {
    "cn.grid.avg": "-1.1",
    "cn.grid.north": "-6.1",
    "cn.grid.northeast": "-8.0",
    "cn.grid.east": "-2.1",
    "cn.grid.central": "-2.3",
    "cn.grid.northwest": "-5.4",
    "cn.grid.south": "4.5",
    "cn.grid.southwest": "9.0",
    "cn.grid.excl_market_nonfossil": "4.1",
}
_CHANGE_TOLERANCE = Decimal("0.1")  # percentage points: the published change is itself rounded to one decimal


class FactorPackError(Exception):
    """A file of the pack that cannot be read as factors; the sentence names file and row."""


@dataclass(frozen=True)
class FuelDefault:
    """What a derived factor is made of: MJ per unit, kg of carbon per GJ, and the oxidised share."""

    id: str
    net_calorific_value_mj: Decimal
    carbon_kg_per_gj: Decimal
    oxidation: Decimal

    @property
    def value(self) -> Decimal:
        """kg CO2 per unit: the carbon that burns, times 44/12, rounded half-even to eight decimals."""
        burnt = Fraction(self.net_calorific_value_mj) * Fraction(self.carbon_kg_per_gj) * Fraction(self.oxidation)
        return Decimal(round(burnt * Fraction(44, 12_000) * 10**DERIVED_DECIMALS)).scaleb(-DERIVED_DECIMALS)


def shipped(*, include_unverified: bool = False) -> tuple[Factor, ...]:
    return tuple(_read(files("gateway.factors"), _SHIPPED + (_UNVERIFIED if include_unverified else ())))


def local(data_folder: Path) -> tuple[Factor, ...]:
    """The CSV files of the same columns in `factors` of the data folder; empty if there is none."""
    folder = data_folder / LOCAL_FOLDER
    names = sorted(path.name for path in folder.glob("*.csv")) if folder.is_dir() else []
    return tuple(_read(folder, tuple((name, "local") for name in names)))


def load(data_folder: Path | None = None, *, include_unverified: bool = False) -> tuple[Factor, ...]:
    """The shipped pack and the local one; a local factor replaces a shipped one of the same id."""
    own = local(data_folder) if data_folder is not None else ()
    replaced = {factor.id for factor in own}
    return (*(factor for factor in shipped(include_unverified=include_unverified) if factor.id not in replaced), *own)


def fuel_defaults() -> tuple[FuelDefault, ...]:
    rows = _rows(files("gateway.factors") / "derived.csv")
    parts = ("net_calorific_value_mj", "carbon_kg_per_gj", "oxidation")
    return tuple(FuelDefault(row["id"], *(Decimal(row[part]) for part in parts)) for _, row in rows)


def lint(factors: Iterable[Factor]) -> list[str]:
    """Sentences, one for each thing that is wrong; empty for a sound pack."""
    rows = tuple(factors)
    return [*_repeated(rows), *(sentence for factor in rows for sentence in _unsound(factor)), *_changes(rows)]


def _read(folder: Traversable | Path, names: Iterable[tuple[str, str]]) -> Iterator[Factor]:
    listed = tuple(names)
    sources = _sources(folder) if listed else {}
    for name, status in listed:
        for number, row in _rows(folder / name):
            try:
                yield _factor(row, sources, status)
            except (KeyError, ValueError, InvalidOperation) as error:
                raise FactorPackError(f"{name} line {number}: {error!r}; every row needs {', '.join(COLUMNS)}") from error


def _rows(file: Traversable | Path) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    for row in reader:
        yield reader.line_num, row


def _sources(folder: Traversable | Path) -> dict[str, Any]:
    file = folder / "sources.toml"
    if not file.is_file():
        raise FactorPackError(f"{file}: a factor pack names its publications in sources.toml; the file is missing")
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise FactorPackError(f"{file}: {error}") from error


def _factor(row: Mapping[str, str], sources: Mapping[str, Any], status: str) -> Factor:
    source = sources[row["source"]]
    return Factor(
        id=row["id"],
        region=row["region"],
        year=int(row["year"]) if row["year"] else None,
        edition=int(row["edition"]) if row["edition"] else None,
        line=row["line"],
        activity=row["activity"],
        unit=row["unit"],
        basis=row["basis"],
        value=Decimal(row["value"]),
        gases=row["gases"],
        gwp=row["gwp"],
        title=source["title"],
        published=date.fromisoformat(source["published"]) if source["published"] else None,
        source=row["source"],
        status=status,
        uncertainty_pct=Decimal(row["uncertainty_pct"]) if row.get("uncertainty_pct") else None,
    )


def _repeated(factors: Iterable[Factor]) -> Iterator[str]:
    """One id is one factor, and for one line, activity, region, year and unit there is one value to choose."""

    def by_id(factor: Factor) -> str:
        return factor.id

    def by_use(factor: Factor) -> str:
        return f"{factor.line} {factor.activity} {factor.region} {factor.year} per {factor.unit} {factor.basis}".strip()

    usable = [factor for factor in factors if factor.line != INFORMATION]
    for name, rows in ((by_id, list(factors)), (by_use, usable)):
        for key, group in groupby(sorted(rows, key=name), key=name):
            ids = [factor.id for factor in group]
            if len(ids) > 1:
                yield f"{key}: {len(ids)} factors claim it: {', '.join(ids)}"


def _unsound(factor: Factor) -> Iterator[str]:
    allowed = {"line": LINES, "unit": UNITS, "basis": BASES, "gases": GASES}
    for name, values in allowed.items():
        if getattr(factor, name) not in values:
            yield f"{factor.id}: {name} {getattr(factor, name)!r} is not one of {', '.join(map(repr, values))}"
    if not factor.value.is_finite() or factor.value < 0:
        yield f"{factor.id}: the value {factor.value} is not a number of kg"
    if factor.region.startswith("CN") and factor.activity.startswith("electricity") and factor.gases != "CO2":
        yield f"{factor.id}: China's grid factors are CO2 only, not {factor.gases}"


def _changes(factors: Iterable[Factor]) -> Iterator[str]:
    values = {factor.id: factor.value for factor in factors}
    for stem, percent in PUBLISHED_CHANGES.items():
        before, after = values.get(f"{stem}.2022"), values.get(f"{stem}.2023")
        if before is None or after is None:
            continue
        change = (after - before) * 100 / before
        if abs(change - Decimal(percent)) > _CHANGE_TOLERANCE:
            yield f"{stem}: 2023 against 2022 is {change:.2f} %, published is {percent} %"
