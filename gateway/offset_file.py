"""C28: offsets as a ledger: what was bought, its vintage, and when it was retired; never used twice, never inside gross.

Header: serial,registry,vintage,quantity,unit,retired,source. The quantity is in kg or t CO2e; `retired` is a date or empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

COLUMNS = ("serial", "registry", "vintage", "quantity", "unit", "retired", "source")
_KG = {"kg": Decimal(1), "t": Decimal(1000)}


@dataclass(frozen=True)
class Offset:
    serial: str
    registry: str
    vintage: int
    kg: Decimal
    retired: date | None
    source: str


def offset_from(row: Mapping[str, str]) -> Offset:
    """ValueError, KeyError or InvalidOperation if the row is none."""
    if not row["serial"] or not row["registry"]:
        raise ValueError("an offset needs a serial number and the registry that gave it")
    if row["unit"] not in _KG:
        raise ValueError(f"the unit {row['unit']!r} must be one of {', '.join(_KG)}")
    quantity = Decimal(row["quantity"])
    if not quantity.is_finite() or quantity <= 0:
        raise ValueError(f"the quantity {row['quantity']} must be above zero")
    retired = date.fromisoformat(row["retired"]) if row["retired"] else None
    return Offset(row["serial"], row["registry"], int(row["vintage"]), quantity * _KG[row["unit"]], retired, row["source"])
