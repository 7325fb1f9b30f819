"""C15: what storage holds when a figure begins: energy, and the carbon that came with it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from protocols.amount import inside


@dataclass(frozen=True)
class Stock:
    """`energy` in mWh; `gases` "" while nothing was charged."""

    energy: int = 0
    kg: Decimal = Decimal(0)
    gases: str = ""


def stock_after(documents: Iterable[Mapping[str, Any]]) -> Stock:
    """What the newest figure of the whole site (newest version each, in order of time) left in stock."""
    stock = Stock()
    for document in documents:
        storage = document.get("storage", {})
        if document["production_line"] is None and "stock_kwh" in storage:
            known = storage["stock_kwh"] is not None
            stock = (
                Stock(inside("active_energy_import", storage["stock_kwh"], "kWh"), Decimal(storage["stock_kg"]), storage["gases"] or "")
                if known
                else Stock()
            )
    return stock
