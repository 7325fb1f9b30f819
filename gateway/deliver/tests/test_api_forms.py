"""In which form and how often the read API answers: Parquet, gzip, zstd, ETag, turns; over a real socket."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import requests
from starlette.applications import Starlette

from gateway.deliver import compression
from gateway.deliver.api import routes
from gateway.deliver.compression import GZIP, IDENTITY, ZSTD, NotCompressedError, TooLargeError, chosen, compressed, unpacked
from gateway.deliver.rate import CALLERS_MAX, Rate, Turns
from gateway.deliver.tests.fakes import START_MS, FakeSource, reading, served
from gateway.deliver.tokens import READ, TokenFile, authoriser
from gateway.interfaces import FIGURES, READINGS
from protocols.batch import reading_document
from protocols.reading import iso

needs_zstd = pytest.mark.skipif(ZSTD not in compression.CODINGS, reason="zstandard is not installed (extra zstd)")


@pytest.fixture
def source() -> FakeSource:
    found = FakeSource()
    found.documents[READINGS] = [{"gateway": "gw-1", **reading_document(reading(number))} for number in range(1, 101)]
    found.documents[FIGURES] = [
        {"date": "2026-03-28", "start": iso(START_MS), "balance": {"load_kwh": None}, "complete": True, "version": 2}
    ]
    return found


@pytest.fixture
def url(source: FakeSource) -> Iterator[str]:
    with served(Starlette(routes=routes(source, authoriser(list, public_read=True)))) as found:
        yield found


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers=headers, timeout=10)


def raw(url: str, coding: str) -> tuple[str | None, bytes]:
    """The coding that was chosen and the bytes as they travelled."""
    with requests.get(url, headers={"Accept-Encoding": coding}, stream=True, timeout=10) as response:
        return response.headers.get("Content-Encoding"), response.raw.read(decode_content=False)


def test_parquet_is_exact(url: str) -> None:
    """Times are UTC milliseconds, values decimals, a missing value null with its reason; the cursor is in the headers."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (extra parquet)")
    response = get(f"{url}/v1/readings?limit=1", Accept="application/vnd.apache.parquet")
    rows = parquet.read_table(io.BytesIO(response.content)).to_pylist()

    assert [(each["quantity"], each["value"], each["reason"]) for each in rows] == [
        ("active_power", Decimal("0.001000"), ""),
        ("active_energy_import", Decimal("1000.000001"), ""),
        ("frequency", None, "exception_2"),
    ]
    assert {int(each["time"].timestamp() * 1000) for each in rows} == {START_MS + 10_000}
    assert (response.headers["Shiftwatt-More"], rows[0]["sequence"]) == ("true", 1)


def test_meters_as_a_table(url: str) -> None:
    """Meters come as JSON, lines and CSV like everything else."""
    rows = list(csv.DictReader(get(f"{url}/v1/meters?limit=1", Accept="text/csv").text.splitlines()))
    lines = get(f"{url}/v1/meters", Accept="application/x-ndjson").text.splitlines()

    assert ([row["meter"] for row in rows], [json.loads(line)["meter"] for line in lines]) == (["main"], ["main"])


def test_csv_says_true_as_json_does(url: str) -> None:
    """Who reads both forms of a figure finds the same word."""
    rows = csv.DictReader(get(f"{url}/v1/figures", Accept="text/csv").text.splitlines())

    assert [row["complete"] for row in rows] == ["true"]


