"""Pure: calendars, counters to energy, factors, figures; no clock, file, port or database."""

from gateway.carbon.conservation import conservation
from gateway.carbon.declaration import Declaration, Production, Ratio, Reset, Swap
from gateway.carbon.engine import figures, pending
from gateway.carbon.factor import Factor
from gateway.carbon.figure import FigureDraft
from gateway.carbon.fuel import CalorificValue, calorific_value
from gateway.carbon.inputs import CounterReading, CounterSpec, ProductRule, ShiftRule, SiteInputs
from gateway.carbon.version import publish, withdraw

__all__ = [
    "CalorificValue",
    "CounterReading",
    "CounterSpec",
    "Declaration",
    "Factor",
    "FigureDraft",
    "ProductRule",
    "Production",
    "Ratio",
    "Reset",
    "ShiftRule",
    "SiteInputs",
    "Swap",
    "calorific_value",
    "conservation",
    "figures",
    "pending",
    "publish",
    "withdraw",
]
