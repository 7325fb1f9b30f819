"""The power the site draws now, from the power its meters say.

Pure. Positive power is consumption at each meter; a sum with a missing part is unknown, never smaller.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.status import GatewayStatus, MeterStatus

POWER = "active_power"
ANSWERING = ("ok", "slow", "flaky")
# A meter may lose two polls of three to noise and still be called live; with fast polls a minute is no age.
STALE_INTERVALS, STALE_MIN_MS = 3, 60_000

# How each role enters the site's load. What an inverter calls its sign differs from maker to maker, and at
# night it draws a few watts at most: generation and export count by their size.
_GRID, _GENERATED, _EXPORTED, _STORED = "import", "generation", "export", ("charge", "discharge")


@dataclass(frozen=True)
class SitePower:
    """`parts` is what each meter at the border adds; the sum is None where one of them says nothing, or where there is none."""

    milliwatts: int | None
    parts: Mapping[str, int | None]

    @property
    def meters(self) -> tuple[str, ...]:
        return tuple(self.parts)

    @property
    def silent(self) -> tuple[str, ...]:
        return tuple(name for name, part in self.parts.items() if part is None)


def site_power(status: GatewayStatus, now_ms: int) -> SitePower:
    parts = {meter.name: _signed(meter.role, fresh_power(meter, status, now_ms)) for meter in _needed(status.meters)}
    known = [part for part in parts.values() if part is not None]
    return SitePower(sum(known) if known and len(known) == len(parts) else None, parts)


def fresh_power(meter: MeterStatus, status: GatewayStatus, now_ms: int) -> int | None:
    """The meter's power while it is a live value; an old one is history."""
    if meter.state not in ANSWERING or meter.time_ms is None or now_ms - meter.time_ms > stale_after_ms(meter, status):
        return None
    return meter.values.get(POWER)


def stale_after_ms(meter: MeterStatus, status: GatewayStatus) -> int:
    interval = next((line.interval_ms for line in status.lines if line.name == meter.line), 0)
    return max(STALE_INTERVALS * interval, STALE_MIN_MS)


def _needed(meters: Iterable[MeterStatus]) -> list[MeterStatus]:
    """The meters at the site's border; without a grid meter, the loads that have no meter above them."""
    live = [meter for meter in meters if meter.state != "imported"]
    if any(meter.role == _GRID for meter in live):
        return [meter for meter in live if meter.role in (_GRID, _GENERATED, _EXPORTED, *_STORED)]
    return [meter for meter in live if meter.role == "load" and not meter.parent]


def _signed(role: str, milliwatts: int | None) -> int | None:
    if milliwatts is None:
        return None
    if role == _GENERATED:
        return abs(milliwatts)
    if role == _EXPORTED:
        return -abs(milliwatts)
    return -milliwatts if role in _STORED else milliwatts
