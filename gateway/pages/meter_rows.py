"""One row per meter as it is shown: state in a word, what it says now and how old that is. Pure."""

from dataclasses import dataclass
from decimal import Decimal

from gateway.pages.site_power import POWER, fresh_power
from gateway.pages.viewer import UNKNOWN, Amount, Viewer
from gateway.status import GatewayStatus, MeterStatus, PollCounters
from protocols.quantity import QUANTITIES

# Where a meter says no power, the first of these it has: what a person expects of it.
_COUNTED = ("pieces", "volume", "heat", "mass", "running_time", "active_energy_import", "active_energy_export")


@dataclass(frozen=True)
class MeterRow:
    """`share_pct` is the bar beside a live power: 100 for the largest of the site."""

    name: str
    role: str
    place: str
    state: str
    state_word: str
    reason: str
    reading: Amount
    share_pct: int | None
    age: str
    answers: str
    turnaround: str
    next_poll: str


def meter_rows(status: GatewayStatus, viewer: Viewer) -> tuple[MeterRow, ...]:
    powers = [fresh_power(meter, status, viewer.now_ms) for meter in status.meters]
    largest = max((abs(power) for power in powers if power is not None), default=0)
    return tuple(_row(meter, power, largest, viewer) for meter, power in zip(status.meters, powers, strict=True))


def _row(meter: MeterStatus, power: int | None, largest: int, viewer: Viewer) -> MeterRow:
    median = meter.turnaround_median_ms
    return MeterRow(
        name=meter.name,
        role=viewer.word("role", meter.role),
        place=viewer.say("meters.place", line=meter.line, address=meter.address) if meter.line else viewer.say("meters.no_line"),
        state=meter.state,
        state_word=viewer.word("state", meter.state),
        reason=meter.reason if meter.state != "ok" else "",
        reading=_reading(meter, power, viewer),
        share_pct=round(100 * abs(power) / largest) if power is not None and largest else None,
        age=viewer.age(meter.time_ms),
        answers=answered(meter.counters, viewer),
        turnaround=UNKNOWN if median is None else viewer.say("duration.milliseconds", number=viewer.number(round(median))),
        next_poll="" if meter.next_poll_ms is None else viewer.say("meters.next_poll", span=viewer.duration(meter.next_poll_ms)),
    )


def _reading(meter: MeterStatus, power: int | None, viewer: Viewer) -> Amount:
    """The live power; of a meter that says no power at all, its counter, which stays true while it is silent."""
    if power is not None or POWER in meter.values:
        return viewer.power(power)
    counted = next((name for name in _COUNTED if name in meter.values), None)
    if counted is None:
        return Amount(UNKNOWN)
    quantity = QUANTITIES[counted]
    value = Decimal(meter.values[counted]).scaleb(-quantity.decimals)
    return Amount(viewer.number(value), viewer.word("unit", quantity.unit))


def answered(counters: PollCounters, viewer: Viewer) -> str:
    return viewer.percent(Decimal(counters.answers) / counters.requests) if counters.requests else UNKNOWN
