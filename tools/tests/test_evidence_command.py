"""`shiftwatt evidence`: every version of every figure, exported and recomputed by two scripts that share no code with us."""

import copy
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from protocols.reading import Reading, milliseconds_of
from tools import recompute_figure, recompute_proof
from tools.bench.small_works import KWH, MINUTE_MS, TEXT, Works, counted, full_store
from tools.command import app

Document = dict[str, Any]
TARIFFS = '[[tariff]]\nperiod = "peak"\nstart = "08:00"\nend = "20:00"\n[[tariff]]\nperiod = "valley"\nstart = "20:00"\nend = "08:00"\n'
NIGHT = '[[shift]]\nname = "night"\nstart = "22:00"\nend = "06:00"\n'
CERTIFICATE = {
    "serial": "GEC-1", "kind": "certificate", "zone": "CN", "start": "2025-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z",
    "quantity": "40", "unit": "kWh", "factor": "", "gases": "", "vintage": "2026", "source": "",
}  # fmt: skip


@pytest.fixture(scope="module")
def eventful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Swap declared and undone, late data, a changed rating, a date that came later, a gap."""
    folder = tmp_path_factory.mktemp("eventful")
    full_store(folder).store.close()
    return folder


@pytest.fixture(scope="module")
def calendars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two years with a factor each, both clock changes' kind of night, tariffs, a product, a certificate, a rollover."""
    folder, energy = tmp_path_factory.mktemp("calendars"), "active_energy_import"
    works = Works(folder, TEXT.replace('rating = "400 kW"', 'rating = "400 kW"\nmodulus = "1000 kWh"') + NIGHT + TARIFFS)
    for begin, end, value in (("2025-12-31T10:00:00Z", "2026-01-01T12:00:00Z", 700), ("2026-03-28T10:00:00Z", "2026-03-29T20:00:00Z", 100)):
        times = range(milliseconds_of(begin), milliseconds_of(end), 15 * MINUTE_MS)
        main = counted("main", energy, value * KWH, 3 * KWH + 1, times)
        works.put(*(each._replace(values={energy: each.values[energy] % (1000 * KWH)}) for each in main))
        works.put(*counted("press", energy, value * KWH, KWH + 1, times), *counted("gas", "volume", value * 10**6, 333, times))
    works.now_ms = milliseconds_of("2026-04-01T12:00:00Z")
    works.declare(declare="certificate", rows=[CERTIFICATE])
    works.declare(declare="production", product="housing", time="2026-03-28T15:00:00Z", units="480")
    works.step()
    works.store.close()
    return folder


def export(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["evidence", "--site", str(folder / "site.toml"), "--out", "-", *words])


def exported(folder: Path) -> list[Document]:
    with closing(sqlite3.connect(folder / "data" / "shiftwatt.db")) as connection:
        rows = connection.execute("select key, version, document from figure group by key, version having max(sequence)").fetchall()
    has_counters = [(key, version) for key, version, text in rows if json.loads(text)["meters"]]
    return [json.loads(export(folder, "--figure", key, "--version", str(version)).stdout) for key, version in has_counters]


@pytest.mark.parametrize("site", ["eventful", "calendars"])
def test_c7_every_stored_figure_is_recomputed_from_its_evidence(site: str, request: pytest.FixtureRequest) -> None:
    """The numbers by one script, each record in a signed batch by the other."""
    found = exported(request.getfixturevalue(site))
    sentences = [recompute_figure.check_figure(each) for each in found]
    proofs = [recompute_proof.check(each, each["public_key"]) for each in found]

    assert len(found) > 6
    assert all("all holds" in each for each in sentences)
    assert all("stand in" in each for each in proofs)


def test_c7_a_thinned_batch_proves_its_counters_by_what_the_gateway_signed(tmp_path: Path) -> None:
    """The signed record of thinning stands for the rows that went; a changed one is found."""
    works, energy = Works(tmp_path), "active_energy_import"
    begin = milliseconds_of("2026-03-02T04:00:00Z")
    times = range(begin, begin + 20 * 4 * 15 * MINUTE_MS, 15 * MINUTE_MS)
    power = [Reading("press", works.store.boot, each, begin + each * MINUTE_MS, {"active_power": each}, {}) for each in range(600)]
    works.put(*counted("main", energy, KWH, 3 * KWH, times), *counted("press", energy, KWH, KWH, times), *power)
    works.step()
    works.store.outbox.acknowledge(range(1, works.store.outbox.last_number() + 1), works.now_ms)
    while works.store.thin(works.now_ms + 1000 * 86_400_000).dropped:
        pass
    works.store.close()

    found = exported(tmp_path)
    thinned = [batch for each in found for batch in each["batches"] if "thinning" in batch]

    assert thinned
    assert all("stand in" in recompute_proof.check(each, each["public_key"]) for each in found)
    thinned[0]["thinning"]["dropped"] += 1
    with pytest.raises(recompute_proof.DoesNotHoldError, match="thinning"):
        _ = [recompute_proof.check(each, each["public_key"]) for each in found]


