"""The base load of the nights, from the counters: what still runs when nobody works. Asks the store; judges nothing."""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from statistics import median_low

from gateway.alarms.scene import BaseLoad
from gateway.buffer import series
from gateway.site import Site
from gateway.zone import zone

# Two weeks hold every kind of night twice; with fewer than five nobody knows what is usual.
NIGHTS, NIGHTS_MIN = 14, 5
HOURS = (0, 1, 2, 3, 4)  # local hours that end before the earliest early shift
# Counters are read every quarter of an hour; a reading further away is not that of the full hour.
NEAR_MS = 450_000


def base_load(site: Site, connection: sqlite3.Connection, now_ms: int) -> BaseLoad | None:
    """None until the last night is over and enough nights before are known."""
    local = zone(site.site.timezone)
    names = [meter.name for meter in site.meter if meter.role == "import"]
    today = datetime.fromtimestamp(now_ms // 1000, UTC).astimezone(local).date()
    if not names or now_ms < _instant(today, HOURS[-1] + 1, local):
        return None
    nights = [_night(connection, names, today - timedelta(days=back), local) for back in range(NIGHTS + 1)]
    last, known = nights[0], [night for night in nights[1:] if night is not None]
    return BaseLoad(last, median_low(known)) if last is not None and len(known) >= NIGHTS_MIN else None


def _night(connection: sqlite3.Connection, names: Sequence[str], day: date, local: tzinfo) -> int | None:
    """The lowest mean power of an hour, in mW; None where a meter was not read at every hour."""
    hours = [_instant(day, hour, local) for hour in (*HOURS, HOURS[-1] + 1)]
    totals = [0] * len(HOURS)
    for name in names:
        rows = series.counters(connection, [name], "active_energy_import", hours[0] - NEAR_MS, hours[-1] + NEAR_MS)
        read = [(row.time_ms, row.value) for row in rows if row.value is not None]
        counts = [_nearest(read, hour_ms) for hour_ms in hours]
        for at, (before, after) in enumerate(pairwise(counts)):
            if before is None or after is None or after < before:
                return None
            totals[at] += after - before
    return min(totals)


def _nearest(read: Sequence[tuple[int, int]], wanted_ms: int) -> int | None:
    near = min(read, key=lambda each: abs(each[0] - wanted_ms), default=None)
    return near[1] if near is not None and abs(near[0] - wanted_ms) <= NEAR_MS else None


def _instant(day: date, hour: int, local: tzinfo) -> int:
    return round(datetime.combine(day, time(hour), local).timestamp()) * 1000
