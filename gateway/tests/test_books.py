"""The books over a real store: figures appear, are replaced, restated and withdrawn, and nothing is lost in between."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.books import Books
from gateway.boundaries import Boundaries
from gateway.buffer import series
from gateway.buffer.store import Store
from gateway.site_inputs import counted, inputs_of
from gateway.tests.works import HOUR_MS, KWH, MINUTE_MS, TEXT, counter, ms, open_store, put, steady, works

START = "2026-03-02 06:00"
Document = dict[str, Any]


class Desk:
    """Books of a small works, with a clock that stands where it is put."""

    def __init__(self, folder: Path, store: Store, text: str = TEXT) -> None:
        self.now_ms = ms("2026-03-02 10:00")
        self.store = store
        self.books = Books(works(folder, text), {}, store, lambda: self.now_ms)

    def at(self, now: str, changed_from: str = START) -> int:
        self.now_ms = ms(now)
        return self.books.update(ms(changed_from))

    def figures(self) -> list[Document]:
        return series.figures(self.store.reader(), 0, 10**15)

    def shift(self, name: str) -> Document:
        return next(document for document in self.figures() if document["shift"] == name)

    def amount(self, name: str, meter: str = "main") -> str | None:
        amount: str | None = next(entry["amount"] for entry in self.shift(name)["meters"] if entry["meter"] == meter)
        return amount


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = open_store(tmp_path / "data")
    yield Desk(tmp_path, store)
    store.close()


def feed(desk: Desk, end: str, start: str = START, begin: int = 0) -> None:
    put(desk.store, [*steady("main", start, end, KWH, begin), *steady("press", start, end, KWH // 4, begin // 4)], ms(end))


def test_the_running_shift_has_a_figure_that_is_replaced(desk: Desk) -> None:
    """It is no record until the shift has ended: there is one of it, and it grows."""
    feed(desk, "2026-03-02 08:00")
    published = desk.at("2026-03-02 08:01")
    first = (desk.shift("early")["state"], desk.amount("early"))
    feed(desk, "2026-03-02 09:00", "2026-03-02 08:15", 9 * KWH)
    desk.at("2026-03-02 09:01")

    assert published == 0
    assert first == ("running", "8.000000")
    assert desk.amount("early") == "12.000000"
    assert [document["shift"] for document in desk.figures()] == ["early"]


def test_a_shift_becomes_provisional_then_final(desk: Desk) -> None:
    """At its end, and after the grace time; each is a version of its own record."""
    feed(desk, "2026-03-02 14:00")
    versions = [
        (desk.at(f"2026-03-02 14:{minute}"), desk.shift("early")["state"], desk.shift("early")["version"])
        for minute in ("01", "02", "16", "17")
    ]

    assert versions == [(1, "provisional", 1), (0, "provisional", 1), (1, "final", 1), (0, "final", 1)]
    assert (desk.amount("early"), desk.amount("early", "press")) == ("32.000000", "8.000000")


def test_late_data_restate_a_final_figure(desk: Desk) -> None:
    """The new version says what changed; the old one can still be had as it was known."""
    feed(desk, "2026-03-02 14:00")
    desk.at("2026-03-02 14:30")
    before = desk.shift("early")
    put(desk.store, [counter("main", ms("2026-03-02 14:00"), 40 * KWH)], ms("2026-03-02 15:00"))
    desk.at("2026-03-02 15:00", "2026-03-02 14:00")
    after = desk.shift("early")
    as_known = series.figures(desk.store.reader(), 0, 10**15, ms("2026-03-02 14:45"))

    assert (after["state"], after["version"]) == ("restated", 2)
    assert any(reason.startswith("restated: conflict of main") for reason in after["reasons"])
    assert as_known == [before]


def test_figures_add_up_to_the_counter_to_the_last_digit(desk: Desk) -> None:
    """Over odd steps, a gap, a late start and the running shift: raw last - raw first."""
    values = [0]
    for number in range(1, 90):
        values.append(values[-1] + 1_000_003 + number * 7_919 % 501)
    times = [ms(START) + number * 15 * MINUTE_MS + number * 997 for number in range(90) if not 30 <= number < 45]
    put(desk.store, [counter("main", at, value) for at, value in zip(times, values, strict=False)], times[-1])
    desk.now_ms = times[-1] + 1
    desk.books.update(times[0])
    amounts = [entry["amount"] for document in desk.figures() for entry in document["meters"] if entry["meter"] == "main"]

    assert desk.books.conservation() == []
    assert sum(int(amount.replace(".", "")) for amount in amounts) == values[len(times) - 1] - values[0]


def test_a_figure_that_was_tampered_with_breaks_conservation(desk: Desk) -> None:
    """The check can fail: it names the counter."""
    feed(desk, "2026-03-02 14:30")
    desk.at("2026-03-02 14:30")
    desk.store._db.execute("update figure set document = replace(document, '\"32.000000\"', '\"33.000000\"')")
    desk.store._db.conn.commit()

    assert any("main" in sentence for sentence in desk.books.conservation())


def test_what_was_booked_is_known_to_be(desk: Desk) -> None:
    """Whatever a power cut leaves unbooked is found again; what is booked is not computed twice."""
    feed(desk, "2026-03-02 08:00")
    before = desk.store.unbooked()[0]
    desk.at("2026-03-02 08:01")

    assert before == ms(START)
    assert desk.store.unbooked()[0] is None


def test_without_readings_there_are_no_figures(desk: Desk) -> None:
    """Nothing is booked of nothing."""
    assert desk.at("2026-03-02 08:00") == 0
    assert desk.figures() == []
    assert desk.books.conservation() == []


def test_a_meter_keeps_its_history_under_a_new_name(desk: Desk) -> None:
    """What was stored as `incoming` belongs to `main`."""
    put(desk.store, steady("incoming", START, "2026-03-02 07:00", KWH), ms("2026-03-02 07:00"))
    put(desk.store, steady("main", "2026-03-02 07:15", "2026-03-02 08:00", KWH, 5 * KWH), ms("2026-03-02 08:00"))
    desk.at("2026-03-02 08:01")

    assert desk.amount("early") == "8.000000"


def test_the_inputs_are_what_the_site_file_says(tmp_path: Path) -> None:
    """Counters with their rating and pace, shifts with their line."""
    site = works(tmp_path, TEXT.replace('rating = "200 kW"', 'rating = "200 kW"\nproduction_line = "x"') + 'production_line = "x"\n')
    inputs = inputs_of(site, {})

    assert [each.spec.key for each in counted(site, {})] == [("main", "active_energy_import"), ("press", "active_energy_import")]
    assert [spec.rating_thousandths_per_hour for spec in inputs.counters] == [400 * KWH, 200 * KWH]
    assert {spec.pace_s for spec in inputs.counters} == {900}
    assert [(rule.name, rule.production_line) for rule in inputs.shifts] == [("early", None), ("late", "x")]
    assert inputs.zone.utcoffset(None) is None or str(inputs.zone) == "UTC"


def boundaries(folder: Path, text: str = TEXT) -> Boundaries:
    return Boundaries(inputs_of(works(folder, text), {}))


def test_c12_intervals_end_on_the_quarter(tmp_path: Path) -> None:
    """The first one after the instant, also exactly on one."""
    found = boundaries(tmp_path)

    assert found.next_ms(ms("2026-03-02 06:01")) == ms("2026-03-02 06:15")
    assert found.next_ms(ms("2026-03-02 06:15")) == ms("2026-03-02 06:30")


def test_c12_shifts_end_when_they_end(tmp_path: Path) -> None:
    """Between two quarters, in the site's own time, on any production line."""
    text = TEXT.replace("14:00", "14:07").replace('timezone = "UTC"', 'timezone = "Asia/Shanghai"')
    text += '[[meter]]\nname = "m"\nrole = "load"\nproduction_line = "y"\n'
    text += '[[shift]]\nname = "x"\nstart = "06:05"\nend = "10:05"\nproduction_line = "y"\n'
    found = boundaries(tmp_path, text)

    assert found.next_ms(ms("2026-03-02 06:05")) == ms("2026-03-02 06:07")  # 14:07 in Shanghai
    assert found.next_ms(ms("2026-03-02 02:01")) == ms("2026-03-02 02:05")  # 10:05 in Shanghai, on line y


