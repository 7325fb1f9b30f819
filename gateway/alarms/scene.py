"""What the rules look at: one status of the gateway, and the facts of the site that say what is usual."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.status import GatewayStatus, MeterStatus

PHASES = ("l1", "l2", "l3")


@dataclass(frozen=True)
class MeterFacts:
    """`rating_mw` is the most the meter can measure, None if the site does not say; `counted` the counters that are booked."""

    role: str
    parent: str = ""
    rating_mw: int | None = None
    counted: tuple[str, ...] = ()


@dataclass(frozen=True)
class BaseLoad:
    """Lowest mean of an hour in the last night, and the median of the nights before."""

    last_mw: int
    usual_mw: int


@dataclass(frozen=True)
class Scene:
    status: GatewayStatus
    facts: Mapping[str, MeterFacts]
    nominal_mv: int
    interval_ms: int
    base_load: BaseLoad | None = None
    unbooked_mwh: Mapping[str, int] = field(default_factory=dict)  # meter -> energy that its power says and its counter does not

    def live(self) -> list[MeterStatus]:
        """Meters whose newest values are of now."""
        oldest_ms = self.status.time_ms - 3 * self.interval_ms
        return [meter for meter in self.status.meters if meter.time_ms is not None and meter.time_ms >= oldest_ms]
