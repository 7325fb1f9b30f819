"""The hub's store when it is full, broken or read while it is written."""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from gateway.deliver.tests.fakes import START_MS, chain
from gateway.interfaces import Filter
from tools.hub import source
from tools.hub.completeness import Held, gateway_completeness
from tools.hub.database import StoreFailing
from tools.hub.page import age, strings
from tools.hub.server import open_database
from tools.hub.sqlite_database import SqliteDatabase
from tools.tests.hub_bench import gateways, hub


def test_full_disk_is_503_and_nothing_is_half_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A store that takes no more says so with a pause to wait, acknowledges nothing, and takes the same batch when there is room."""
    key, _ = gateways(tmp_path)
    batch = chain(key, 1, 20_000)[0]
    with caplog.at_level(logging.CRITICAL), hub(tmp_path) as running:
        token = running.enrolled(key)
        assert isinstance(running.database, SqliteDatabase)
        writer = running.database._writer
        pages = writer.execute("pragma page_count").fetchone()[0]
        writer.execute(f"pragma max_page_count = {pages + 10}")
        full = running.push(batch, token)
        held = running.rows("select (select count(*) from records), (select count(*) from batches)")
        writer.execute("pragma max_page_count = 1000000")
        roomy = running.push(batch, token)

    assert (full.status_code, int(full.headers["Retry-After"]) > 0) == (503, True)
    assert "full" in full.json()["error"]
    assert held == [(0, 0)]
    assert (roomy.status_code, roomy.json()) == (201, {"highest": 1, "beyond": []})


def test_store_that_went_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With its file gone the hub answers with sentences: health says not ok, nothing is acknowledged."""
    key, _ = gateways(tmp_path)
    with caplog.at_level(logging.CRITICAL), hub(tmp_path) as running:
        token = running.enrolled(key)
        assert isinstance(running.database, SqliteDatabase)
        running.database.path.rename(tmp_path / "elsewhere.db")
        pushed = running.push(chain(key, 1)[0], token)
        health = running.session.get(f"{running.url}/v1/health", timeout=10)

    assert (pushed.status_code, health.status_code, health.json()["ok"]) == (503, 503, False)
    assert "hub.db" in pushed.json()["error"]


def test_acknowledged_batches_are_written_through(tmp_path: Path) -> None:
    """The writer flushes at every commit, so that an acknowledgement outlives a power cut."""
    with hub(tmp_path) as running:
        assert isinstance(running.database, SqliteDatabase)
        writer = running.database._writer

        assert writer.execute("pragma synchronous").fetchone()[0] == 2  # FULL
        assert writer.execute("pragma journal_mode").fetchone()[0] == "wal"


