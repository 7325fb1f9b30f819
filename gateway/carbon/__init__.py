"""Pure: calendars, counters to energy, factors, figures; no clock, file, port or database."""

from gateway.carbon.certificate import Certificate, statement, used_by
from gateway.carbon.conservation import conservation
from gateway.carbon.declaration import Declaration, Production, Ratio, Reset, Swap
from gateway.carbon.demand import monthly_demand
from gateway.carbon.engine import figures, pending
from gateway.carbon.evidence import evidence
from gateway.carbon.factor import Factor
from gateway.carbon.factor_series import FactorSeries
from gateway.carbon.figure import FigureDraft
from gateway.carbon.fuel import CalorificValue, calorific_value
from gateway.carbon.inputs import CounterReading, CounterSpec, DemandRule, ProductRule, ShiftRule, SiteInputs
from gateway.carbon.roster import preview, running_at
from gateway.carbon.tariff_calendar import TariffRule
from gateway.carbon.uncertainty import class_limit_pct
from gateway.carbon.version import publish, withdraw
from gateway.carbon.work_calendar import DayException, MakeUpDay, Rotation, WorkCalendar

__all__ = [
    "CalorificValue",
    "Certificate",
    "CounterReading",
    "CounterSpec",
    "DayException",
    "Declaration",
    "DemandRule",
    "Factor",
    "FactorSeries",
    "FigureDraft",
    "MakeUpDay",
    "ProductRule",
    "Production",
    "Ratio",
    "Reset",
    "Rotation",
    "ShiftRule",
    "SiteInputs",
    "Swap",
    "TariffRule",
    "WorkCalendar",
    "calorific_value",
    "class_limit_pct",
    "conservation",
    "evidence",
    "figures",
    "monthly_demand",
    "pending",
    "preview",
    "publish",
    "running_at",
    "statement",
    "used_by",
    "withdraw",
]