def test_a_clock_that_is_set_finds_its_boundary_again(tmp_path: Path) -> None:
    """Forward over many, and back."""
    found = boundaries(tmp_path)
    answers = [found.next_ms(ms(now)) for now in ("2026-03-02 06:01", "2026-03-05 09:59", "2026-03-02 06:02")]

    assert answers == [ms("2026-03-02 06:15"), ms("2026-03-05 10:00"), ms("2026-03-02 06:15")]


def test_boundaries_follow_one_another_without_end(tmp_path: Path) -> None:
    """A day of quarters, none left out."""
    found = boundaries(tmp_path)
    now_ms, count = ms("2026-03-02 00:00"), 0
    while now_ms < ms("2026-03-03 00:00"):
        following = found.next_ms(now_ms)
        assert 0 < following - now_ms <= HOUR_MS
        now_ms, count = following, count + 1

    assert count == 96


def test_quarters_that_come_late_make_a_gap_measured(desk: Desk) -> None:
    """What a meter's load profile brings after an outage takes the place of the estimate, in a new version of the figure."""
    feed(desk, "2026-03-02 13:00")
    feed(desk, "2026-03-02 16:00", "2026-03-02 15:00", 36 * KWH)
    desk.at("2026-03-02 16:30")
    before = desk.shift("early")["meters"][0]
    late = [*steady("main", "2026-03-02 13:15", "2026-03-02 14:45", KWH, 29 * KWH)]
    put(desk.store, late, ms("2026-03-02 16:40"))
    desk.at("2026-03-02 16:41")
    after = desk.shift("early")["meters"][0]

    assert "0.000000" not in (before["interpolated"], after["measured"]) or before["estimated"] != "0.000000"
    assert (after["meter"], after["interpolated"], after["estimated"]) == ("main", "0.000000", "0.000000")
    assert after["measured"] == after["amount"] == "32.000000"