def test_c7_the_figures_are_of_several_kinds(eventful: Path, calendars: Path) -> None:
    """Otherwise the test above would prove little."""
    figures = [each["figure"] for each in (*exported(eventful), *exported(calendars))]
    kinds = {event["kind"] for figure in figures for meter in figure["meters"] for event in meter["events"]}
    factors = {line["factor"]["year"] for figure in figures for line in figure["carbon"]["lines"] if line["factor"]}

    assert kinds >= {"swap", "gap", "rollover", "quarantine"}
    assert {figure["elapsed_s"] for figure in figures} >= {7 * 3600, 8 * 3600}
    assert any(product["kwh_per_unit"] for figure in figures for product in figure["products"])
    assert any("tariffs" in figure for figure in figures)
    assert any(figure.get("certificates", {}).get("matched_kwh", "0.000000") != "0.000000" for figure in figures)
    assert len(factors) > 1
    assert {figure["state"] for figure in figures} >= {"final", "restated"}


def raise_record(evidence: Document) -> None:
    evidence["records"][3]["value"] = "1.000000"


def drop_record(evidence: Document) -> None:
    del evidence["records"][3]


def raise_sealed(evidence: Document) -> None:
    column = next(iter(evidence["batches"][0]["readings"][0]["values"].values()))
    column[0] = "1.000000"


def drop_batch(evidence: Document) -> None:
    del evidence["batches"][0]


def change_signature(evidence: Document) -> None:
    evidence["batches"][0]["signature"] = "00" * 64


def change_declaration(evidence: Document) -> None:
    evidence["declarations"][0]["old_final"] = "130.000000"


def change_site(evidence: Document) -> None:
    evidence["site_record"]["site"]["grace_min"] += 1


def change_version(evidence: Document) -> None:
    evidence["figure"]["version"] += 1


@pytest.mark.parametrize(
    ("forge", "sentence"),
    [
        (raise_record, "no record says so|says something else"),
        (drop_record, "no record says so"),
        (raise_sealed, "its hash is not that of its contents"),
        (drop_batch, "is in no batch"),
        (change_signature, "the signature is not of this key"),
        (change_declaration, "the declaration d1 is not what was sealed"),
        (change_site, "the record of the site is not what was sealed"),
        (change_version, "the figure is not what was sealed"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_c31_forged_evidence_is_found_out(forge: Callable[[Document], None], sentence: str, eventful: Path) -> None:
    """By the batches, whatever the numbers say."""
    forged = copy.deepcopy(json.loads(export(eventful, "--date", "2026-03-02", "--shift", "late").stdout))
    forge(forged)

    with pytest.raises(recompute_proof.DoesNotHoldError, match=sentence):
        recompute_proof.check(forged, forged["public_key"])


def test_c31_the_script_runs_without_anything_of_ours(eventful: Path, tmp_path: Path) -> None:
    """Isolated, from the file that the command wrote; with the key of another gateway nothing holds."""
    file = tmp_path / "evidence.json"
    site = str(eventful / "site.toml")
    told = CliRunner().invoke(
        app, ["evidence", "--site", site, "--date", "2026-03-02", "--shift", "early", "--version", "1", "--out", str(file)]
    )
    words = [sys.executable, "-I", "-S", str(recompute_proof.__file__), str(file)]
    own = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    other = subprocess.run([*words, "ab" * 32], capture_output=True, text=True, cwd=tmp_path, check=False)

    assert (told.exit_code, "early version 1" in told.stdout) == (0, True)
    assert (own.returncode, own.stderr) == (0, "")
    assert (other.returncode, "the signature is not of this key" in other.stdout) == (1, True)


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["--date", "2026-03-02"], 2, "either with --figure KEY or with --date and --shift"),
        (["--date", "2026-03-02", "--shift", "noon"], 1, "there is no figure with date 2026-03-02, shift noon"),
        (["--date", "2026-03-02", "--shift", "late", "--version", "99"], 1, "version 99; `shiftwatt shifts` lists them"),
    ],
)
def test_what_is_not_there_is_told(words: list[str], status: int, sentence: str, eventful: Path) -> None:
    """With what to do next."""
    told = export(eventful, *words)

    assert (told.exit_code, sentence in told.stderr) == (status, True)


def test_c31_what_is_in_no_batch_yet_is_said(eventful: Path, tmp_path: Path) -> None:
    """It can be exported, but not proven."""
    folder = Path(shutil.copytree(eventful, tmp_path / "copy"))
    with closing(sqlite3.connect(folder / "data" / "shiftwatt.db")) as connection:
        connection.execute("delete from batch where number = (select max(number) from batch)")
        connection.commit()
    words = ["evidence", "--site", str(folder / "site.toml"), "--date", "2026-03-02", "--shift", "late", "--out", str(tmp_path / "e.json")]

    assert "are in no batch yet" in CliRunner().invoke(app, words).stdout
