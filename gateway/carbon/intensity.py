"""C25: energy and carbon per good unit of a product; null with a reason where units are 0 or unknown."""

from dataclasses import dataclass
from decimal import Decimal

from gateway.carbon.exact import amount, plain, product, quotient, text, total

_KWH = "active_energy_import"
_PIECES = "pieces"


@dataclass(frozen=True)
class NodeEnergy:
    """What makes the product used: mWh of electricity and kg of fuel burnt below it; None is not known."""

    electricity: int | None
    fuel_kg: Decimal | None
    fuel_gases: str | None


@dataclass(frozen=True)
class SiteCarbon:
    """The load and gross location-based scope 2 in which a node has its share."""

    load: int | None
    scope2_kg: Decimal | None
    scope2_gases: str | None


def intensity_document(name: str, units: int | None, node: NodeEnergy, site: SiteCarbon, reasons: list[str]) -> dict[str, str | None]:
    if not units:
        reasons.append(f"product {name}: " + ("no unit was made" if units == 0 else "the units are not known"))
    count = None if units is None else amount(_PIECES, units)
    kwh = None if node.electricity is None else amount(_KWH, node.electricity)
    if units and kwh is None:
        reasons.append(f"product {name}: the energy of its node is not known")
    carbon = _carbon_per_unit(name, count, node, site, reasons) if units and kwh is not None else None
    return {
        "product": name,
        "units": None if count is None else plain(count),
        "kwh_per_unit": text(quotient(kwh, count)) if units and kwh is not None and count is not None else None,
        "kg_per_unit": None if carbon is None else text(carbon),
    }


def _carbon_per_unit(name: str, count: Decimal | None, node: NodeEnergy, site: SiteCarbon, reasons: list[str]) -> Decimal | None:
    """The node's share of scope 2 is its share of the load; one division, so that it is rounded once."""
    if site.load is None or site.scope2_kg is None or count is None or node.electricity is None:
        reasons.append(f"product {name}: the carbon of its electricity is not known")
        return None
    if site.load == 0 and node.electricity:
        reasons.append(f"product {name}: it used electricity while the site's load was 0")
        return None
    load = amount(_KWH, site.load or 1)
    kg = product(site.scope2_kg, amount(_KWH, node.electricity))
    if node.fuel_kg is not None:
        if node.fuel_gases != site.scope2_gases:
            reasons.append(f"product {name}: {node.fuel_gases} and {site.scope2_gases} are not added")
            return None
        kg = total((kg, product(node.fuel_kg, load)))
    return quotient(kg, product(load, count))
