"""Rows of a CSV file into a real store: what is taken, what is refused and why, and that no order matters."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from gateway import importing
from gateway.buffer.store import Store
from gateway.importing import HeaderError, Refused, Report, Row, as_json, from_json, pieces, rows_of, take
from gateway.site import Site
from gateway.tests.works import open_store, stored, works
from protocols.reading import Reading

HEADER = "time,meter,quantity,value,unit"
GOOD = "2026-03-02T06:00:00Z,main,active_energy_import,12.5,kWh"
NOW_MS = 1_800_000_000_000
SIX_MS = 1_772_431_200_000  # 2026-03-02T06:00:00Z


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return works(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "data")
    yield opened
    opened.close()


def parsed(site: Site, *lines: str) -> list[Row | Refused]:
    return list(rows_of([line + "\n" for line in lines], site, NOW_MS))


def imported(store: Store, site: Site, *lines: str) -> Report:
    report = Report()
    for piece in pieces(rows_of([line + "\n" for line in (HEADER, *lines)], site, NOW_MS), report):
        take(store, piece, report, NOW_MS)
    return report


def test_a_good_row_is_a_reading_of_one_value(site: Site) -> None:
    """In thousandths, under the meter's name of today."""
    rows = parsed(site, HEADER, GOOD, GOOD.replace("main", "incoming").replace("Z", "+08:00"))

    assert rows == [
        Row(2, Reading("main", 0, 0, SIX_MS, {"active_energy_import": 12_500_000}, {})),
        Row(3, Reading("main", 0, 0, SIX_MS - 8 * 3_600_000, {"active_energy_import": 12_500_000}, {})),
    ]


# One wrong thing each -> words of the reason.
BAD: dict[str, tuple[str, str]] = {
    "too few cells": ("2026-03-02T06:00:00Z,main", "2 cells where the header has 5"),
    "too many cells": (GOOD + ",x", "6 cells where the header has 5"),
    "no time": (GOOD.replace("2026-03-02T06:00:00Z", "yesterday"), "the time 'yesterday' is not ISO-8601 such as"),
    "no such day": (GOOD.replace("03-02", "02-30"), "is not ISO-8601 such as 2026-03-28T22:00:00+08:00"),
    "no such month": (GOOD.replace("03-02", "13-02"), "is not ISO-8601 such as"),
    "no such hour": (GOOD.replace("T06", "T25"), "is not ISO-8601 such as"),
    "no offset": (GOOD.replace("Z", ""), "has no offset such as Z or +08:00"),
    "too fine": (GOOD.replace("00Z", "00.0001Z"), "is finer than a millisecond"),
    "before the first year in UTC": (
        GOOD.replace("2026-03-02T06:00:00Z", "0001-01-01T00:00:00+08:00"),
        "is in UTC outside the years 1 to 9999",
    ),
    "before 1970": (GOOD.replace("2026", "1969"), "is before 1970"),
    "unknown meter": (GOOD.replace("main", "mian"), "there is no meter 'mian' in the site file"),
    "unknown quantity": (GOOD.replace("import", "imports"), "the quantity 'active_energy_imports' is not known"),
    "no number": (GOOD.replace("12.5", "twelve"), "'twelve' is not a number"),
    "not finite": (GOOD.replace("12.5", "NaN"), "'NaN' is not a finite number"),
    "empty value": (GOOD.replace("12.5", ""), "'' is not a number"),
    "underscore": (GOOD.replace("12.5", "12_500"), "'12_500' is not a number"),
    "digits of another script": (GOOD.replace("12.5", "١٢"), "'١٢' is not a number"),
    "another century": (GOOD.replace("2026", "2062"), "2062-03-02T06:00:00Z is more than ten years ahead of this computer's clock"),
    "not UTF-8": (GOOD.replace("kWh", "k\ufffdh"), "it is not UTF-8 text"),
    "too large": (GOOD.replace("12.5", "1e40"), "is too large"),
    "wrong unit": (GOOD.replace("kWh", "kW"), "the unit 'kW' does not fit active_energy_import"),
    "negative counter": (GOOD.replace("12.5", "-1"), "counters are not negative"),
}


