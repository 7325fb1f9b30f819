"""`shiftwatt backup`: complete, consistent while somebody writes, and for its owner only."""

import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.buffer.connection import FILE
from gateway.buffer.store import Store
from protocols.reading import IMPORTED, Reading
from tools.command import app


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text('[site]\nname = "works"\ntimezone = "Asia/Shanghai"\n[[meter]]\nname = "main"\nrole = "import"\n')
    return path


def _backup(site: Path, archive: Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["backup", str(archive), "--site", str(site)])
    return done.exit_code, done.output


def test_backup_of_a_writing_gateway_is_whole(site: Path, tmp_path: Path) -> None:
    """What was committed is in the copy, also what still lies in the journal; the archive is its owner's."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "keys").mkdir()
    (data / "keys" / "gateway.key").write_text("secret")
    store = Store(data, "gateway", lambda digest: digest)
    store.add([Reading("main", IMPORTED, 0, 1_774_000_000_000, {"active_energy_import": 5}, {})])
    store.commit(0)
    status, said = _backup(site, tmp_path / "b.tar.gz")
    store.close()
    with tarfile.open(tmp_path / "b.tar.gz") as tar:
        names = tar.getnames()
        tar.extraction_filter = getattr(tarfile, "data_filter", None)  # Python before 3.11.4 has none, and Python after 3.13 wants one
        tar.extractall(tmp_path / "restored")
    with closing(sqlite3.connect(tmp_path / "restored" / "data" / FILE)) as copy:
        counted = copy.execute("select active_energy_import from counter").fetchall()

    assert (status, "keys" in said) == (0, True)
    assert {"site.toml", f"data/{FILE}", "data/keys/gateway.key"} <= set(names)
    assert counted == [(5,)]
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o077 == 0


def test_an_archive_is_never_overwritten(site: Path, tmp_path: Path) -> None:
    """The older backup may be the only good one."""
    (tmp_path / "data").mkdir()
    (tmp_path / "b.tar.gz").write_text("precious")

    status, said = _backup(site, tmp_path / "b.tar.gz")

    assert (status, "is there already" in said, (tmp_path / "b.tar.gz").read_text()) == (2, True, "precious")


def test_without_data_there_is_nothing_to_keep(site: Path, tmp_path: Path) -> None:
    """A sentence, and no empty archive."""
    status, said = _backup(site, tmp_path / "b.tar.gz")

    assert (status, "no data folder" in said, (tmp_path / "b.tar.gz").exists()) == (1, True, False)
