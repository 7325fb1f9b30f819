"""What the tables for carbon, demand and tariffs of a site file must be to its meters and to the files they name."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from gateway import factor_pack
from gateway.carbon.factor import ELECTRICITY, HEAT, LINES, OUTSIDE_LINES, SCOPE1
from gateway.carbon.fuel import UNITS
from gateway.certificate_file import load_certificates
from gateway.factor_series_file import FactorSeriesError, load_series
from gateway.site import CarbonTable, FactorTable, MeterTable
from gateway.site_calendar import DemandTable
from gateway.site_mistake import Mistake, suggestion

Names = Mapping[str, frozenset[str]]


def carbon(table: CarbonTable, folder: Path) -> Iterator[Mistake]:
    for name in table.factor_series:
        try:
            load_series(folder / name)
        except (FactorSeriesError, UnicodeDecodeError) as error:
            yield Mistake("[carbon]", "factor_series", str(error))
    if table.certificates:
        try:
            _, refused = load_certificates(folder / table.certificates)
        except (OSError, UnicodeDecodeError) as error:
            yield Mistake("[carbon]", "certificates", f"{folder / table.certificates} cannot be read ({error})")
        else:
            yield from (Mistake("[carbon]", "certificates", sentence) for sentence in refused)


_OF_FUELS = (SCOPE1, *OUTSIDE_LINES)
# Activities of the lines outside gross that no meter burns.
_NO_FUELS = (ELECTRICITY, "electricity_losses", HEAT)


def fuels(meters: Iterable[tuple[str, MeterTable]], factors: Iterable[FactorTable], data_folder: Path) -> Iterator[Mistake]:
    """A fuel is named as the factors name it; one that none of them knows would never have any carbon."""
    try:
        burnt = {each.activity for each in factor_pack.load(data_folder) if each.line in _OF_FUELS}
    except (factor_pack.FactorPackError, OSError, UnicodeDecodeError):
        return  # whoever reads the pack says so
    known = (burnt | {each.activity for each in factors if each.line in _OF_FUELS}).difference(_NO_FUELS)
    for place, meter in meters:
        if meter.fuel and meter.role == "fuel" and meter.fuel not in known:
            said = f"no factor of the pack and no [[factor]] of this file is for {meter.fuel!r}"
            yield Mistake(place, "fuel", said + suggestion(meter.fuel, sorted(known)))


def factor(place: str, row: FactorTable, folder: Path) -> Iterator[Mistake]:
    for key, allowed in (("line", LINES), ("unit", UNITS)):
        if getattr(row, key) not in allowed:
            yield Mistake(place, key, f"{getattr(row, key)!r} is not known{suggestion(getattr(row, key), list(allowed))}")
    if not _is_amount(row.value):
        yield Mistake(place, "value", f"{row.value!r} is no number of kg per {row.unit} such as '0.5306'")
    if row.uncertainty and not _is_amount(row.uncertainty.removesuffix("%")):
        yield Mistake(place, "uncertainty", f"{row.uncertainty!r} is no percentage such as '5%'")
    if not row.source:
        yield Mistake(place, "source", "is empty; say who states this factor and where")
    if not (folder / row.evidence).is_file():
        yield Mistake(place, "evidence", f"there is no file {folder / row.evidence}; keep the document that states it beside the site")


def _is_amount(text: str) -> bool:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return False
    return value.is_finite() and value >= 0


def demand(table: DemandTable, meters: Mapping[str, Any], names: Names) -> Iterator[Mistake]:
    for name in table.meters:
        if name not in names["meter"]:
            yield Mistake("[demand]", "meters", f"there is no [[meter]] named {name!r}{suggestion(name, sorted(names['meter']))}")
        elif name in meters and meters[name].role in ("fuel", "heat", "water", "pieces"):
            yield Mistake("[demand]", "meters", f"{name} has the role {meters[name].role!r}; maximum demand is of electricity")
