"""What the engine is given: counters, shift rules, products and the site they belong to.

Plain values only. Nothing here decides, and nothing knows where a value was kept or when it is now.
"""

from dataclasses import dataclass
from datetime import date, tzinfo
from decimal import Decimal
from typing import NamedTuple

from gateway.carbon.factor import Factor
from gateway.carbon.fuel import CalorificValue

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CounterKey = tuple[str, str]  # meter, quantity

# Two counter reads may be late before a pair counts as a gap, and a fast pace is no reason to call minutes a gap.
GAP_PACES = 2
GAP_MS_LEAST = 5 * 60_000


class CounterReading(NamedTuple):
    """One value of one counter in inner thousandths; None is no reading. A tuple: a year of a site holds a million."""

    time_ms: int
    value: int | None
    reason: str = ""


@dataclass(frozen=True)
class CounterSpec:
    """`rating_thousandths_per_hour` is the most it can physically measure; None: nobody declared it."""

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

    @property
    def key(self) -> CounterKey:
        return (self.meter, self.quantity)

    @property
    def gap_limit_ms(self) -> int:
        return max(GAP_PACES * self.pace_s * 1000, GAP_MS_LEAST)


@dataclass(frozen=True)
class ShiftRule:
    """From `valid_from` on it replaces older rules of the same name and production line."""

    name: str
    start: str
    end: str
    days: tuple[str, ...] = DAYS
    production_line: str | None = None
    handover: bool = False
    valid_from: date | None = None


@dataclass(frozen=True)
class ProductRule:
    """`units_from` is a meter with role pieces, or "" when production is declared; `node` "" is the whole site."""

    name: str
    units_from: str = ""
    node: str = ""


@dataclass(frozen=True)
class SiteInputs:
    """`estimated_share_max` is a share: Decimal("0.05") for 5 %."""

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
