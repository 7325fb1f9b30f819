"""A shift figure of the contract read into values a page can count with: kWh, kg, shares, seconds.

Pure. Not known stays None; nothing is estimated here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from protocols.reading import milliseconds_of

Document = Mapping[str, Any]

RUNNING, UNASSIGNED = "running", "unassigned"
LOCATION, MARKET, DIRECT = "scope2_location", "scope2_market", "scope1"
MEASURED, INTERPOLATED, ESTIMATED = "measured", "interpolated", "estimated"
QUALITIES = (MEASURED, INTERPOLATED, ESTIMATED)

# The site's energy is made of what these bring in; how well they were read is how well the site is known.
_FEEDING = ("import", "generation", "discharge")


@dataclass(frozen=True)
class Carbon:
    """`gases` as its factors say (CO2, CO2e), "" without a factor; `kg` None where it is not known."""

    line: str
    kg: Decimal | None
    gases: str
    provisional: bool


@dataclass(frozen=True)
class Product:
    name: str
    units: Decimal | None
    kwh_per_unit: Decimal | None
    kg_per_unit: Decimal | None


@dataclass(frozen=True)
class ShiftFigure:
    """`shares` of the energy by quality sum to 1; `counted_to_ms` is the newest counter reading in it; `solar_share` is of the load."""

    day: date
    name: str
    production_line: str
    start_ms: int
    end_ms: int
    state: str
    energy_kwh: Decimal | None
    shares: Mapping[str, Decimal]
    missing_s: int
    counted_to_ms: int | None
    carbon: Mapping[str, Carbon]
    products: tuple[Product, ...]
    complete: bool
    reasons: tuple[str, ...]
    version: int
    solar_share: Decimal | None


def shift_figure(document: Document, roles: Mapping[str, str]) -> ShiftFigure:
    """`roles` by meter name says which counters feed the site."""
    feeding = _feeding(document["meters"], roles)
    times = [milliseconds_of(entry["last"]["time"]) for entry in feeding if (entry.get("last") or {}).get("time")]
    return ShiftFigure(
        day=date.fromisoformat(document["date"]),
        name=document["shift"],
        production_line=document["production_line"] or "",
        start_ms=milliseconds_of(document["start"]),
        end_ms=milliseconds_of(document["end"]),
        state=document["state"],
        energy_kwh=_number((document.get("balance") or {}).get("load_kwh")),
        shares=_shares(feeding),
        missing_s=max((entry["missing_s"] or 0 for entry in feeding), default=0),
        counted_to_ms=max(times, default=None),
        carbon={line: _carbon(line, document.get("carbon") or {}) for line in (LOCATION, MARKET, DIRECT)},
        products=tuple(map(_product, document.get("products") or ())),
        complete=bool(document["complete"]),
        reasons=tuple(map(str, document.get("reasons") or ())),
        version=document["version"],
        solar_share=_solar_share(document.get("balance") or {}),
    )


def _solar_share(balance: Document) -> Decimal | None:
    """The part of the load that was generated here; None where either is not known."""
    own, load = _number(balance.get("self_consumption_kwh")), _number(balance.get("load_kwh"))
    return own / load if own is not None and load else None


def _feeding(entries: Sequence[Document], roles: Mapping[str, str]) -> list[Document]:
    """The counters the site's energy is made of; where none feeds it (a production line), all that count energy."""
    energies = [entry for entry in entries if entry["unit"] == "kWh"]
    return [entry for entry in energies if _feeds(entry, roles.get(entry["meter"], ""))] or energies


def _feeds(entry: Document, role: str) -> bool:
    return role in _FEEDING and not (role == "import" and entry["quantity"].startswith("active_energy_export"))


def _shares(entries: Sequence[Document]) -> dict[str, Decimal]:
    """Each quality's part of what the entries amount to; nothing at all is as measured as a 0 can be."""
    sums = {quality: sum((abs(_number(entry[quality]) or Decimal(0)) for entry in entries), Decimal(0)) for quality in QUALITIES}
    total = sum(sums.values())
    if not total:
        return dict.fromkeys(QUALITIES, Decimal(0)) | {MEASURED: Decimal(1)}
    return {quality: amount / total for quality, amount in sums.items()}


def _carbon(line: str, carbon: Document) -> Carbon:
    lines = [each for each in carbon.get("lines") or () if each["line"] == line]
    gases = sorted({each["gases"] for each in lines if each.get("gases")})
    return Carbon(line, _number(carbon.get(f"{line}_kg")), " + ".join(gases), any(each.get("provisional") for each in lines))


def _product(document: Document) -> Product:
    return Product(document["product"], _number(document["units"]), _number(document["kwh_per_unit"]), _number(document.get("kg_per_unit")))


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
