"""Text <-> integer thousandths, exactly: the one place where a value meets a person's decimal.

Shapes and units are those of `quantity`; nothing here knows meters or registers.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from protocols.errors import OurMistake
from protocols.quantity import QUANTITIES

# 64-bit thousandths have 19 digits; a larger value is no reading.
LARGEST = 2**63 - 1
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation])
_ENERGY = {"Wh": 10**3, "kWh": 10**6, "MWh": 10**9, "GWh": 10**12}
_POWER = {"W": 10**3, "kW": 10**6, "MW": 10**9}

# Outer unit of a quantity -> the units accepted for it, each with its size in inner thousandths.
UNITS: dict[str, dict[str, int]] = {
    "kWh": _ENERGY,
    "kvarh": {"varh": 10**3, "kvarh": 10**6, "Mvarh": 10**9},
    "kVAh": {"VAh": 10**3, "kVAh": 10**6, "MVAh": 10**9},
    "kW": _POWER,
    "kvar": {"var": 10**3, "kvar": 10**6, "Mvar": 10**9},
    "kVA": {"VA": 10**3, "kVA": 10**6, "MVA": 10**9},
    "V": {"V": 10**3, "mV": 1, "kV": 10**6},
    "A": {"A": 10**3, "mA": 1, "kA": 10**6},
    "Hz": {"Hz": 10**3},
    "degrees": {"degrees": 10**3, "°": 10**3},
    "%": {"%": 10**3},
    "°C": {"°C": 10**3, "C": 10**3},
    "m³": {"m³": 10**3, "m3": 10**3, "l": 1, "L": 1},
    # 1 kWh = 3.6 MJ by definition of the watt.
    "GJ": {"MJ": 10**3, "GJ": 10**6, "kWh": 3_600, "MWh": 3_600_000},
    "kg": {"kg": 10**3, "g": 1, "t": 10**6},
    "pieces": {"pieces": 10**3, "": 10**3},
    "h": {"h": 10**3},
    "": {"": 10**3},
}


def outside(quantity: str, thousandths: int) -> str:
    """The decimal string of an inner integer, in the quantity's outer unit, without exponent."""
    return decimal_text(thousandths, QUANTITIES[quantity].decimals)


def decimal_text(integer: int, decimals: int) -> str:
    """`integer` / 10**`decimals` with all its decimals: (1500, 3) -> "1.500"."""
    digits = str(abs(integer)).rjust(decimals + 1, "0")
    sign = "-" if integer < 0 else ""
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else sign + digits


def inside(quantity: str, text: str, unit: str) -> int:
    """Inner thousandths of a decimal text in `unit`; raises OurMistake with the reason in words."""
    known = QUANTITIES.get(quantity)
    if known is None:
        raise OurMistake(f"the quantity {quantity!r} is not known")
    units = UNITS[known.unit]
    if unit not in units:
        accepted = ", ".join(repr(each) for each in units)
        raise OurMistake(f"the unit {unit!r} does not fit {quantity}; accepted: {accepted}")
    return thousandths_of(text, units[unit])


def thousandths_of(text: str, size: int) -> int:
    """`text` x `size`, rounded half-even to an integer; raises OurMistake if it is no such number."""
    try:
        # Python also reads 1_000 and the digits of other scripts; nobody writes a meter's value so.
        value = Decimal(text.strip()) if text.isascii() and "_" not in text else Decimal("")
    except InvalidOperation:
        raise OurMistake(f"{text!r} is not a number") from None
    if not value.is_finite():
        raise OurMistake(f"{text!r} is not a finite number")
    if value.adjusted() > 30:
        raise OurMistake(f"{text!r} is too large")
    scaled = int(_EXACT.multiply(value, Decimal(size)).to_integral_value(context=_EXACT))
    if abs(scaled) > LARGEST:
        raise OurMistake(f"{text!r} does not fit 64-bit thousandths")
    return scaled
