"""The rooms that follow from the site file, joined: which stretches our own submeters are asked for."""

from pathlib import Path

import pytest

from gateway import catalogue
from gateway.buffer.store import Store
from gateway.metering import Metering
from gateway.site_check import load
from gateway.tests.works import MINUTE_MS, OWN_SUBMETER, SetClock, counter, ms, put


@pytest.mark.parametrize(
    ("back_min", "asked"),
    [(15, False), (16, False), (17, True), (24 * 60, True)],
    ids=["in time", "a full line", "the quarter's end was missed", "a day"],
)
def test_a_quarter_that_was_missed_is_asked_for(tmp_path: Path, back_min: int, asked: bool) -> None:
    """A restart over one quarter's end leaves a stretch of little more than a quarter: the meter's own record is better than a guess."""
    (tmp_path / "site.toml").write_text(OWN_SUBMETER, encoding="utf-8")
    models = catalogue.meters(None)
    store = Store(tmp_path / "data", "gw-1", bytes)
    last_ms = ms("2026-03-02 06:00")
    back_ms = last_ms + back_min * MINUTE_MS
    put(store, [counter("own", last_ms, 1_000), counter("own", back_ms, 2_000)], back_ms)
    heard: list[tuple[int, int]] = []

    class Watched(Metering):
        def gaps(self) -> None:
            heard.extend(self._gaps("own", back_ms + MINUTE_MS))
            self.acquisition._loop.close()  # it was never started, so it cannot be stopped

    site = load(tmp_path / "site.toml", {name: frozenset(model.quantities) for name, model in models.items()})
    Watched(site, models, SetClock(back_ms), store, lambda _: None, 1).gaps()
    store.close()

    assert heard == ([(last_ms, back_ms)] if asked else [])
