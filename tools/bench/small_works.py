"""A small store on which everything a store can hold has happened, sealed and partly acknowledged: what proofs are tried on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway import site_check
from gateway.books import Books
from gateway.buffer.store import Store
from gateway.declaring import Declarations
from gateway.deliver.key import gateway_key
from gateway.site import Site
from protocols.reading import IMPORTED, ClockSet, Event, Reading, milliseconds_of

KWH, MINUTE_MS, HOUR_MS = 10**6, 60_000, 3_600_000
START = "2026-03-02T06:00:00Z"
TEXT = """
[site]
name = "works"
timezone = "Europe/Berlin"
region = ["CN"]
[[meter]]
name = "main"
role = "import"
rating = "400 kW"
[[meter]]
name = "press"
role = "load"
parent = "main"
rating = "200 kW"
[[meter]]
name = "gas"
role = "fuel"
fuel = "natural_gas"
[[product]]
name = "housing"
[[shift]]
name = "early"
start = "06:00"
end = "14:00"
[[shift]]
name = "late"
start = "14:00"
end = "22:00"
"""


class Works:
    """Its clock stands until it is moved."""

    def __init__(self, folder: Path, text: str = TEXT) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.now_ms = milliseconds_of("2026-03-03T12:00:00Z")
        self._site = self._read(text)
        key = gateway_key(self.data)
        self.gateway = key.gateway
        self.store = Store(self.data, key.gateway, key.sign)
        self.books = self._books()

    def _read(self, text: str) -> Site:
        self.data.mkdir(parents=True, exist_ok=True)
        path = self.folder / "site.toml"
        path.write_text(text, encoding="utf-8")
        return site_check.load(path, {})

    def _books(self) -> Books:
        return Books(self._site, {}, self.store, self._now)

    def _now(self) -> int:
        return self.now_ms

    def change_site(self, text: str) -> None:
        self._site = self._read(text)
        self.books = self._books()

    def put(self, *records: Any) -> None:
        self.store.add(records)
        self.store.commit(self.now_ms)

    def declare(self, **request: Any) -> None:
        Declarations(self._site, {}, self.store, self._now).declare(request)

    def step(self) -> None:
        """An hour later: figures, then a batch."""
        self.now_ms += HOUR_MS
        self.books.update()
        self.store.outbox.seal(self.now_ms)


def counted(meter: str, quantity: str, begin: int, step: int, times: range) -> Iterator[Reading]:
    return (Reading(meter, IMPORTED, 0, at, {quantity: begin + number * step}, {}) for number, at in enumerate(times))


def _quarters(begin: str, end: str) -> range:
    return range(milliseconds_of(begin), milliseconds_of(end) + 1, 15 * MINUTE_MS)


def _first_day(works: Works) -> None:
    energy, day = "active_energy_import", _quarters(START, "2026-03-02T22:00:00Z")
    works.put(
        *counted("main", energy, 17, 9 * KWH, day), *counted("press", energy, 5, 2 * KWH, day), *counted("gas", "volume", 0, 777, day)
    )
    boot = works.store.boot
    waiting = [
        Reading("main", boot, at, None, {"active_power": 9_000_000 + at}, {"current_l1": "exception_2"}, 31) for at in range(0, 9000, 1000)
    ]
    works.put(*waiting, Event("started", "gateway", "The clock is not set yet.", boot, 1, None))
    works.step()
    clocked = milliseconds_of("2026-03-02T22:10:00Z")
    works.put(ClockSet(boot, clocked, works.now_ms))
    live = [
        Reading(meter, boot, at, clocked + at, {"active_power": at, "voltage_l1_n": 230_000 + at}, {"frequency": "no_answer"}, 12)
        for meter in ("main", "press")
        for at in range(10_000, 60_000, 1000)
    ]
    works.put(*live, Event("alarm", "press", "No answer for 30 s.", boot, 60_000, clocked + 60_000))
    works.step()


def _second_day(works: Works) -> None:
    energy, night = "active_energy_import", _quarters("2026-03-02T22:15:00Z", "2026-03-03T06:00:00Z")
    works.put(*counted("main", energy, 600 * KWH, 9 * KWH, night), *counted("press", energy, 140 * KWH, KWH, night))
    works.put(Reading("gas", IMPORTED, 0, night[0], {}, {"volume": "no_answer"}))
    works.step()
    swap = {"meter": "press", "time": "2026-03-02T22:10:00Z", "old_final": ["129"], "new_start": ["139"]}
    works.declare(declare="swap", **swap)
    works.declare(declare="production", product="housing", time="2026-03-02T15:00:00Z", units="480")
    works.step()
    late = milliseconds_of("2026-03-02T13:07:00Z")
    works.put(*counted("gas", "volume", 21_500, 1, range(late, late + 1)))
    works.declare(declare="undo", undoes="d1")
    works.step()
    works.change_site(TEXT.replace('rating = "200 kW"', 'rating = "7 kW"'))
    works.step()
    works.change_site(TEXT)
    works.step()


def full_store(folder: Path) -> Works:
    """Bodies of early batches are gone, one batch was refused, the newest ones wait; nothing is left unsealed."""
    works = Works(folder)
    _first_day(works)
    _second_day(works)
    outbox = works.store.outbox
    outbox.refuse(2, "too large")
    outbox.acknowledge(range(1, max(2, outbox.last_number() - 1)), works.now_ms)
    return works


@contextmanager
def closing(make: Callable[[], Works]) -> Iterator[Works]:
    works = make()
    try:
        yield works
    finally:
        works.store.close()
