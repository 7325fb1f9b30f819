"""The desk over a real store and meters that are played: admission, exchange, sheets, and what must not happen while a line is lent."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway import catalogue
from gateway.buffer import rows, series
from gateway.buffer.store import Store
from gateway.clock import ScaledClock
from gateway.commission_desk import CommissionDesk
from gateway.commission_interface import RefusedError
from gateway.declaring import Declarations
from gateway.metering import Metering
from gateway.site import Site
from gateway.site_check import load
from protocols.pdu import ReadRequest
from protocols.reading import Reading

NOW_MS = 1_774_669_572_000
SITE = """[site]
name = "works"
timezone = "Asia/Shanghai"

[poll]
interval_s = 5

[[line]]
name = "l1"
port = "/dev/none"
baud = 9600

[[meter]]
name = "press-1"
line = "l1"
address = 1
model = "chint-dtsu666"
role = "load"
class = "1"
ct_class = "0.5"
"""
VALUES = {"active_energy_import": 5_000_000_000, "voltage_l1_n": 230_000, "current_l1": 10_000, "active_power_l1": 2_200_000}


class PlayedLines:
    """Answers as a line would; `lent_line` is one that somebody has."""

    def __init__(self) -> None:
        self.lent_line, self.ok = "", True

    def lent(self) -> str:
        return self.lent_line

    def read_now(self, _name: str) -> Any:
        instant = SimpleNamespace(time_ms=NOW_MS)
        return SimpleNamespace(ok=self.ok, reason="" if self.ok else "no_answer", instant=instant, values=VALUES if self.ok else {})

    def exchange(self, _line: str, _address: int, request: ReadRequest) -> Any:
        return SimpleNamespace(words=(40,) * request.count)


class Desk:
    def __init__(self, folder: Path) -> None:
        path = folder / "site.toml"
        path.write_text(SITE)
        self.models = catalogue.meters(folder)
        site = load(path, {name: frozenset(model.quantities) for name, model in self.models.items()})
        self.store = Store(folder / "data", "gw", lambda content: content)
        self.lines = PlayedLines()
        self.reloaded: list[Site] = []
        self.hurried = 0
        self._site = site
        self.desk = CommissionDesk(site, self.models, self.store, ScaledClock(1.0, NOW_MS), self._metering, self._reload, self._hurry)

    def _metering(self) -> Metering:
        declarations = Declarations(self._site, self.models, self.store, lambda: NOW_MS)
        return SimpleNamespace(site=self._site, acquisition=self.lines, declarations=declarations)  # type: ignore[return-value]

    def _reload(self, site: Site) -> None:
        self._site = site
        self.reloaded.append(site)

    def _hurry(self) -> None:
        self.hurried += 1

    def store_counter(self, time_ms: int, value: int) -> None:
        self.store.add([Reading("press-1", self.store.boot, time_ms, time_ms, {"active_energy_import": value}, {})])
        self.store.commit(time_ms)

    def add(self, number: int, *, anyway: bool = False) -> None:
        row = {"name": f"m{number}", "line": "l1", "address": number, "model": "chint-dtsu666", "role": "load"}
        self.desk.add_meter("Li Wei", row, anyway=anyway)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.close()


def test_line_that_would_be_too_full_is_refused_with_the_arithmetic(bench: Desk) -> None:
    """Slow answers may be overruled knowingly, a line that cannot keep up at all may not."""
    refusals: dict[str, RefusedError] = {}
    for number in range(2, 100):
        try:
            bench.add(number, anyway="commission_refused.slow" in refusals)
        except RefusedError as error:
            refusals[error.key] = error
            if error.key == "commission_refused.full":
                break
            bench.add(number, anyway=True)

    assert list(refusals) == ["commission_refused.slow", "commission_refused.full"]
    full = refusals["commission_refused.full"]
    assert float(str(full.holes["least"])) > 5 == full.holes["interval"]
    assert full.holes["meters"] == len(bench.reloaded[-1].meter) + 1


def test_nothing_changes_while_a_line_is_lent(bench: Desk) -> None:
    """Whoever searches has the wire; the lines cannot be made anew under him."""
    bench.lines.lent_line = "l1"
    with pytest.raises(RefusedError) as caught:
        bench.add(2)

    assert (caught.value.key, bench.reloaded) == ("commission_refused.busy", [])


def test_exchange_is_declared_with_both_values(bench: Desk) -> None:
    """The note survives a new desk; the declaration lies before the first reading of the new counter that was stored."""
    bench.store_counter(NOW_MS + 5_000, 5_000_000_500)
    bench.store_counter(NOW_MS + 10_000, 300_000)
    bench.desk.take_out("press-1", "Li Wei", {"active_energy_import": "5000,0005"})
    bench.desk._clock = ScaledClock(1.0, NOW_MS + 20_000)
    number = bench.desk.put_in("press-1", {"active_energy_import": "0.3"})

    document = series.declarations(bench.store.reader())[0].document
    assert (number, document["old_final"], document["new_start"]) == ("d1", "5000.000500", "0.300000")
    assert document["time"] == "2026-03-28T03:46:22Z"
    assert (bench.desk.taken("press-1"), bench.hurried) == (None, 1)


@pytest.mark.parametrize("typed", ["", "much", "-1", "1e99"])
def test_reading_that_no_display_shows_is_refused(bench: Desk, typed: str) -> None:
    """And nothing is noted."""
    with pytest.raises(RefusedError):
        bench.desk.take_out("press-1", "Li Wei", {"active_energy_import": typed})

    assert bench.desk.taken("press-1") is None


def test_second_step_without_the_first_is_refused(bench: Desk) -> None:
    """The old meter's last value cannot be guessed."""
    with pytest.raises(RefusedError) as caught:
        bench.desk.put_in("press-1", {"active_energy_import": "0"})

    assert caught.value.key == "commission_refused.not_taken"