@pytest.mark.parametrize(("line", "words"), BAD.values(), ids=BAD.keys())
def test_a_bad_row_is_refused_with_its_line_and_reason(site: Site, line: str, words: str) -> None:
    """And the rows around it are taken."""
    before, refused, after = parsed(site, HEADER, GOOD, line, GOOD)

    assert isinstance(refused, Refused)
    assert refused.line == 3
    assert words in refused.reason
    assert (type(before), type(after)) == (Row, Row)


def test_without_a_set_clock_no_time_is_too_far_ahead(site: Site) -> None:
    """A box that woke in 1970 must not refuse the present."""
    (row,) = rows_of([HEADER + "\n", GOOD.replace("2026", "2062") + "\n"], site, None)

    assert isinstance(row, Row)


def test_lines_are_counted_as_an_editor_counts_them(site: Site) -> None:
    """Empty lines and quoted line breaks included."""
    rows = parsed(site, HEADER, "", '"a', 'b",main,x,1,kWh', "", "bad")

    assert [row.line for row in rows] == [4, 6]


def test_levels_may_be_negative(site: Site) -> None:
    """Power flows both ways."""
    (row,) = parsed(site, HEADER, "2026-03-02T06:00:00Z,main,active_power,-1,kW")

    assert isinstance(row, Row)
    assert row.reading.values == {"active_power": -1_000_000}


@pytest.mark.parametrize(
    "header",
    [HEADER, "\ufeff" + HEADER, "unit,value,quantity,meter,time", " time , meter,quantity,value,unit", HEADER + ",reason,gateway,sequence"],
)
def test_headers_that_are_understood(site: Site, header: str) -> None:
    """With a byte order mark, in any order, with blanks, with what the read API exports."""
    names = [name.strip() for name in header.removeprefix("\ufeff").split(",")]
    cells = dict(zip(HEADER.split(","), GOOD.split(","), strict=True)) | {"reason": "", "gateway": "gw-1", "sequence": "7"}
    (row,) = parsed(site, header, ",".join(cells[name] for name in names))

    assert isinstance(row, Row)
    assert row.reading.values == {"active_energy_import": 12_500_000}


@pytest.mark.parametrize("header", ["", "time,meter,value", HEADER + ",colour", HEADER + ",time", HEADER.replace(",", ";"), "\x00"])
def test_headers_that_are_not(site: Site, header: str) -> None:
    """The whole file is refused: guessing columns would book wrong values."""
    with pytest.raises(HeaderError, match=r"must be time,meter,quantity,value,unit|no CSV"):
        parsed(site, header, GOOD)


def test_a_reason_makes_a_row_no_reading(store: Store, site: Site) -> None:
    """It needs no value then, and is stored as missing."""
    report = Report()
    lines = [HEADER + ",reason\n", "2026-03-02T06:00:00Z,main,active_energy_import,,,no_answer\n"]
    for piece in pieces(rows_of(lines, site, NOW_MS), report):
        take(store, piece, report, NOW_MS)

    assert stored(store, "main") == [(SIX_MS, None, "no_answer")]
    assert (report.rows, report.taken, report.refused) == (1, 1, 0)


def test_a_report_counts_everything(store: Store, site: Site) -> None:
    """Taken, refused, and from when on counters changed."""
    report = imported(store, site, GOOD, "bad", GOOD.replace("T06", "T07"))

    assert (report.rows, report.taken, report.known, report.refused) == (3, 2, 0, 1)
    assert report.refusals == ["line 3: 1 cells where the header has 5"]
    assert report.changed_from_ms == SIX_MS


def test_the_same_file_twice_changes_nothing(store: Store, site: Site) -> None:
    """All of it is known, and no counter changed."""
    imported(store, site, GOOD)
    before = stored(store, "main")
    report = imported(store, site, GOOD, GOOD)

    assert (report.taken, report.known, report.changed_from_ms) == (0, 2, None)
    assert stored(store, "main") == before


def test_the_same_value_written_otherwise_is_the_same(store: Store, site: Site) -> None:
    """Another unit, another offset, the meter's earlier name."""
    imported(store, site, GOOD)
    report = imported(store, site, "2026-03-02T14:00:00+08:00,incoming,active_energy_import,0.0125,MWh")

    assert (report.taken, report.known, report.conflicts) == (0, 1, [])


