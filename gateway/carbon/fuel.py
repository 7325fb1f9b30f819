"""C23: a metered amount in the unit of its factor, or the reason why that cannot be had.

Volume, mass or heat as metered; a factor per energy needs the fuel's calorific value on the same basis,
net or gross.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from gateway.carbon.exact import product
from gateway.carbon.factor import Factor

# Factor unit -> what the counter must hold, and how many of its inner thousandths make one unit.
_UNITS: dict[str, tuple[str, Decimal]] = {
    "m3": ("volume", Decimal(1000)),
    "Nm3": ("volume", Decimal(1000)),
    "litre": ("volume", Decimal(1)),
    "US gallon": ("volume", Decimal("3.785411784")),
    "kg": ("mass", Decimal(1000)),
    "tonne": ("mass", Decimal(10**6)),
    "GJ": ("heat", Decimal(10**6)),
    "TJ": ("heat", Decimal(10**9)),
    "kWh": ("heat", Decimal(3600)),  # 1 kWh = 3.6 MJ
    "mmBtu": ("heat", Decimal("1055055.85262")),  # 1 Btu (IT) = 1055.05585262 J
}
UNITS = tuple(_UNITS)
ELECTRIC = ("active_energy_import", "active_energy_export")
_WATT_HOURS = Decimal(10**6)  # thousandths of a watt-hour in a kWh
_CALORIFIC = re.compile(r"(\d+(?:\.\d+)?) (MJ|kWh)/(m3|m³|kg|l) (net|gross)")
_MJ = {"MJ": Decimal(1), "kWh": Decimal("3.6")}
_PER = {"m3": ("volume", 1), "m³": ("volume", 1), "l": ("volume", 1000), "kg": ("mass", 1)}


@dataclass(frozen=True)
class CalorificValue:
    """MJ per m³ or per kg of fuel, which is the same as inner heat per inner volume or mass."""

    megajoules: Decimal
    quantity: str  # volume or mass
    basis: str  # net or gross


def calorific_value(text: str) -> CalorificValue:
    """ "38.9 MJ/m3 gross" -> value; ValueError says how to write it."""
    match = _CALORIFIC.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no calorific value such as '38.9 MJ/m3 gross' or '42.6 MJ/kg net'")
    number, energy, per, basis = match.groups()
    quantity, size = _PER[per]
    return CalorificValue(product(Decimal(number), _MJ[energy], Decimal(size)), quantity, basis)


@dataclass(frozen=True)
class InFactorUnit:
    """The amount as an exact ratio: `numerator` / `denominator` of the factor's unit."""

    numerator: Decimal
    denominator: Decimal
    note: str = ""


def in_factor_unit(quantity: str, thousandths: int, factor: Factor, calorific: CalorificValue | None) -> InFactorUnit | str:
    """The metered amount in the factor's unit, or a sentence that says why not."""
    amount = Decimal(thousandths)
    if quantity in ELECTRIC:
        return InFactorUnit(amount, _WATT_HOURS) if factor.unit == "kWh" else f"electricity does not convert to {factor.unit}"
    needed, size = _UNITS[factor.unit]
    if needed == quantity and not factor.basis:
        return InFactorUnit(amount, size, "the metered volume is taken as normal cubic metres" if factor.unit == "Nm3" else "")
    if needed != "heat":
        return f"{quantity} does not convert to {factor.unit} of {factor.id}"
    if calorific is None:
        return f"{factor.id} is per {factor.unit}, {factor.basis or 'no'} calorific value; declare calorific_value for this meter"
    return _by_heat(quantity, amount, size, factor, calorific)


def _by_heat(quantity: str, amount: Decimal, size: Decimal, factor: Factor, calorific: CalorificValue) -> InFactorUnit | str:
    if calorific.basis != factor.basis:
        return f"{factor.id} is on {factor.basis} calorific value, the meter's is {calorific.basis}: they must match"
    if quantity == "heat":
        return InFactorUnit(amount, size)
    if calorific.quantity != quantity:
        return f"the calorific value is per {calorific.quantity}, the meter counts {quantity}"
    return InFactorUnit(product(amount, calorific.megajoules), size)