def test_sheet_holds_the_day_and_shows_tampering(bench: Desk, tmp_path: Path) -> None:
    """Identity, ratio, readings, comparison and person; a file changed later no longer fits its hash."""
    name = bench.desk.accept("press-1", "Li Wei", {"l1": 10_500}, "Cabinet 3")
    found = bench.desk.sheet(name)
    assert found is not None
    path = tmp_path / "data" / "acceptance" / f"{name}.json"
    path.write_text(path.read_text().replace("Cabinet 3", "Cabinet 4"))
    changed = bench.desk.sheets()[0]

    assert (found["sound"], changed["sound"]) == (True, False)
    assert (found["person"], found["identity"]["ct_ratio"], found["readings"]["current_l1"]) == ("Li Wei", "40", "10.000")
    assert found["reference"][0]["deviation_pct"] == "-4.762"


def test_silent_meter_gets_no_sheet(bench: Desk) -> None:
    """A sheet without readings proves nothing."""
    bench.lines.ok = False
    with pytest.raises(RefusedError):
        bench.desk.accept("press-1", "Li Wei", {}, "")

    assert bench.desk.sheets() == []


def test_deviation_stands_beside_what_the_classes_allow(bench: Desk) -> None:
    """Class 1 with transformers of class 0.5 allow 1.5 %."""
    deviations, judged = bench.desk.against_clamp("press-1", VALUES, {"l1": 10_500})

    assert [(each.deviation, each.limit) for each in deviations] == [(-4_762, 1_500)]
    assert [each.kind for each in judged] == ["ratio_right"]


@pytest.mark.parametrize("name", ["../site", "x", "20260328T034612Z-../../site"])
def test_only_sheets_are_read_as_sheets(bench: Desk, name: str) -> None:
    """No name leads out of the folder."""
    assert bench.desk.sheet(name) is None


def test_change_is_an_event_with_its_person(bench: Desk) -> None:
    """The record says who changed what; the version on disk says how."""
    bench.add(2)
    bench.store.commit(NOW_MS)

    events = list(rows.events(bench.store.reader(), 0, 10))
    assert [(each.kind, each.detail) for each in events] == [("site_changed", "The site file was changed by Li Wei: m2 was added.")]
    assert [(each.person, each.kind, each.subject) for each in bench.desk.versions()] == [("Li Wei", "meter_added", "m2")]
