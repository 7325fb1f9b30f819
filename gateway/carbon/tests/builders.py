"""Short ways to write inputs down in tests; every default is a plain weekday at a works in Hangzhou."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from gateway import zone
from gateway.carbon import CounterReading, CounterSpec, Declaration, Factor, ShiftRule, SiteInputs, figures, publish

KWH = 10**6  # mWh
MINUTE = 60_000
HOUR = 3_600_000
DAY = 24 * HOUR
IMPORT, EXPORT = "active_energy_import", "active_energy_export"
THREE_SHIFTS = (ShiftRule("early", "06:00", "14:00"), ShiftRule("late", "14:00", "22:00"), ShiftRule("night", "22:00", "06:00"))
LONG_AFTER = 4 * 10**12

Document = dict[str, Any]
Readings = Mapping[tuple[str, str], Sequence[CounterReading]]


def ms(text: str) -> int:
    """UTC: "2026-03-02 06:00" -> Unix milliseconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def counter(meter: str = "main", quantity: str = IMPORT, role: str = "import", **changes: Any) -> CounterSpec:
    """400 kW, read every 15 minutes."""
    return replace(CounterSpec(meter, quantity, role, 400 * KWH, None, 900), **changes)


def rows(*pairs: tuple[str, int | None]) -> list[CounterReading]:
    return [CounterReading(ms(text), value) for text, value in pairs]


def steady(start: str, end: str, per_step: int, step_ms: int = 15 * MINUTE, begin: int = 0) -> list[CounterReading]:
    """A reading at every step from start to end, both included."""
    times = range(ms(start), ms(end) + 1, step_ms)
    return [CounterReading(time_ms, begin + number * per_step) for number, time_ms in enumerate(times)]


def factor(value: str, **changes: Any) -> Factor:
    row = Factor(
        id="cn.grid.2026",
        region="CN",
        year=2026,
        edition=None,
        line="scope2_location",
        activity="electricity",
        unit="kWh",
        basis="",
        value=Decimal(value),
        gases="CO2",
        gwp="",
        title="Announcement",
        published=None,
        source="test",
        status="verified",
    )
    return replace(row, **changes)


def site(*counters: CounterSpec, shifts: Sequence[ShiftRule] = THREE_SHIFTS, **changes: Any) -> SiteInputs:
    """UTC unless `zone` says otherwise, so that tests read like their times."""
    values: dict[str, Any] = {
        "site": "works",
        "zone": UTC,
        "time_zone_data": "2026.6",
        "production_day_start": "00:00",
        "shifts": tuple(shifts),
        "counters": counters or (counter(),),
        "factors": (factor("0.5306"),),
        "region_chain": ("CN-EAST", "CN"),
        **changes,
    }
    return SiteInputs(**values)


def documents(
    inputs: SiteInputs,
    readings: Readings | Sequence[CounterReading],
    declarations: Sequence[Declaration] = (),
    now_ms: int = LONG_AFTER,
) -> list[Document]:
    """Published figures; a bare list of readings is of the site's first counter."""
    given = readings if isinstance(readings, Mapping) else {inputs.counters[0].key: readings}
    drafts = figures(inputs, given, declarations, now_ms)
    return [document for draft in drafts if (document := publish(draft, None, now_ms, 15)) is not None]


def entries(found: Sequence[Document], meter: str = "main", quantity: str = IMPORT) -> list[Document]:
    return [entry for document in found for entry in document["meters"] if (entry["meter"], entry["quantity"]) == (meter, quantity)]


def amounts(found: Sequence[Document], meter: str = "main", quantity: str = IMPORT) -> list[str | None]:
    return [entry["amount"] for entry in entries(found, meter, quantity)]


def shift_named(found: Sequence[Document], day: str, name: str) -> Document:
    return next(document for document in found if (document["date"], document["shift"]) == (day, name))


def berlin() -> Any:
    return zone.zone("Europe/Berlin")


def a_day(text: str) -> date:
    return date.fromisoformat(text)