def test_store_that_is_no_store(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that is no database is a sentence with its path."""
    path = tmp_path / "hub.db"
    path.write_text("this is not a database, however long it may be" * 100)

    with caplog.at_level(logging.CRITICAL), pytest.raises(StoreFailing, match=r"hub\.db"):
        SqliteDatabase(path)


def test_transaction_that_fails_leaves_nothing(new_store: Callable[[], str]) -> None:
    """What was written before an error in the same transaction is undone, and the next transaction works."""
    with closing(open_database(new_store())) as database:
        with suppress(KeyError), database.writing() as session:
            session.run("insert into meters values ('gw', 'lost')")
            raise KeyError
        with database.writing() as session:
            session.run("insert into meters values ('gw', 'kept')")
        with database.reading() as session:
            found = [row["meter"] for row in session.rows("select meter from meters")]

    assert found == ["kept"]


def test_opening_again_keeps_everything(tmp_path: Path, new_store: Callable[[], str]) -> None:
    """A hub that is started again has what it had."""
    key, _ = gateways(tmp_path)
    store = new_store()
    with hub(store) as running:
        running.push(chain(key, 2)[0], running.enrolled(key))
    with hub(store) as running:
        found = running.get("/v1/completeness")["gateways"][0]
        health = running.get("/v1/health")

    assert (found["highest"], found["records"]) == (1, 5)
    assert {key: health[key] for key in ("ok", "gateways", "batches", "records")} == {"ok": True, "gateways": 1, "batches": 1, "records": 5}


def test_narrow_filter_goes_on_with_the_cursor(tmp_path: Path, new_store: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter that matches little answers after a bounded number of rows and is complete when followed."""
    monkeypatch.setattr(source, "ROWS_MAX", 7)
    key, _ = gateways(tmp_path)
    pages = []
    with hub(new_store()) as running:
        token = running.enrolled(key)
        for batch in chain(key, 10, 6):
            running.push(batch, token)
        position, more = 0, True
        while more:
            page = running.records.page("readings", position, 100, Filter(meter="press-1"))
            pages.append([document["sequence"] for document in page.documents])
            position, more = page.position, page.more
        again = running.records.page("readings", position, 100, Filter(meter="main"))

    assert len(pages) > 5
    assert [number for page in pages for number in page] == [n for n in range(4, 61, 2) if n != 52]
    assert (list(again.documents), again.position, again.more) == ([], position, False)


@pytest.mark.parametrize(
    ("span_ms", "text"),
    [
        (0, "now"),
        (-5, "now"),
        (999, "now"),
        (1000, "1 second ago"),
        (59_999, "59 seconds ago"),
        (3_600_000, "1 hour ago"),
        (200_000_000, "2 days ago"),
    ],
)
def test_age(span_ms: int, text: str) -> None:
    """An age is said in its largest whole unit."""
    assert age(span_ms, strings("en")) == text


def test_completeness_without_any_batch() -> None:
    """A gateway that never sent proves nothing about a period, but misses nothing known either."""
    row = {"gateway": "gw", "name": "works", "highest": 0, "contact_ms": None, "batches": 0, "records": 0}
    open_end, closed = gateway_completeness(row, [], None, None), gateway_completeness(row, [], None, 1)

    assert (open_end["complete"], closed["complete"], open_end["head"], open_end["proven_until"]) == (True, False, None, None)


def test_tombstone_before_the_period_does_not_matter() -> None:
    """What was dropped and sealed before the period asked for is not listed for it."""
    row = {"gateway": "gw", "name": "works", "highest": 2, "contact_ms": None, "batches": 2, "records": 1}
    held = [Held(1, 1, 1, "a", 1000, "dropped"), Held(2, 2, 2, "b", 2000, None)]
    found = [len(gateway_completeness(row, held, from_ms, None)["tombstones"]) for from_ms in (None, 1000, 1001)]

    assert found == [1, 1, 0]


def test_filter_by_time_unpacks_only_what_it_needs(tmp_path: Path, new_store: Callable[[], str]) -> None:
    """Batches that lie outside the period are passed over, and the cursor with them."""
    key, _ = gateways(tmp_path)
    with hub(new_store()) as running:
        token = running.enrolled(key)
        for batch in chain(key, 10, 6):
            running.push(batch, token)
        page = running.records.page("readings", 0, 100, Filter(from_ms=START_MS + 400_000))
        after = running.records.page("readings", page.position, 100, Filter())
        nothing = running.records.page("readings", 0, 100, Filter(to_ms=START_MS))

    assert [document["sequence"] for document in page.documents] == [n for n in range(40, 61) if n % 10 != 7 and n not in (51, 52, 53)]
    assert (page.more, list(after.documents)) == (False, [])
    assert (list(nothing.documents), nothing.more, nothing.position) == ([], False, page.position)


def test_pages_end_anywhere_in_a_batch(tmp_path: Path, new_store: Callable[[], str]) -> None:
    """Whatever the limit, the pages together are everything once and in the same order."""
    key, _ = gateways(tmp_path)
    with hub(new_store()) as running:
        token = running.enrolled(key)
        for batch in reversed(chain(key, 8, 7)):
            running.push(batch, token)
        found = {limit: [each["sequence"] for each in running.everything("readings", limit)] for limit in (1, 2, 3, 7, 1000)}

    assert len(set(found[1000])) == len(found[1000]) == len([n for n in range(1, 57) if n % 10 != 7 and n % 50 not in (1, 2, 3)])
    assert all(each == found[1000] for each in found.values())


def test_store_from_before_the_first_release(tmp_path: Path) -> None:
    """A file in the form of the development is not touched; a sentence says what to do."""
    with closing(sqlite3.connect(tmp_path / "hub.db")) as connection:
        connection.execute("create table _sqlite_migrations (id integer)")

    with pytest.raises(StoreFailing, match="before the first release"):
        SqliteDatabase(tmp_path / "hub.db")
