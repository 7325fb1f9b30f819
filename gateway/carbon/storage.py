"""C15: what storage did in a stretch of time, and in which hour the carbon of what it holds is counted.

    load     charging is load like any other: its carbon counts when it is bought, discharging brings none
    stock    what is charged takes the carbon of the site's supply into a stock, what is discharged takes its share out

Scope 2 stays what was bought, in both. The stock goes on from figure to figure of the whole site.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.carbon.balance import CHARGE, DISCHARGE, GENERATION, IMPORT, Balance
from gateway.carbon.emission import Line, sum_of
from gateway.carbon.exact import amount, product, quotient, text, total
from gateway.carbon.factor import LOCATION
from gateway.carbon.inputs import CARRIED_IN_STOCK
from gateway.carbon.scope import Window
from gateway.carbon.stock import Stock
from protocols.amount import outside

_KWH = "active_energy_import"


def storage_of(window: Window, balance: Balance, lines: Sequence[Line], reasons: list[str]) -> dict[str, Any]:
    """The key `storage` of a figure, or nothing where no storage is metered."""
    if not (window.plant.by_stream[CHARGE] or window.plant.by_stream[DISCHARGE]):
        return {}
    charged, discharged = balance.streams[CHARGE], balance.streams[DISCHARGE]
    known = charged is not None and discharged is not None
    document: dict[str, Any] = {
        "mode": window.inputs.storage,
        "charge_kwh": None if charged is None else outside(_KWH, charged),
        "discharge_kwh": None if discharged is None else outside(_KWH, discharged),
        # Over a shift this also holds what is still charged; over months it is what is lost.
        "difference_kwh": outside(_KWH, (charged or 0) - (discharged or 0)) if known else None,
    }
    if window.inputs.storage == CARRIED_IN_STOCK and window.scope.line is None:
        document.update(_moved(window, balance, lines, reasons))
    return {"storage": document}


@dataclass(frozen=True)
class _Flow:
    """mWh in and out, and the carbon and energy of the supply that was charged from."""

    charged: int
    discharged: int
    supply: int
    kg: Decimal
    gases: str | None


def _moved(window: Window, balance: Balance, lines: Sequence[Line], reasons: list[str]) -> Mapping[str, str | None]:
    flow, stock = _flow(balance, lines), window.site.stock
    if isinstance(flow, str) or (stock.gases and flow.gases and stock.gases != flow.gases):
        why = flow if isinstance(flow, str) else f"the stock holds {stock.gases}, {flow.gases} is not added to it"
        reasons.append(f"storage: what the stock holds is not known from here on, it begins anew: {why}")
        window.site.stock = Stock()
        return dict.fromkeys(("charged_kg", "discharged_kg", "load_kg", "stock_kwh", "stock_kg", "gases"))
    taken_in = quotient(product(flow.kg, amount(_KWH, flow.charged)), amount(_KWH, flow.supply)) if flow.supply else Decimal(0)
    held, kg = stock.energy + flow.charged, total((stock.kg, taken_in))
    out = min(flow.discharged, held)
    given = quotient(product(kg, amount(_KWH, out)), amount(_KWH, held)) if held else Decimal(0)
    left = Stock(held - out, total((kg, given.copy_negate())) if held > out else Decimal(0), stock.gases or flow.gases or "")
    given = kg if held == out else given
    window.site.stock = left
    return {
        "charged_kg": text(taken_in),
        "discharged_kg": text(given),
        "load_kg": text(total((flow.kg, taken_in.copy_negate(), given))),
        "stock_kwh": outside(_KWH, left.energy),
        "stock_kg": text(left.kg),
        "gases": left.gases or None,
    }


def _flow(balance: Balance, lines: Sequence[Line]) -> _Flow | str:
    charged, discharged = balance.streams[CHARGE], balance.streams[DISCHARGE]
    bought, own = balance.streams[IMPORT], balance.streams[GENERATION]
    kg = sum_of(LOCATION, lines, [])
    if charged is None or discharged is None or bought is None or own is None:
        return "a stream of the balance is not known"
    if kg is None:
        return "the carbon of the bought electricity is not known"
    return _Flow(charged, discharged, bought + own + discharged, kg, next((line.gases for line in lines if line.name == LOCATION), None))
