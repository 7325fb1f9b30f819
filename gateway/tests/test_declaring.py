"""Declarations over a real store: checked, numbered, kept as records, and figures follow them exactly."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway import declared
from gateway.books import Books
from gateway.buffer import series
from gateway.carbon.version import causes
from gateway.declaring import DeclarationError, Declarations
from gateway.tests.works import HOUR_MS, KWH, TEXT, counter, ms, open_store, put, steady, works
from protocols.batch import check
from protocols.reading import iso

PRODUCT = '[[product]]\nname = "housing"\n[[meter]]\nname = "gas"\nrole = "fuel"\nfuel = "natural_gas"\n'
SWAP_MS = ms("2026-03-02 10:00")
SWAP = {"declare": "swap", "meter": "main", "time": iso(SWAP_MS), "old_final": ["17"], "new_start": ["3"]}
CERTIFICATE = {
    "serial": "GEC-1", "kind": "certificate", "zone": "CN", "start": "2026-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z",
    "quantity": "10", "unit": "kWh", "factor": "", "gases": "", "vintage": "2026", "source": "",
}  # fmt: skip
OFFSET = {"serial": "VCS-1", "registry": "Verra", "vintage": "2024", "quantity": "2", "unit": "t", "retired": "", "source": ""}


class Office:
    """A small works with its books and declarations, at a time that stands."""

    def __init__(self, folder: Path, text: str = TEXT + PRODUCT) -> None:
        self.folder = folder
        self.store = open_store(folder / "data")
        self.now_ms = ms("2026-03-03 12:00")
        self.site(text)

    def site(self, text: str) -> None:
        found = works(self.folder, text)
        self.books = Books(found, {}, self.store, lambda: self.now_ms)
        self.declarations = Declarations(found, {}, self.store, lambda: self.now_ms)

    def feed(self) -> None:
        """The old meter to 10:00 at 17 kWh, the new one from 3 kWh on; the press beside it."""
        old = steady("main", "2026-03-02 06:00", "2026-03-02 09:45", KWH)
        new = steady("main", "2026-03-02 10:15", "2026-03-02 22:00", KWH, 4 * KWH)
        put(self.store, [*old, *new, *steady("press", "2026-03-02 06:00", "2026-03-02 22:00", KWH // 4)], self.now_ms)

    def declare(self, **request: Any) -> list[str]:
        self.now_ms += HOUR_MS
        return self.declarations.declare(request).ids

    def update(self) -> int:
        self.now_ms += HOUR_MS
        return self.books.update()

    def figures(self, known_ms: int | None = None) -> list[dict[str, Any]]:
        return series.figures(self.store.reader(), 0, 10**15, known_ms)

    def all_versions(self, shift: str) -> list[tuple[int, dict[str, Any]]]:
        rows = self.store.reader().execute("select version, document from figure where json_extract(document, '$.shift') = ?", (shift,))
        return [(version, json.loads(document)) for version, document in rows]

    def versions(self) -> list[int]:
        return [figure["version"] for figure in self.figures()]

    def amounts(self, meter: str = "main") -> list[str | None]:
        return [entry["amount"] for figure in self.figures() for entry in figure["meters"] if entry["meter"] == meter]

    def hashes(self) -> list[str]:
        return [figure["sha256"] for figure in self.figures()]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    found = Office(tmp_path)
    yield found
    found.store.close()


def test_c8_a_swap_declared_before_or_after_gives_the_same_figures(office: Office, tmp_path: Path) -> None:
    """And no figure beside the one in which it lies gets a version by it."""
    (tmp_path / "early").mkdir()
    early = Office(tmp_path / "early")
    assert early.declare(**SWAP) == ["d1"]
    early.feed()
    early.update()
    expected = early.hashes()
    early.store.close()
    office.feed()
    office.update()
    unbridged = office.amounts()
    assert office.declare(**SWAP) == ["d1"]
    assert office.update() == 1

    assert office.hashes() == expected
    assert office.amounts() == ["33.000000", "32.000000"] != unbridged
    assert office.versions() == [2, 1]
    assert office.books.conservation() == []
    assert "swap" in str(office.figures()[0]["reasons"])


def test_c30_undoing_a_declaration_is_a_new_version_with_the_old_contents(office: Office) -> None:
    """The undo is a record too; both stay in the list, and the figure is what it was."""
    office.feed()
    office.update()
    before = office.hashes()
    office.declare(**SWAP)
    office.update()
    declared_then = office.hashes()
    office.declare(declare="undo", undoes="d1")
    made = office.update()

    assert (made, office.versions()) == (1, [3, 1])
    assert office.hashes() == before != declared_then
    listed = declared.listed(series.declarations(office.store.reader()))
    assert [(each["id"], each["declare"], each["holds"]) for each in listed] == [("d1", "swap", False), ("d2", "undo", True)]


def test_c31_declarations_are_records_of_sealed_batches(office: Office) -> None:
    """Numbered with all others, chained and signed; the batch checks out and holds them word for word."""
    office.declare(**SWAP)
    office.declare(declare="undo", undoes="d1")
    office.store.outbox.seal(office.now_ms)
    bodies = [json.loads(gzip.decompress(batch.content)) for batch in office.store.outbox.waiting(10)]

    for body in bodies:
        check(body, lambda digest, signature: signature == digest + digest)
    found = [each for body in bodies for each in body["declarations"]]
    assert [(each["id"], each["declare"]) for each in found] == [("d1", "swap"), ("d2", "undo")]
    assert (found[0]["old_final"], found[0]["from"]) == ("17.000000", iso(SWAP_MS))


def test_declaring_the_same_again_changes_nothing(office: Office) -> None:
    """The number of the first is told."""
    office.declare(**SWAP)
    answer = office.declarations.declare(SWAP)

    assert (answer.ids, answer.known) == ([], ["d1"])


def test_c25_production_declared_late_restates_the_shift_in_which_it_lies(office: Office) -> None:
    """Only that one: the others have no units still."""
    office.feed()
    office.update()
    office.declare(declare="production", product="housing", time="2026-03-02T15:00:00Z", units="480")
    made = office.update()
    products = [figure["products"][0]["units"] for figure in office.figures()]

    assert (made, products) == (1, [None, "480"])


def test_c21_a_certificate_is_used_once_over_all_shifts_and_given_back_by_undoing(office: Office) -> None:
    """Ten kilowatt-hours serve the first shift; once taken back, every figure that used them is as before."""
    office.feed()
    office.update()
    before = office.hashes()
    office.declare(declare="certificate", rows=[CERTIFICATE])
    office.update()
    used = [figure["certificates"]["matched_kwh"] for figure in office.figures()]
    office.declare(declare="undo", undoes="d1")
    office.update()

    assert (used[0], used[1]) == ("10.000000", "0.000000")
    assert office.hashes() == before


def test_c28_an_offset_is_kept_once_and_changes_no_figure(office: Office) -> None:
    """It stands beside gross, never in it; its serial number cannot be claimed again."""
    office.feed()
    office.update()
    office.declare(declare="offset", rows=[OFFSET])

    assert office.update() == 0
    with pytest.raises(DeclarationError, match="VCS-1 is taken by d1"):
        office.declarations.declare({"declare": "offset", "rows": [{**OFFSET, "quantity": "3"}]})


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"declare": "swop"}, "'swop' is nothing that can be declared"),
        ({**SWAP, "meter": "mains"}, "there is no meter 'mains'"),
        ({**SWAP, "quantities": ["volume"]}, "'volume' of main is not counted; its counters: active_energy_import"),
        ({**SWAP, "time": "2026-03-02 10:00"}, "must be written like"),
        ({**SWAP, "time": "0001-01-01T00:00:00+08:00"}, "must be written like"),
        ({**SWAP, "time": "9999-12-31T23:00:00-08:00"}, "must be written like"),
        ({**SWAP, "old_final": ["17", "18"]}, "its own old final and new start"),
        ({**SWAP, "old_final": ["much"]}, "'much' is not a number"),
        ({**SWAP, "new_start": ["-1"]}, "does not stand at -1"),
        ({"declare": "ratio", "meter": "main", "time": iso(SWAP_MS), "ct": "200"}, "the CT ratio '200' must be written like 200/5"),
        ({"declare": "production", "product": "x", "time": iso(SWAP_MS), "units": "1"}, "there is no \\[\\[product\\]\\] 'x'"),
        ({"declare": "production", "product": "housing", "time": iso(SWAP_MS), "units": "-1"}, "cannot have been made"),
        ({"declare": "undo", "undoes": "d7"}, "nothing was declared under 'd7'"),
        ({"declare": "certificate", "rows": [{**CERTIFICATE, "kind": "wish"}]}, "as kind one of certificate, contract"),
        ({"declare": "offset", "rows": [{**OFFSET, "unit": "kWh"}]}, "must be one of kg, t"),
    ],
)
def test_what_cannot_be_declared_is_refused_with_its_reason(office: Office, request_: dict[str, Any], sentence: str) -> None:
    """And nothing of it is kept."""
    with pytest.raises(DeclarationError, match=sentence):
        office.declarations.declare(request_)

    assert series.declarations(office.store.reader()) == []


def test_the_quantity_of_a_meter_with_one_counter_needs_no_name(office: Office) -> None:
    """A gas meter is swapped without saying that it counts volume."""
    office.declare(**{**SWAP, "meter": "gas", "old_final": ["100"], "new_start": ["0"]})

    assert series.declarations(office.store.reader())[0].document["quantity"] == "volume"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (TEXT.replace('end = "14:00"', 'end = "15:00"').replace('start = "14:00"', 'start = "15:00"'), "calendar"),
        (TEXT.replace('region = ["CN"]', 'region = ["CN-EAST", "CN"]'), "factor of scope2_location"),
        (TEXT.replace('role = "load"', 'role = "pieces"\ncounts = ["active_energy_import"]'), ""),
        (TEXT + '[[tariff]]\nperiod = "peak"\nstart = "08:00"\nend = "11:00"\n', "tariffs"),
        (TEXT.replace('rating = "400 kW"', 'rating = "3 kW"'), "active_energy_import"),
    ],
)
def test_c30_a_changed_site_file_restates_what_it_touches(office: Office, changed: str, reason: str) -> None:
    """At the next look, with its reason; as known before, every figure is byte for byte what it was."""
    office.site(TEXT)
    put(office.store, steady("main", "2026-03-02 06:00", "2026-03-02 22:00", KWH), office.now_ms)
    put(office.store, steady("press", "2026-03-02 06:00", "2026-03-02 22:00", KWH // 4), office.now_ms)
    office.update()
    then_ms, before = office.now_ms, office.figures()
    office.site(changed)
    made = office.update()

    assert made > 0
    assert any(reason in each for figure in office.figures() for each in figure["reasons"])
    assert office.figures(then_ms) == before
    assert office.books.conservation() == []


@pytest.mark.parametrize(
    "changed",
    [
        TEXT,
        TEXT + "# a comment\n",
        TEXT.replace("[poll]", "[poll]\ninterval_s = 5"),
        TEXT + '[pages]\nlanguage = "zh"\n',
        TEXT + '[[shift]]\nname = "new"\nstart = "06:00"\nend = "14:00"\nvalid_from = "2027-01-01"\nhandover = true\n',
    ],
)
def test_c30_a_site_file_that_moves_no_figure_makes_no_version(office: Office, changed: str) -> None:
    """Nor does starting again."""
    office.site(TEXT)
    put(office.store, steady("main", "2026-03-02 06:00", "2026-03-02 22:00", KWH), office.now_ms)
    office.update()
    before = office.figures()
    office.site(changed)

    assert office.update() == 0
    assert office.figures() == before


def test_c30_an_own_factor_and_its_evidence_are_inputs(office: Office, tmp_path: Path) -> None:
    """A supplier's factor in the site file restates the market-based line; another document behind it does so again."""
    letter = tmp_path / "letter.txt"
    letter.write_text("0.1 kg/kWh", encoding="utf-8")
    own = '[[factor]]\nname = "supplier"\nregion = "CN"\nyear = 2026\nline = "scope2_supplier"\nactivity = "electricity"\nunit = "kWh"\n'
    own += 'value = "0.1"\ngases = "CO2"\nsource = "letter of the supplier"\nevidence = "letter.txt"\n'
    office.site(TEXT)
    put(office.store, steady("main", "2026-03-02 06:00", "2026-03-02 22:00", KWH), office.now_ms)
    office.update()
    made = []
    for text in ("0.1 kg/kWh", "0.1 kg/kWh, confirmed"):
        letter.write_text(text, encoding="utf-8")
        office.site(TEXT + own)
        made.append(office.update())

    assert made == [2, 2]
    assert office.figures()[0]["carbon"]["scope2_market_kg"] == "3.2000000"