def test_parquet_of_figures_and_of_nothing(url: str, source: FakeSource) -> None:
    """What is null stays null, flags and versions keep their kind, and an empty page is a table without rows."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (extra parquet)")
    found = []
    for _ in range(2):
        table = parquet.read_table(io.BytesIO(get(f"{url}/v1/figures", Accept="application/vnd.apache.parquet").content))
        found.append(table)
        source.documents[FIGURES] = []

    assert [(each["load_kwh"], each["complete"], each["version"]) for each in found[0].to_pylist()] == [(None, True, 2)]
    assert (found[1].num_rows, found[1].schema == found[0].schema) == (0, True)


@needs_zstd
def test_coding_is_the_best_both_have(url: str) -> None:
    """zstd before gzip where the caller takes both; neither where he takes none; the document is the same."""
    answers = {coding: raw(f"{url}/v1/readings", coding) for coding in ("gzip, zstd", "gzip", "br", "zstd;q=0, gzip;q=0.1")}
    plain = answers["br"][1]

    assert [coding for coding, _ in answers.values()] == ["zstd", "gzip", None, "gzip"]
    assert unpacked(answers["gzip, zstd"][1], ZSTD, 10**7) == gzip.decompress(answers["gzip"][1]) == plain
    assert len(json.loads(plain)["readings"]) == 100


@pytest.mark.parametrize("coding", compression.CODINGS)
def test_bytes_that_are_not_what_they_say(coding: str) -> None:
    """Garbage, a cut, something behind the end, and a bomb are each refused without unpacking much of it."""
    packed = compressed(bytes(10**6), coding)
    for broken in (b"garbage", packed[:-1], packed + b"x", b""):
        with pytest.raises(NotCompressedError):
            unpacked(broken, coding, 10**6)
    with pytest.raises(TooLargeError):
        unpacked(compressed(bytes(10**8), coding), coding, 10**6)

    assert unpacked(packed, coding, 10**6) == bytes(10**6)


@pytest.mark.parametrize(("accept", "coding"), [("", IDENTITY), ("GZIP", GZIP), ("gzip;q=x", IDENTITY), ("identity, gzip; q=0.5", GZIP)])
def test_choice_of_coding(accept: str, coding: str) -> None:
    """What the header means; what makes no sense in it is not taken."""
    assert chosen(accept) == coding


def test_etag_saves_what_is_known(url: str, source: FakeSource) -> None:
    """The same answer has the same tag and need not travel again; a new document changes it, also where only the cursor moved."""
    first = get(f"{url}/v1/readings?after=", **{"Accept-Encoding": "identity"})
    page = get(f"{url}/v1/readings")
    again = get(f"{url}/v1/readings", **{"If-None-Match": f'"other", {page.headers["ETag"]}'})
    source.documents[READINGS].append(source.documents[READINGS][0])
    changed = get(f"{url}/v1/readings", **{"If-None-Match": page.headers["ETag"]})
    source.documents[READINGS][-1] = {**source.documents[READINGS][0], "meter": "niam"}
    as_long = get(f"{url}/v1/readings", **{"If-None-Match": changed.headers["ETag"]})

    assert first.status_code == 400
    assert "ETag" not in first.headers
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", page.headers["ETag"])
    assert again.headers["Shiftwatt-Cursor"] == page.headers["Shiftwatt-Cursor"]
    assert (changed.status_code, as_long.status_code, len(as_long.content)) == (200, 200, len(changed.content))


def test_too_many_requests(tmp_path: Path) -> None:
    """A caller who asks too often is told when to come again; others, and the health check, are not hindered; turns come back with time."""
    now = [0.0]
    tokens = TokenFile(tmp_path)
    one, other = tokens.add("one", [READ]), tokens.add("other", [READ])
    table = routes(FakeSource(), authoriser(tokens.grants), turns=Turns(Rate(per_s=0.5, at_once=3), lambda: now[0]))
    with served(Starlette(routes=table)) as url:
        answers = [get(f"{url}/v1/meters", Authorization=f"Bearer {one}") for _ in range(4)]
        others = [get(f"{url}/v1/meters", Authorization=f"Bearer {other}"), get(f"{url}/v1/health")]
        now[0] = 2.0
        later = [get(f"{url}/v1/meters", Authorization=f"Bearer {one}").status_code for _ in range(2)]

    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert answers[3].headers["Retry-After"] == "2"
    assert "too many requests" in answers[3].json()["error"]
    assert [each.status_code for each in others] == [200, 200]
    assert later == [200, 429]


def test_callers_that_are_remembered_are_bounded() -> None:
    """Beyond the bound the one that was silent longest is forgotten."""
    turns = Turns(Rate(per_s=0.0001, at_once=1), lambda: 0.0)
    granted = [turns.take(f"caller {number}") == 0.0 for number in range(CALLERS_MAX + 1)]

    assert all(granted)
    assert turns.take("caller 1") > 0
    assert turns.take("caller 0") == 0.0


def test_batches_are_served_as_they_were_signed(url: str, source: FakeSource) -> None:
    """Bodies page by page in small pages; as JSON or a line each, in no other form."""
    source.documents["batches"] = [{"number": number, "hash": "ab"} for number in range(1, 13)]
    first = get(f"{url}/v1/batches").json()
    rest = get(f"{url}/v1/batches?after={first['cursor']}", Accept="application/x-ndjson")

    assert [each["number"] for each in first["batches"]] == list(range(1, 11))
    assert [json.loads(line)["number"] for line in rest.text.splitlines()] == [11, 12]
    assert get(f"{url}/v1/batches", Accept="text/csv").status_code == 406
    assert get(f"{url}/v1/batches?limit=101").status_code == 400
