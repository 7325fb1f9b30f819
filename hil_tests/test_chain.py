"""The whole chain, from the wire to the hub: one gateway with a past runs live, and is then held to its word."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hil_tests.bench import HISTORY_DAYS, Bench
from hil_tests.chain import Chain, document_of
from hil_tests.contract import CSV_HEAD, FIGURE, READ_ENTRY, keys_of
from protocols.reading import milliseconds_of
from tools.bench import ledger, parts


class Running:
    """A chain that runs, what its import said, and the file it came from."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.past = chain.folder / "past.csv"
        self.imported: Any = None
        try:
            self.past.write_text("\n".join(chain.bench.history()))
            self.imported = document_of(chain.command("import", "--json", self.past))
        except pytest.skip.Exception:
            self.past.unlink(missing_ok=True)  # real meters have none; the rest holds for them as well
        chain.power()
        chain.start_hub()
        self.gateway = chain.start_gateway()
        names = {meter.name for meter in chain.bench.meters}
        self.gateway.until(lambda: names <= self.heard(), "a reading of every meter is stored")
        self.had = ledger.sums(chain.data).records

    def heard(self) -> set[str]:
        return {reading.meter for reading in self.chain.readings() if reading.boot and reading.values}

    def figures(self) -> list[dict[str, Any]]:
        figures: list[dict[str, Any]] = document_of(self.chain.command("shifts", "--format", "json"))["figures"]
        return figures