@pytest.mark.parametrize("calls", [1, 2])
def test_two_values_for_one_instant_are_a_conflict(store: Store, site: Site, calls: int) -> None:
    """Whichever call brought them: both are reported, both are kept, none is preferred."""
    lines = [GOOD, GOOD.replace("12.5", "13")]
    reports = [imported(store, site, *lines)] if calls == 1 else [imported(store, site, line) for line in lines]

    assert [conflict for report in reports for conflict in report.conflicts] == [
        "conflict: main active_energy_import at 2026-03-02T06:00:00Z has the values 12.500000 and 13.000000; none of them is used"
    ]
    assert sorted(value for _, value, _ in stored(store, "main") if value is not None) == [12_500_000, 13_000_000]


def test_a_conflict_is_reported_to_every_call_that_brings_one_of_its_values(
    store: Store, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is not used, so who brings it again must hear so; once for a file, however many pieces it is taken in."""
    lines = [GOOD, GOOD.replace("12.5", "13")]
    first = imported(store, site, *lines)
    monkeypatch.setattr(importing, "PIECE_ROWS", 1)
    again = imported(store, site, *lines, *lines)

    assert (again.taken, again.known, again.conflicts) == (0, 4, first.conflicts)


def test_quantities_of_one_instant_become_one_reading(store: Store, site: Site) -> None:
    """As if they had been polled together."""
    report = imported(store, site, GOOD, GOOD.replace("import", "export"))

    assert report.taken == 2
    assert store.status().readings_stored == 1


def _contents(folder: Path, calls: list[list[str]], site: Site) -> dict[tuple[str, str], list[tuple[int, int | None, str]]]:
    store = open_store(folder)
    try:
        for lines in calls:
            imported(store, site, *lines)
        keys = [(meter, f"active_energy_{way}") for meter in ("main", "press") for way in ("import", "export")]
        return {key: sorted(stored(store, *key), key=repr) for key in keys}
    finally:
        store.close()


def test_any_order_and_any_split_give_the_same(tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows with doubles and conflicts, shuffled, cut into calls and into small pieces."""
    random = Random(4)
    lines = [
        f"2026-03-02T{hour:02}:00:00Z,{meter},active_energy_{way},{hour * 10 + extra},kWh"
        for hour in range(12)
        for meter in ("main", "press")
        for way in ("import", "export")
        for extra in ((0, 1) if hour % 5 == 4 else (0, 0))
    ]
    expected = _contents(tmp_path / "whole", [lines], site)
    monkeypatch.setattr(importing, "PIECE_ROWS", 7)

    for turn in range(4):
        shuffled = random.sample(lines, len(lines))
        cut = random.randrange(1, len(lines))
        assert _contents(tmp_path / str(turn), [shuffled[:cut], shuffled[cut:], shuffled[: cut // 2]], site) == expected


def test_a_broken_file_is_read_up_to_its_break(site: Site) -> None:
    """A cell that never ends is refused once, with what that means."""
    rows = parsed(site, HEADER, GOOD, "x" * 200_000, GOOD)

    assert isinstance(rows[0], Row)
    assert isinstance(rows[-1], Refused)
    assert rows[-1].line == 3
    assert rows[-1].reason.endswith("what follows was not read")


def test_refusals_are_shown_up_to_a_limit_and_all_counted(store: Store, site: Site) -> None:
    """A wrong file of a million rows fills no screen."""
    report = imported(store, site, *["bad"] * (importing.REFUSED_SHOWN + 5))

    assert (report.refused, len(report.refusals)) == (importing.REFUSED_SHOWN + 5, importing.REFUSED_SHOWN)


def test_rows_go_through_the_control_socket_unchanged(site: Site) -> None:
    """As JSON and back."""
    rows = [row for row in parsed(site, HEADER, GOOD, GOOD.replace("main", "press")) if isinstance(row, Row)]

    assert [from_json(json.loads(json.dumps(as_json(row)))) for row in rows] == rows
