"""`shiftwatt import` as typed: files of the wrong kind, from a Windows code page, from standard input."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tools.command import app

HEADER = b"time,meter,quantity,value,unit\n"
GOOD = b"2026-03-02T06:00:00Z,main,volume,12.5,m3\n"
LATIN = "2026-03-02T06:15:00Z,main,volume,13.5,m\u00b3\n".encode("latin-1")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text('[site]\nname = "works"\ntimezone = "Asia/Shanghai"\n[[meter]]\nname = "main"\nrole = "water"\n')
    return path


def imported(site: Path, content: bytes, *, piped: bool) -> Result:
    file = site.parent / "rows.csv"
    file.write_bytes(content)
    words = ["import", "-" if piped else str(file), "--site", str(site)]
    return CliRunner().invoke(app, words, input=content if piped else None)


@pytest.mark.parametrize("piped", [False, True])
def test_a_row_that_is_no_utf8_is_a_bad_row(site: Path, piped: bool) -> None:
    """It is refused with its line number, and the rows around it are taken."""
    told = imported(site, HEADER + GOOD + LATIN + GOOD.replace(b"12.5", b"14.5").replace(b"06:00", b"06:30"), piped=piped)

    assert told.exit_code == 1
    assert "line 3: it is not UTF-8 text; save the table as CSV UTF-8" in told.stderr
    assert "3 rows: 2 taken, 0 known already, 1 refused" in told.stdout


def test_a_file_of_another_kind_is_told_in_one_sentence(site: Path) -> None:
    """Not by printing its bytes."""
    told = imported(site, bytes(range(256)) * 20, piped=False)

    assert told.exit_code == 2
    assert "the first line must be time,meter,quantity,value,unit (optionally ,reason), not binary" in told.stderr


def test_a_declared_file_that_is_no_utf8_is_told(site: Path) -> None:
    """With the place and what to do."""
    file = site.parent / "offsets.csv"
    file.write_bytes(b"serial,\xff\n")

    told = CliRunner().invoke(app, ["declare", "offset", "--file", str(file), "--site", str(site)])

    assert told.exit_code == 2
    assert "offsets.csv is not UTF-8 text (byte 7); save the table as CSV UTF-8" in told.stderr