@pytest.fixture(scope="module")
def running(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Chain(bench, tmp_path_factory.mktemp("running")) as chain:
        yield Running(chain)


@pytest.fixture(scope="module")
def stopped(running: Running) -> Chain:
    """The same chain after everything it had was delivered and the gateway ended in order."""
    chain = running.chain
    running.gateway.until(lambda: ledger.sums(chain.data).acknowledged >= running.had, "the hub has what the gateway had")
    assert running.gateway.stop() == 0, "run ends with 0 when it is told to stop"
    return chain


def test_read_asks_the_running_gateway(running: Running) -> None:
    """While `run` owns the lines, `read --json` gets every meter's values through it, in the form of the contract."""
    ended = running.chain.command("read", "--json")
    document = document_of(ended)

    assert ended.returncode == 0, ended.stderr
    assert set(document) == {"site", "meters"}
    assert [entry["meter"] for entry in document["meters"]] == [meter.name for meter in running.chain.bench.meters]
    for entry in document["meters"]:
        assert set(entry) == READ_ENTRY
        assert entry["ok"], entry
        assert entry["reason"] is None
        assert entry["values"], entry
        assert milliseconds_of(entry["time"]) > 0
        assert not set(entry["values"]) & set(entry["missing"])


def test_history_is_booked(running: Running) -> None:
    """Every row of the past was taken, and figures follow one another without a gap, in the form of the contract."""
    if running.imported is None:
        pytest.skip("this bench cannot do it: the past of real meters is not known")
    rows = len(running.past.read_text().splitlines()) - 1

    assert (running.imported["rows"], running.imported["taken"], running.imported["refused"]) == (rows, rows, 0)
    figures = running.figures()
    assert len(figures) > HISTORY_DAYS  # on a free day at least one each
    assert [figure["end"] for figure in figures[:-1]] == [figure["start"] for figure in figures[1:]]
    assert [figure["state"] for figure in figures].count("running") == 1
    for figure in figures:
        assert keys_of(figure) >= FIGURE, FIGURE - keys_of(figure)


def test_shifts_format_json_says_when_it_was_known(running: Running) -> None:
    """`shifts --format json` names the site and the instant for which it holds, also a past one."""
    known = "2026-01-01T00:00:00Z"
    document = document_of(running.chain.command("shifts", "--format", "json", "--as-known-at", known))

    assert document == {"site": document["site"], "as_known_at": known, "figures": []}  # nothing was known then


def test_shifts_as_csv_and_as_table(running: Running) -> None:
    """`shifts --format csv` has a row per figure and counter; the table a row per figure, for people."""
    figures = running.figures()
    lines = running.chain.command("shifts", "--format", "csv").stdout.splitlines()
    table = running.chain.command("shifts")

    assert lines[0] == ",".join(CSV_HEAD)
    assert {row["complete"] for row in csv.DictReader(lines)} <= {"true", "false"}
    assert len(lines) - 1 >= sum(len(figure["meters"]) for figure in figures)
    assert table.returncode == 0
    assert table.stdout.count("running") >= 1
    assert all(figure["date"] in table.stdout for figure in figures)


def test_the_same_import_changes_nothing(running: Running) -> None:
    """The past once more, in another order and through the running gateway: every value is known, every figure stays byte for byte."""
    if running.imported is None:
        pytest.skip("this bench cannot do it: the past of real meters is not known")
    head, *rows = running.past.read_text().splitlines()
    again = running.chain.folder / "again.csv"
    again.write_text("\n".join([head, *reversed(rows)]))
    before = _lasting(running.figures())

    ended = running.chain.command("import", "--json", again)
    report = document_of(ended)

    assert ended.returncode == 0, ended.stderr
    assert (report["taken"], report["known"], report["conflicts"]) == (0, len(rows), [])
    assert before
    assert _lasting(running.figures()) == before


def _lasting(figures: list[dict[str, Any]]) -> list[str]:
    """What must not change, of every shift that is over."""
    changing = ("version", "state", "known_at", "reasons")
    return [
        json.dumps({key: value for key, value in figure.items() if key not in changing}, sort_keys=True)
        for figure in figures
        if figure["state"] != "running"
    ]


def test_bad_rows_are_named_and_the_others_taken(running: Running) -> None:
    """A bad row is refused with its line number and reason, the others are taken, and `import` ends with 1."""
    meter = running.chain.bench.meters[0].name
    bad = running.chain.folder / "bad.csv"
    bad.write_text(
        "time,meter,quantity,value,unit\n"
        f"2026-03-28T22:00:00,{meter},active_power,1.5,kW\n"
        f"2026-03-28T22:00:00+08:00,nobody,active_power,1.5,kW\n"
        f"2026-03-28T22:00:00+08:00,{meter},active_power,1.5,kW\n"
        f"2026-03-28T22:00:00+08:00,{meter},active_power,a lot,kW\n"
        f"2026-03-28T22:00:00+08:00,{meter},voltage_l1_n,230,kWh\n"
    )
    ended = running.chain.command("import", "--json", bad)
    report = document_of(ended)

    assert ended.returncode == 1
    assert (report["rows"], report["taken"], report["refused"]) == (5, 1, 4)
    assert [refusal.split(":")[0] for refusal in report["refusals"]] == ["line 2", "line 3", "line 5", "line 6"]


def test_a_second_run_on_the_same_data_ends_with_a_sentence(running: Running, tmp_path: Path) -> None:
    """One process owns a data folder: a second `run` says so and ends with 1, and the first goes on."""
    other = tmp_path / "site.toml"
    text = running.chain.site.read_text()
    port = running.chain.places.page_port
    other.write_text(
        text.replace('data = "data"', "")
        .replace("[site]", f'[site]\ndata = "{running.chain.data}"', 1)
        .replace(str(port), str(parts.free_port()))
    )
    with parts.gateway(other) as second:
        status = second.until_ended()

        assert status == 1
        assert f"another shiftwatt already works in {running.chain.data}" in second.said()
        assert "Traceback" not in second.said()
    assert running.gateway.process.poll() is None


def test_everything_arrives_at_the_hub(stopped: Chain) -> None:
    """The hub proves that nothing is missing, and holds every acknowledged record exactly once, with the same contents."""
    completeness = stopped.asked("v1/completeness", of_hub=True)

    assert completeness["complete"], completeness
    assert ledger.undelivered(stopped.data, parts.hub_address(stopped.folder)) == []
    assert stopped.asked("v1/health", of_hub=True)["records"] >= ledger.sums(stopped.data).acknowledged > 0


def test_no_number_is_missing_and_none_is_there_twice(stopped: Chain) -> None:
    """Records are numbered from 1 without a gap, and no reading is stored twice."""
    assert ledger.unsound(stopped.data) == []


def test_the_books_balance(stopped: Chain) -> None:
    """For every counter raw last - raw first is what figures and adjustments say, and every figure is what the readings give."""
    assert ledger.misbooked(stopped.site) == []
