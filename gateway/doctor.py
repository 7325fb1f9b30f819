"""The doctor's questions to a site: the wiring of a meter from its newest values, the buses from the polls that were kept.

The judgement is `commissioning`'s; here it gets what it judges. Commands and pages ask through this.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from gateway.buffer import rows
from gateway.commissioning.bus import Polled, Seen, bus
from gateway.commissioning.finding import Finding
from gateway.commissioning.wiring import wiring
from gateway.site import MeterTable, Site
from gateway.zone import zone
from protocols.reading import Reading

# A day holds every shift once; at a pace of ten seconds it is 8,640 polls of each meter.
HISTORY_MS = 24 * 3_600_000
# Roles that measure electricity.
ELECTRICAL = frozenset(("import", "export", "load", "generation", "charge", "discharge"))
_TURNED = ("active_power", "reactive_power")


def wiring_of(site: Site, meter: MeterTable, values: Mapping[str, int]) -> list[Finding]:
    """Empty for a meter that measures no phases of electricity; a CT declared as reversed is no mistake."""
    if meter.role not in ELECTRICAL or not any(name.startswith(("current_l", "voltage_l")) for name in values):
        return []
    seen = {name: -value if meter.reversed and name.startswith(_TURNED) else value for name, value in values.items()}
    return wiring(seen, meter.role, site.site.voltage_nominal * 1000)


def buses_of(site: Site, connection: sqlite3.Connection, now_ms: int) -> list[Finding]:
    """From the polls of the last day; nothing is said of meters with too few of them."""
    wired = [meter.name for meter in site.meter if meter.line]
    histories = {name: list(rows.power_between(connection, name, now_ms - HISTORY_MS, now_ms)) for name in wired}
    polled = [Polled(name, site.meter_named(name).line, list(map(_seen, history))) for name, history in histories.items()]
    local = zone(site.site.timezone)
    return bus(polled, lambda time_ms: datetime.fromtimestamp(time_ms // 1000, UTC).astimezone(local).hour, _powers(histories))


def _seen(reading: Reading) -> Seen:
    failed = not reading.values
    return Seen(reading.time_ms or 0, next(iter(reading.missing.values()), "") if failed else "", reading.turnaround_ms)


def _powers(histories: Mapping[str, Sequence[Reading]]) -> dict[str, list[tuple[int, int]]]:
    return {
        name: [(each.time_ms or 0, abs(each.values["active_power"])) for each in history if "active_power" in each.values]
        for name, history in histories.items()
    }
