"""What the engine is given: counters, shift rules, products and the site they belong to.

Plain values only. Nothing here decides, and nothing knows where a value was kept or when it is now.
"""

from dataclasses import dataclass
from datetime import date, tzinfo
from decimal import Decimal
from typing import NamedTuple

from gateway.carbon.certificate import Certificate
from gateway.carbon.factor import Factor
from gateway.carbon.factor_series import FactorSeries
from gateway.carbon.fuel import CalorificValue
from gateway.carbon.tariff_calendar import TariffRule
from gateway.carbon.work_calendar import DAYS, ORDINARY, Rotation, WorkCalendar

CounterKey = tuple[str, str]  # meter, quantity

# Two counter reads may be late before a pair counts as a gap, and a fast pace is no reason to call minutes a gap.
GAP_PACES = 2
GAP_MS_LEAST = 5 * 60_000

# C15: charging is load, or the carbon of what was charged is carried in stock.
CHARGING_IS_LOAD, CARRIED_IN_STOCK = "load", "stock"


class CounterReading(NamedTuple):
    """One value of one counter in inner thousandths; None is no reading. A tuple: a year of a site holds a million."""

    time_ms: int
    value: int | None
    reason: str = ""


@dataclass(frozen=True)
class CounterSpec:
    """`rating_thousandths_per_hour` is the most it can physically measure; None: nobody declared it.

    The class limits are those of the meter and of the transformers before it; no transformer, no limit.
    """

    meter: str
    quantity: str
    role: str
    rating_thousandths_per_hour: int | None
    modulus_thousandths: int | None
    pace_s: int
    reversed: bool = False
    fuel: str = ""
    parent: str = ""
    production_line: str = ""
    calorific: CalorificValue | None = None
    class_pct: Decimal | None = None
    ct_class_pct: Decimal | None = None
    vt_class_pct: Decimal | None = None

    @property
    def key(self) -> CounterKey:
        return (self.meter, self.quantity)

    @property
    def gap_limit_ms(self) -> int:
        return max(GAP_PACES * self.pace_s * 1000, GAP_MS_LEAST)


@dataclass(frozen=True)
class ShiftRule:
    """From `valid_from` on it replaces older rules of the same name and production line; `valid_until` is its last day.

    Several rules of one name and `valid_from` are the crews that take turns at it.
    """

    name: str
    start: str
    end: str
    days: tuple[str, ...] = DAYS
    production_line: str | None = None
    handover: bool = False
    valid_from: date | None = None
    valid_until: date | None = None
    rotation: Rotation | None = None
    day_offset: int = 0
    crew: str = ""
    on_holidays: bool = False


@dataclass(frozen=True)
class ProductRule:
    """`units_from` is a meter with role pieces, or "" when production is declared; `node` "" is the whole site."""

    name: str
    units_from: str = ""
    node: str = ""


@dataclass(frozen=True)
class DemandRule:
    """`meters` () are those through which energy is bought."""

    window_s: int = 900
    meters: tuple[str, ...] = ()


@dataclass(frozen=True)
class SiteInputs:
    """`estimated_share_max` is a share: Decimal("0.05") for 5 %; `estimate_limit` is how far an estimate may be off.

    Where nobody declared that limit, an estimate may be wrong by all of itself.
    """

    site: str
    zone: tzinfo
    time_zone_data: str
    production_day_start: str
    shifts: tuple[ShiftRule, ...]
    counters: tuple[CounterSpec, ...]
    factors: tuple[Factor, ...]
    region_chain: tuple[str, ...]
    factor_policy: str = "data_year"
    estimated_share_max: Decimal = Decimal("0.05")
    products: tuple[ProductRule, ...] = ()
    interval_s: int = 900
    work_calendar: WorkCalendar = ORDINARY
    estimate_limit: Decimal = Decimal(1)
    demand: DemandRule | None = None
    tariffs: tuple[TariffRule, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    factor_series: tuple[FactorSeries, ...] = ()
    storage: str = CHARGING_IS_LOAD
