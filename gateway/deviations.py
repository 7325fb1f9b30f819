"""What a meter shows beside what a clamp shows, and what the classes allow. Reads nothing itself."""

from collections.abc import Mapping
from fractions import Fraction

from gateway.carbon.uncertainty import class_limit_pct
from gateway.commission_interface import Deviation
from gateway.site import MeterTable


def deviations_of(table: MeterTable, values: Mapping[str, int], clamp_ma: Mapping[str, int]) -> list[Deviation]:
    limit = _limit(table)
    return [_deviation(phase, values.get(f"current_{phase}"), clamp, limit) for phase, clamp in sorted(clamp_ma.items())]


def _limit(table: MeterTable) -> int | None:
    """Meter and transformer together at their worst, in thousandths of a percent."""
    if not table.class_:
        return None
    return int(1000 * sum(class_limit_pct(text) for text in (table.class_, table.ct_class) if text))


def _deviation(phase: str, shown_ma: int | None, clamp_ma: int, limit: int | None) -> Deviation:
    if shown_ma is None or not clamp_ma:
        return Deviation(phase, shown_ma, clamp_ma, None, limit)
    return Deviation(phase, shown_ma, clamp_ma, round(Fraction(100_000 * (abs(shown_ma) - clamp_ma), clamp_ma)), limit)
