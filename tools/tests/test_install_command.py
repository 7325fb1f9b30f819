"""`shiftwatt install`: a service that systemd accepts and a site file that the gateway accepts; nothing is overwritten or half done."""

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tools.command import app

SERVICE, SITE = "etc/systemd/system/shiftwatt.service", "var/lib/shiftwatt/site.toml"


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty image, and an environment whose command is there."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "shiftwatt").touch(mode=0o755)
    monkeypatch.setattr(sysconfig, "get_path", lambda _: f"{scripts}")
    return tmp_path / "card"


def install(*words: object) -> Result:
    return CliRunner().invoke(app, ["install", *map(str, words)])


def test_an_image_gets_a_service_and_a_site_file_that_holds(card: Path) -> None:
    """Every file is there, the service is enabled, and `check` finds nothing wrong in the site."""
    done = install("--root", card, "--name", "hangzhou-works", "--timezone", "Asia/Shanghai")
    checked = CliRunner().invoke(app, ["check", "--site", str(card / SITE)])
    written = sorted(path.relative_to(card).as_posix() for path in card.rglob("*") if path.is_file() and not path.is_symlink())

    assert (done.exit_code, checked.exit_code) == (0, 0), done.output + checked.output
    assert written == ["etc/profile.d/shiftwatt.sh", SERVICE, "etc/sysusers.d/shiftwatt.conf", SITE]
    assert (card / "etc/systemd/system/multi-user.target.wants/shiftwatt.service").resolve() == card / SERVICE
    assert 'name = "hangzhou-works"\ntimezone = "Asia/Shanghai"' in (card / SITE).read_text()
    assert f"ExecStart={card.parent}/scripts/shiftwatt run --site /{SITE}" in (card / SERVICE).read_text()


def test_a_site_file_that_is_there_is_kept(card: Path) -> None:
    """The command may be repeated: the service is written anew, what people wrote is not."""
    install("--root", card)
    (card / SITE).write_text("ours")
    (card / SERVICE).write_text("old")
    done = install("--root", card)

    assert done.exit_code == 0
    assert (card / SITE).read_text() == "ours"
    assert (card / SERVICE).read_text() != "old"


def test_a_dry_run_changes_nothing(card: Path) -> None:
    """It shows the files with their contents."""
    done = install("--root", card, "--dry-run", "--timezone", "UTC")

    assert done.exit_code == 0
    assert "DevicePolicy=closed" in done.output
    assert not card.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--timezone", "Asia/Hangzhou"], "the time zone 'Asia/Hangzhou' is not known"),
        (["--timezone", "UTC", "--name", 'a"b'], "must be 1 to 40 of a-z"),
        (["--timezone", "UTC", "--name", "Works"], "must be 1 to 40 of a-z"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_written(card: Path, words: list[str], said: str) -> None:
    """With status 2 and what to write instead."""
    done = install("--root", card, *words)

    assert done.exit_code == 2
    assert said in done.output
    assert not card.exists()


def test_a_folder_that_takes_nothing_is_named(card: Path) -> None:
    """The file that could not be written, and that the command may be repeated."""
    card.write_text("a file where a folder should be")
    done = install("--root", card, "--timezone", "UTC")

    assert done.exit_code == 1
    assert "could not be written" in done.output


def test_systemd_accepts_the_service(card: Path) -> None:
    """`systemd-analyze verify` has nothing to say about it."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed here")
    install("--root", card, "--timezone", "UTC")
    said = subprocess.run([analyze, "verify", "--man=no", card / SERVICE], capture_output=True, text=True, check=False)

    assert [line for line in said.stderr.splitlines() if "shiftwatt.service" in line] == []
    assert said.returncode == 0, said.stderr
