"""The base load from counters in a real store."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.alarms.scene import BaseLoad
from gateway.base_load import base_load
from gateway.buffer.store import Store
from gateway.site import Site
from protocols.reading import IMPORTED, Reading

MIDNIGHT = datetime(2026, 3, 20, tzinfo=UTC)
SITE = Site.model_validate({"site": {"name": "works", "timezone": "UTC"}, "meter": [{"name": "main", "role": "import"}]})


def _store(tmp_path: Path, last_night_mw: int) -> Store:
    """Sixteen nights of 6 kW with an hour of 5 kW, the last one higher by what is asked."""
    store = Store(tmp_path, "gateway", lambda digest: digest)
    counter = 0
    for day in range(16):
        for quarter in range(24):
            more_mw = last_night_mw if day == 15 else 0
            time_ms = round((MIDNIGHT + timedelta(days=day, minutes=15 * quarter)).timestamp()) * 1000
            store.add([Reading("main", IMPORTED, 0, time_ms, {"active_energy_import": counter}, {})])
            counter += ((5_000_000 if 8 <= quarter < 12 else 6_000_000) + more_mw) // 4
    store.commit(0)
    return store


def _at(store: Store, hours: float) -> BaseLoad | None:
    now = MIDNIGHT + timedelta(days=15, hours=hours)
    return base_load(SITE, store.reader(), round(now.timestamp()) * 1000)


def test_lowest_hour_of_the_last_night_stands_beside_the_usual_one(tmp_path: Path) -> None:
    """2 kW left running show as 7 against 5 kW."""
    store = _store(tmp_path, 2_000_000)

    assert _at(store, 6) == BaseLoad(7_000_000, 5_000_000)
    store.close()


def test_night_is_not_judged_before_it_is_over(tmp_path: Path) -> None:
    """At four nobody knows yet."""
    store = _store(tmp_path, 0)

    assert _at(store, 4) is None
    store.close()


def test_missing_hour_is_no_low_load(tmp_path: Path) -> None:
    """A day without readings tells nothing of its night."""
    store = _store(tmp_path, 0)

    assert _at(store, 30) is None
    store.close()