def test_c30_the_report_of_last_month_is_byte_identical_today(office: Office) -> None:
    """Whatever came since: a swap declared, late readings, another factor, each with its cause in the new version."""
    office.site(TEXT)
    office.feed()
    office.update()
    then_ms, report = office.now_ms, json.dumps(office.figures())
    office.declare(**SWAP)
    office.update()
    put(office.store, [counter("press", ms("2026-03-02 14:07"), 9 * KWH)], office.now_ms)
    office.update()
    office.site(TEXT.replace('region = ["CN"]', 'region = ["CN-EAST", "CN"]'))
    office.update()
    told = {version: causes(document) for version, document in office.all_versions("early")}

    assert json.dumps(office.figures(then_ms)) == report
    assert told[1] == []
    assert any(each.startswith("swap of main") for each in told[2])
    assert any(each.startswith("factor of scope2_location: ") for each in told[max(told)])
    assert any("main active_energy_import: " in each and "(+" in each for each in told[2])


def test_c31_a_figure_notes_up_to_which_record_it_knew(office: Office) -> None:
    """What a proof may make it from: readings that came later have higher numbers."""
    office.feed()
    office.update()
    put(office.store, [counter("main", ms("2026-03-02 22:15"), 60 * KWH)], office.now_ms)
    rows = office.store.reader().execute("select known_sequence, sequence from figure").fetchall()

    assert rows
    assert all(0 < known < sequence for known, sequence in rows)
