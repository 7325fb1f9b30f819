"""`shiftwatt verify` as an auditor types it, on stores of real gateways: running, copied, replaced, with a changed key."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.buffer import noted_head, outbox
from gateway.buffer.store import Store
from gateway.deliver.key import gateway_key
from protocols.reading import ClockSet, Event, Reading, milliseconds_of
from tools.bench.small_works import Works, full_store
from tools.command import app


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("works")
    full_store(folder).store.close()
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copied data folder, as an auditor gets it."""
    return Path(shutil.copytree(original, tmp_path / "copy"))


def verify(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["verify", "--site", str(folder / "site.toml"), *words])


def document(folder: Path, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(verify(folder, "--json", *words).stdout)
    return found


def change(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "data" / "shiftwatt.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_c31_a_sound_store_holds_and_tells_its_head(folder: Path) -> None:
    """Every batch, every record, every version of every figure; the head is for noting elsewhere."""
    told, found = verify(folder), document(folder)

    assert told.exit_code == 0
    assert (found["holds"], found["broken"], found["not_sealed_yet"]) == (True, None, 0)
    assert found["figures"] >= found["recomputed"] > 10
    assert f"Head: {found['head']['number']}:{found['head']['hash']}" in told.stdout


def test_c31_the_first_thing_that_does_not_hold_is_named_with_its_place(folder: Path) -> None:
    """Kind, number, meter, time and batch of the record, and exit status 1; of two the first."""
    change(folder, "update counter set active_energy_import = active_energy_import + 1 where sequence = 20")
    change(folder, "delete from counter where sequence = 90")
    told, found = verify(folder), document(folder)["broken"]

    assert told.exit_code == 1
    assert "Does not hold: record 20 (reading of main at 2026-03-02T10:45:00Z) of batch 1 is not what was sealed." in told.stdout
    place = {name: found[name] for name in ("record", "sequence", "batch", "meter", "time")}
    assert place == {"record": "reading", "sequence": 20, "batch": 1, "meter": "main", "time": "2026-03-02T10:45:00Z"}


def test_c31_while_the_body_is_there_the_field_is_named_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it is and what was sealed; a backlog keeps its bodies."""
    folder = tmp_path
    monkeypatch.setattr(outbox, "BODILESS_MAX", 0)
    full_store(folder).store.close()
    change(folder, "update site set known_at_ms = known_at_ms + 1000 where sequence = (select max(sequence) from site)")
    found = document(folder)["broken"]

    assert (found["record"], found["field"]) == ("site", "known_at")
    assert "known_at is 2026-03-03T19:00:01Z, sealed was 2026-03-03T19:00:00Z" in found["sentence"]


@pytest.mark.parametrize(
    "tampering",
    [
        "update power set active_power = active_power + 1 where sequence = (select min(sequence) from power)",
        "delete from power where sequence = (select max(sequence) from power)",
        "update thinning set dropped = dropped + 1",
        "delete from thinning",
    ],
)
def test_c31_what_was_thinned_holds_by_its_signed_record(tmp_path: Path, tampering: str) -> None:
    """What is left is as proven as before; without the record, or with other rows than it names, it does not hold."""
    works = full_store(tmp_path)
    begin = milliseconds_of("2026-03-03T09:00:00Z")
    works.put(*(Reading("press", works.store.boot, each, begin + each * 10_000, {"active_power": each}, {}) for each in range(300)))
    works.step()
    works.store.outbox.acknowledge(range(1, works.store.outbox.last_number() + 1), works.now_ms)
    dropped = 0
    while done := works.store.thin(works.now_ms + 1000 * 86_400_000).dropped:
        dropped += done
    works.store.close()

    sound = document(tmp_path)
    change(tmp_path, tampering)
    tampered = document(tmp_path)

    assert dropped > 250
    assert (sound["holds"], sound["broken"]) == (True, None)
    assert not tampered["holds"]


def cut_off(folder: Path, number: int) -> None:
    """The batch, its records and the next number: the shorter store is sound in itself."""
    change(folder, f"delete from batch where number = {number}")
    with closing(sqlite3.connect(folder / "data" / "shiftwatt.db")) as connection:
        (last,) = connection.execute("select max(last_sequence) from batch").fetchone()
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            if any(row[1] == "sequence" for row in connection.execute(f'pragma table_info("{table}")')):
                connection.execute(f'delete from "{table}" where sequence > ?', (last,))
        connection.execute("update number set value = ? where name = 'next_sequence'", (last + 1,))
        connection.commit()


def test_c31_the_head_noted_beside_the_store_shows_a_cut_off_end(folder: Path) -> None:
    """Also where only the last batch is gone and its records wait to be sealed again."""
    number = document(folder)["head"]["number"]
    change(folder, f"delete from batch where number = {number}")
    only_batch = verify(folder)
    cut_off(folder, number)
    everything = verify(folder)

    for told in (only_batch, everything):
        assert told.exit_code == 1
        assert f"batch {number} was noted as sealed" in told.stdout
        assert "its end was cut off" in told.stdout


def test_c31_sealing_on_does_not_cover_a_cut_off_end(folder: Path) -> None:
    """The note of the batch that is gone stays beside the store, until the same batch stands in the chain again."""
    number = document(folder)["head"]["number"]
    note = (folder / "data" / noted_head.FILE).read_text()
    cut_off(folder, number)
    key = gateway_key(folder / "data")
    store = Store(folder / "data", key.gateway, key.sign)
    store.add([Event("started", "", "", 9, 0, 1_800_000_000_000)])
    store.commit(1_800_000_000_000)
    store.outbox.seal(1_800_000_000_000)
    store.close()

    assert (folder / "data" / noted_head.FILE).read_text() == note
    assert "was noted" in verify(folder).stdout


@pytest.mark.parametrize("content", [b"", b"\xff", b"7", b"x:" + b"0" * 64])
def test_c31_a_damaged_note_says_nothing(folder: Path, content: bytes) -> None:
    """A note that a power cut left empty must not condemn a sound store."""
    (folder / "data" / noted_head.FILE).write_bytes(content)

    assert verify(folder).exit_code == 0


def test_c31_a_head_noted_elsewhere_shows_a_cut_off_end(folder: Path) -> None:
    """Without it, and without the note beside it, the shorter store is sound in itself."""
    head = document(folder)["head"]
    cut_off(folder, head["number"])
    (folder / "data" / noted_head.FILE).unlink()

    alone, known = verify(folder), verify(folder, "--head", f"{head['number']}:{head['hash']}")
    other = verify(folder, "--head", f"1:{'0' * 64}")

    assert (alone.exit_code, known.exit_code, other.exit_code) == (0, 1, 1)
    assert "its end was cut off" in known.stdout
    assert "batch 1 has another hash" in other.stdout


def test_c31_a_copy_without_the_private_key_is_checked_with_the_public_one(folder: Path) -> None:
    """The hub or a paper has it; another key's signatures do not hold."""
    public_key = gateway_key(folder / "data").public_key
    (folder / "data" / "gateway.key").unlink()

    without, own, other = verify(folder), verify(folder, "--public-key", public_key), verify(folder, "--public-key", "ab" * 32)

    assert (without.exit_code, own.exit_code, other.exit_code) == (2, 0, 1)
    assert "give the gateway's public key with --public-key" in without.stderr
    assert not (folder / "data" / "gateway.key").exists()


@pytest.mark.parametrize(
    ("words", "sentence"), [(["--head", "7"], "must be a batch number and its hash"), (["--public-key", "x"], "64 hex")]
)
def test_wrong_words_are_told(folder: Path, words: list[str], sentence: str) -> None:
    """Exit status 2 and what is expected."""
    told = verify(folder, *words)

    assert told.exit_code == 2
    assert sentence in told.stderr


def test_a_folder_without_a_store_and_a_damaged_file_are_told(folder: Path) -> None:
    """A sentence and exit status 1, no traceback."""
    file = folder / "data" / "shiftwatt.db"
    file.write_bytes(b"x" * 8192)
    damaged = verify(folder)
    file.unlink()
    missing = verify(folder)

    assert (damaged.exit_code, "cannot be read" in damaged.stderr) == (1, True)
    assert (missing.exit_code, "there is no store" in missing.stderr) == (1, True)


def test_c31_beside_a_running_gateway_what_is_not_sealed_yet_is_said(tmp_path: Path) -> None:
    """One moment is looked at while the writer goes on; records that wait for the next batch are no fault."""
    works = full_store(tmp_path)
    try:
        at = milliseconds_of("2026-03-03T09:00:00Z")
        works.put(Reading("press", works.store.boot, 1, at, {"active_power": 5}, {}), Event("started", "gateway", "", 1, 1, at))
        told = verify(tmp_path)
        works.step()
        after = document(tmp_path)
    finally:
        works.store.close()

    assert told.exit_code == 0
    assert "2 records are not sealed yet" in told.stdout
    assert (after["holds"], after["not_sealed_yet"]) == (True, 0)


@pytest.mark.parametrize("is_late", [True, False])
def test_c31_a_date_that_came_later_changes_no_batch(tmp_path: Path, *, is_late: bool) -> None:
    """Sealed before or after the clock was known: the reading stands without a date for ever, and the clock record dates it."""
    works = Works(tmp_path)
    boot = works.store.boot
    try:
        works.put(*(Reading("main", boot, at, None, {"active_power": at, "active_energy_import": at}, {}) for at in range(1, 9)))
        if is_late:
            works.store.outbox.seal(works.now_ms)
        works.put(ClockSet(boot, works.now_ms, works.now_ms))
        works.step()
        works.store.outbox.acknowledge(range(1, 9), works.now_ms)
    finally:
        works.store.close()
    assert verify(tmp_path).exit_code == 0
    change(tmp_path, "update counter set time_ms = time_ms + 1 where sequence = 1")

    assert document(tmp_path)["broken"]["sequence"] == 1
