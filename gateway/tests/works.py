"""What the tests of books, import and writer share: a small works whose meters are fed by hand, and a real store."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from gateway import site_check
from gateway.buffer import series
from gateway.buffer.store import Store
from gateway.clock import Instant
from gateway.site import Site
from gateway.status import ClockStatus
from protocols.reading import IMPORTED, Reading

KWH = 10**6
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
# One submeter of ours behind an address where nobody answers.
OWN_SUBMETER = """[site]
name = "bench"
timezone = "Europe/Berlin"
[[line]]
name = "bench"
tcp = "127.0.0.1:9"
[[meter]]
name = "own"
line = "bench"
address = 1
model = "shiftwatt-submeter"
role = "load"
"""
TEXT = """
[site]
name = "works"
timezone = "UTC"
region = ["CN"]

[poll]
energy_interval_min = 15

[[meter]]
name = "main"
was = ["incoming"]
role = "import"
counts = ["active_energy_import"]
rating = "400 kW"

[[meter]]
name = "press"
role = "load"
parent = "main"
rating = "200 kW"

[[shift]]
name = "early"
start = "06:00"
end = "14:00"

[[shift]]
name = "late"
start = "14:00"
end = "22:00"
"""


def works(folder: Path, text: str = TEXT) -> Site:
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return site_check.load(path, {})


def open_store(folder: Path) -> Store:
    return Store(folder, "gw-1", lambda digest: digest + digest)


def ms(text: str) -> int:
    """UTC: "2026-03-02 06:00" -> Unix milliseconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def counter(meter: str, time_ms: int, value: int, quantity: str = "active_energy_import") -> Reading:
    return Reading(meter, IMPORTED, 0, time_ms, {quantity: value}, {})


def steady(meter: str, start: str, end: str, step: int, begin: int = 0) -> list[Reading]:
    """One reading each quarter of an hour, both ends included."""
    times = range(ms(start), ms(end) + 1, 15 * MINUTE_MS)
    return [counter(meter, time_ms, begin + number * step) for number, time_ms in enumerate(times)]


def put(store: Store, readings: Iterable[Reading], now_ms: int) -> None:
    store.add(readings)
    store.commit(now_ms)


def stored(store: Store, meter: str, quantity: str = "active_energy_import") -> list[tuple[int, int | None, str]]:
    return [(row.time_ms, row.value, row.reason) for row in series.counters(store.reader(), [meter], quantity, 0, 10**15)]


class SetClock:
    """Stands where it is put."""

    def __init__(self, time_ms: int, *, unset: bool = False) -> None:
        self.time_ms = time_ms
        self.unset = unset
        self.monotonic_ms = 0

    def now_ms(self) -> int:
        return self.time_ms

    def instant(self) -> Instant:
        return Instant(self.monotonic_ms, None if self.unset else self.time_ms)

    def status(self) -> ClockStatus:
        return ClockStatus("unset" if self.unset else "set", "")
