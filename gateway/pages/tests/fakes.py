"""A believable site for the tests of the pages: a works with a press line, PV and a piece counter.

Small working stand-ins for the status and figure sources; counts how often they are asked.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from gateway.interfaces import DECLARED, UNDONE, Bucket, CounterValue, EventFilter, Judgement, ShiftTarget, UnitsDeclared
from gateway.language import Language
from gateway.status import (
    ClockStatus,
    Frame,
    GatewayStatus,
    LineStatus,
    MeterDetail,
    MeterStatus,
    OutboxStatus,
    PollCounters,
    StoreStatus,
    WearStatus,
)
from protocols.reading import Event, iso, milliseconds_of

ZONE = ZoneInfo("Asia/Shanghai")
NOW_MS = milliseconds_of("2026-03-28T03:46:12Z")  # 11:46:12 in Shanghai, in the early shift
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
SHIFTS = (("early", 6), ("late", 14), ("night", 22))
HISTORY_DAYS = 15

_METERS = (
    # name, role, parent, line, watts
    ("main", "import", "", "rs485-1", 412_300),
    ("pv", "generation", "", "office-lan", -86_400),
    ("press-1", "load", "main", "rs485-1", 118_200),
    ("press-2", "load", "main", "rs485-1", 96_700),
    ("press-3", "load", "main", "rs485-1", 104_900),
    ("compressor", "load", "main", "rs485-1", 74_100),
    ("oven", "load", "main", "rs485-1", 61_350),
    ("lighting", "load", "main", "rs485-1", 8_240),
)


def meter(name: str, role: str = "load", line: str = "rs485-1", watts: int | None = 1_000, **changes: Any) -> MeterStatus:
    values = {} if watts is None else {"active_power": watts * 1000, "active_energy_import": 1_234_567_890, **phases(watts)}
    plain = MeterStatus(
        name=name,
        model="eastron-sdm630",
        line=line,
        address=1,
        role=role,
        parent="",
        production_line="",
        state="ok",
        time_ms=NOW_MS - 4_000,
        values=values,
        counters=PollCounters(requests=8640, answers=8631, timeouts=7, noise=2),
        turnaround_median_ms=41.5,
        turnaround_slow_ms=88.0,
    )
    return replace(plain, **changes)


def phases(watts: int) -> dict[str, int]:
    """Three phases that share the power unevenly, lagging by some 25 degrees as motors do."""
    values = {}
    for index, (phase, share) in enumerate((("l1", 0.36), ("l2", 0.33), ("l3", 0.31))):
        active, angle = watts * share * 1000, math.radians(25 + 4 * index)
        values[f"voltage_{phase}_n"] = 229_400 + 700 * index
        values[f"active_power_{phase}"] = round(active)
        values[f"reactive_power_{phase}"] = round(abs(active) * math.tan(angle))
        values[f"current_{phase}"] = round(abs(active) / math.cos(angle) / 230)
    return {**values, "frequency": 49_980, "power_factor": 902}


def line(name: str = "rs485-1", **changes: Any) -> LineStatus:
    plain = LineStatus(
        name=name,
        kind="rs485",
        target="/dev/serial/by-id/usb-FTDI",
        state="open",
        sentence="",
        cycle_ms=4_230.0,
        least_cycle_ms=4_050.0,
        interval_ms=10_000,
        utilisation=0.42,
        counters=PollCounters(requests=60_480, answers=60_391, timeouts=71, noise=12, late_replies=6),
    )
    return replace(plain, **changes)


def healthy_status(now_ms: int = NOW_MS) -> GatewayStatus:
    ages = {name: now_ms - 2_000 - 700 * index for index, (name, *_) in enumerate(_METERS)}
    meters = [
        meter(name, role, on, watts, parent=parent, address=index + 1, time_ms=ages[name])
        for index, (name, role, parent, on, watts) in enumerate(_METERS)
    ]
    counter = meter(
        "press-1-counter", "pieces", watts=None, values={"pieces": 48_211_000}, parent="press-1", address=9, time_ms=now_ms - 3_000
    )
    return GatewayStatus(
        site="hangzhou-works",
        time_ms=now_ms,
        started_ms=now_ms - 76 * HOUR_MS,
        boot=14,
        meters=(*meters, counter),
        lines=(
            line(),
            line("office-lan", kind="tcp", target="10.0.0.5:502", cycle_ms=180.0, utilisation=0.02, counters=PollCounters(27_300, 27_300)),
        ),
        clock=ClockStatus("synchronised", ""),
        outbox=OutboxStatus("reachable", "", 0, 0, None, now_ms - 41_000, 1_204, 602_118),
        store=StoreStatus("ok", "", "/var/lib/shiftwatt/store.db", 214_000_000, 21_400_000_000, now_ms - 6_000, 2_411_903, 54),
        wear=WearStatus(2_850_000_000, now_ms - 76 * HOUR_MS, 32_000_000_000),
    )


def troubled_status(now_ms: int = NOW_MS) -> GatewayStatus:
    """One meter silent for 12 minutes, one unreliable, and a backlog for the hub."""
    status = healthy_status(now_ms)
    gone = {"state": "absent", "reason": "no_answer", "time_ms": now_ms - 12 * MINUTE_MS, "next_poll_ms": 95_000}
    return replace(
        with_meter(with_meter(status, "press-2", **gone), "oven", state="flaky", reason="line_noise"),
        outbox=OutboxStatus(
            "unreachable",
            "hub.example cannot be reached: no answer within 10 s. Check the network.",
            212,
            105_870,
            now_ms - 3 * HOUR_MS,
            now_ms - 3 * HOUR_MS,
            992,
            496_248,
        ),
    )


def with_meter(status: GatewayStatus, name: str, **changes: Any) -> GatewayStatus:
    return replace(status, meters=tuple(replace(each, **changes) if each.name == name else each for each in status.meters))


def history(now_ms: int = NOW_MS) -> list[dict[str, Any]]:
    """Three shifts a day: a week-end, a gap with an estimate, an hour without readings, one without figures."""
    today = datetime.fromtimestamp(now_ms / 1000, ZONE).date()
    figures = []
    for back in range(HISTORY_DAYS, -1, -1):
        day = today - timedelta(days=back)
        for index, (name, hour) in enumerate(SHIFTS):
            start = datetime(day.year, day.month, day.day, hour, tzinfo=ZONE).astimezone(UTC)
            start_ms = int(start.timestamp() * 1000)
            if start_ms <= now_ms:
                figures.append(_history_figure(day.isoformat(), day.weekday(), name, start_ms, back * 3 + index, now_ms))
    return figures


def _history_figure(day: str, weekday: int, name: str, start_ms: int, number: int, now_ms: int) -> dict[str, Any]:
    part = min(1.0, (now_ms - start_ms) / (8 * HOUR_MS))
    level = {"early": 2900, "late": 2650, "night": 1480}[name] * (0.24 if weekday >= 5 else 1.0) * (1 + (number * 37 % 17 - 8) / 70)
    changes: dict[str, Any] = {"state": "running" if part < 1 else "final"}
    if number == 13:
        changes |= {"estimated": Decimal("0.34"), "complete": False}
    if number == 22:
        changes |= {"missing_s": 4_980, "interpolated": Decimal("0.15"), "complete": False, "state": "restated"}
    kwh = None if number == 29 else Decimal(round(level * part * 1000)) / 1000
    return figure(day=day, name=name, start_ms=start_ms, kwh=kwh, counted_ms=now_ms // 900_000 * 900_000 if part < 1 else None, **changes)


def figure(
    day: str = "2026-03-28",
    name: str = "early",
    start_ms: int = milliseconds_of("2026-03-27T22:00:00Z"),
    kwh: Decimal | None = Decimal("1950.5"),
    *,
    hours: int = 8,
    state: str = "final",
    interpolated: Decimal = Decimal(0),
    estimated: Decimal = Decimal(0),
    missing_s: int = 0,
    complete: bool = True,
    gases: str = "CO2",
    factor: Decimal = Decimal("0.5617"),
    counted_ms: int | None = None,
    production_line: str | None = None,
    scope1_kg: str | None = None,
) -> dict[str, Any]:
    """A shift figure as the contract writes it."""
    end_ms = start_ms + hours * HOUR_MS
    kg = None if kwh is None else f"{kwh * factor:.6f}"
    last_ms = end_ms if counted_ms is None else counted_ms
    main = _entry("main", kwh, interpolated, estimated, missing_s, start_ms, last_ms)
    press = _entry("press-1", kwh and kwh / 4, Decimal(0), Decimal(0), 0, start_ms, last_ms)
    totals: dict[str, Any] = {"scope1_kg": scope1_kg, "scope2_location_kg": kg, "scope2_market_kg": kg, "outside_kg": {}}
    factor_facts = {
        "id": "cn-grid",
        "year": 2022,
        "region": "CN-EAST",
        "value": str(factor),
        "unit": "kg/kWh",
        "sha256": "0" * 64,
        "fallbacks": [],
    }
    lines = [
        {"line": scope, "gases": gases, "kg": kg, "factor": factor_facts, "provisional": True}
        for scope in ("scope2_location", "scope2_market")
    ]
    return {
        "date": day, "shift": name, "production_line": production_line, "start": iso(start_ms), "end": iso(end_ms),
        "elapsed_s": hours * 3600, "version": 1, "state": state, "known_at": iso(last_ms), "reasons": [], "meters": [main, press],
        "balance": {"load_kwh": None if kwh is None else f"{kwh:.6f}", "import_kwh": None, "export_kwh": None, "generation_kwh": None,
                    "self_consumption_kwh": None, "unmetered_kwh": None},
        "carbon": {**totals, "lines": [] if kwh is None else lines, "uncertainty_95_pct": "1.200000", "worst_case_pct": "2.000000"},
        "products": [{"product": "housing-a", "units": "480", "kwh_per_unit": "0.840000", "kg_per_unit": "0.471800"}],
        "complete": complete, "estimated_share_pct": f"{estimated * 100:.6f}", "time_zone_data": "2026.1", "sha256": "0" * 64,
    }  # fmt: skip


def _entry(
    name: str, kwh: Decimal | None, interpolated: Decimal, estimated: Decimal, missing_s: int, start_ms: int, last_ms: int
) -> dict[str, Any]:
    def part(share: Decimal) -> str | None:
        return None if kwh is None else f"{kwh * share:.6f}"

    return {
        "meter": name, "quantity": "active_energy_import", "unit": "kWh", "amount": part(Decimal(1)),
        "measured": part(1 - interpolated - estimated), "interpolated": part(interpolated), "estimated": part(estimated),
        "adjustment": "0.000000", "missing_s": missing_s, "first": {"time": iso(start_ms), "value": "1000.000000"},
        "last": {"time": iso(last_ms), "value": "2000.000000"}, "events": [],
    }  # fmt: skip


@dataclass
class FakeStatus:
    """Says what it is set to; `asked` counts."""

    now: GatewayStatus = field(default_factory=healthy_status)
    asked: int = 0
    fault: Exception | None = None

    def status(self) -> GatewayStatus:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        return self.now


@dataclass
class FakeFigures:
    documents: list[dict[str, Any]] = field(default_factory=history)
    asked: list[tuple[int, int]] = field(default_factory=list)

    def figures(self, from_ms: int, to_ms: int, as_known_at_ms: int | None = None) -> list[dict[str, Any]]:
        self.asked.append((from_ms, to_ms))
        return [each for each in self.documents if milliseconds_of(each["end"]) > from_ms and milliseconds_of(each["start"]) < to_ms]


@dataclass
class FakeClock:
    time_ms: int = NOW_MS

    def now_ms(self) -> int:
        return self.time_ms


@dataclass(frozen=True)
class FakeAlarm:
    kind: str = "over_current"
    subject: str = "press-3"
    severity: str = "urgent"
    since_ms: int = NOW_MS - 25 * MINUTE_MS
    evidence: Mapping[str, str] = field(default_factory=lambda: {"phase": "L2", "current": "171.3", "limit": "160.0"})
    noted_by: str = ""
    comment: str = ""
    silent_until_ms: int = 0

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.subject}"


@dataclass
class FakeAlarms:
    """Notes the alarms that it has; `noted` remembers what it was told."""

    standing: list[FakeAlarm] = field(default_factory=list)
    noted: list[tuple[str, str, str, int]] = field(default_factory=list)

    def alarms(self) -> Sequence[FakeAlarm]:
        return tuple(self.standing)

    def note(self, key: str, person: str, comment: str, silent_min: int) -> bool:
        if key not in [alarm.key for alarm in self.standing]:
            return False
        self.noted.append((key, person, comment, silent_min))
        self.standing = [replace(each, noted_by=person, comment=comment) if each.key == key else each for each in self.standing]
        return True


def happened() -> list[Event]:
    """The newest first."""
    told = (
        ("alarm_raised", "over_current:press-3", "Alarm: press-3 carries 171.3 A on L2; it is made for 160.0 A.", 25),
        ("meter_back", "press-2", "press-2 (address 4) answers again.", 190),
        ("meter_absent", "press-2", "press-2 (address 4) does not answer. Check its supply and its A/B wires.", 205),
        ("line_open", "rs485-1", "The line rs485-1 (/dev/serial/by-id/usb-FTDI) is open.", 4560),
    )
    count = len(told)
    return [Event(kind, of, said, 14, 0, NOW_MS - ago * MINUTE_MS, count - index) for index, (kind, of, said, ago) in enumerate(told)]


@dataclass
class FakeHistory:
    """A day's load by a formula, with a gap where only the counter knows; versions of one figure (or those of `made`); a few events."""

    made: Sequence[dict[str, Any]] = ()
    happened: list[Event] = field(default_factory=happened)
    fault: Exception | None = None

    def curve(self, meter: str, quantity: str, from_ms: int, to_ms: int, bucket_ms: int) -> Sequence[Bucket]:
        found = []
        for start_ms in range(from_ms, min(to_ms, NOW_MS), bucket_ms):
            hour = (start_ms + 8 * HOUR_MS) / HOUR_MS % 24
            if not 3 <= hour < 4.5:
                mean = round((90 + 40 * math.sin((hour - 8) / 24 * 2 * math.pi) + 6 * math.sin(hour * 5)) * 10**6)
                found.append(Bucket(start_ms, mean, round(mean * 0.9), round(mean * 1.12)))
        return found

    def counter(self, meter: str, quantity: str, from_ms: int, to_ms: int) -> Sequence[CounterValue]:
        return [CounterValue(at, (at - from_ms) // 1000 * 20_000) for at in range(from_ms, min(to_ms, NOW_MS), 900_000)]

    def events(self, wanted: EventFilter) -> Sequence[Event]:
        if self.fault is not None:
            raise self.fault
        kept = [each for each in self.happened if not wanted.kind or each.kind == wanted.kind]
        kept = [each for each in kept if not wanted.meter or wanted.meter in each.subject.split(":")]
        return [each for each in kept if not wanted.before or each.sequence < wanted.before][: wanted.limit]

    def event_kinds(self) -> Sequence[str]:
        return sorted({each.kind for each in self.happened})

    def versions(self, start_ms: int, shift: str, production_line: str) -> Sequence[dict[str, Any]]:
        found = [
            each for each in history() if milliseconds_of(each["start"]) == start_ms and each["shift"] == shift and not production_line
        ]
        if not found or self.made:
            return list(self.made)
        reason = "restated: main active_energy_import: 1950.500000 -> 1960.500000 kWh"
        return [{**found[0], "version": 2, "state": "restated", "reasons": [reason]}, found[0]]


@dataclass(frozen=True)
class FakeFinding:
    confidence: str = "certain"
    kind: str = "current_reversed"

    def sentence(self, language: Language) -> str:
        return "The transformer of L2 is mounted backwards." if language.code == "en" else "L2 的互感器装反了。"

    def grounds(self, language: Language) -> str:
        return "its current lags by 205 degrees." if language.code == "en" else "其电流滞后 205 度。"


@dataclass
class FakeDoctor:
    found: Sequence[Judgement] = field(default_factory=list)
    is_looking: bool = False

    def wiring(self, meter: str) -> Sequence[Judgement]:
        return self.found if meter == "press-1" else []

    def buses(self) -> Sequence[Judgement] | None:
        return None if self.is_looking else self.found


@dataclass
class FakeShifts:
    """Keeps what is declared in a list; `asked` remembers what it was told."""

    targets_set: list[ShiftTarget] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=lambda: {"housing-a": "", "housing-b": "press-1-counter"})
    units: list[UnitsDeclared] = field(default_factory=list)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    answer: str = ""
    fault: Exception | None = None

    def targets(self) -> Sequence[ShiftTarget]:
        return self.targets_set

    def products(self) -> Mapping[str, str]:
        return self.made

    def declared(self, from_ms: int, to_ms: int) -> Sequence[UnitsDeclared]:
        if self.fault is not None:
            raise self.fault
        return [each for each in self.units if from_ms <= each.time_ms < to_ms]

    def declare(self, product: str, time_ms: int, units: str, person: str) -> str:
        self.asked.append((product, iso(time_ms), units, person))
        self.units.insert(0, UnitsDeclared(f"d{len(self.units) + 1}", product, time_ms, units, person, NOW_MS, holds=True))
        return self.answer or DECLARED

    def undo(self, identity: str, person: str) -> str:
        self.asked.append((identity, person))
        self.units = [each._replace(holds=each.holds and each.id != identity) for each in self.units]
        return self.answer or UNDONE


@dataclass
class FakeMeters:
    """Answers with `reason`; `asked` remembers which meters were read."""

    reason: str = ""
    asked: list[str] = field(default_factory=list)

    def detail(self, meter: str) -> MeterDetail:
        frames = (
            Frame(NOW_MS - 4_000, bytes.fromhex("01040000001271C7"), bytes.fromhex("010424436633334366CCCD"), ""),
            Frame(NOW_MS - 14_000, bytes.fromhex("01040000001271C7"), b"", "no_answer"),
        )
        counts = ((30_000, 12), (36_000, 240), (43_000, 900), (52_000, 310), (62_000, 40), (107_000, 3))
        return MeterDetail(counts, frames)

    def read_now(self, meter: str) -> str:
        self.asked.append(meter)
        return self.reason
