"""`shiftwatt account` as an administrator types it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.accounts import AccountFile
from tools.command import app

PASSWORD = "correct horse battery\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text('[site]\nname = "works"\ntimezone = "Asia/Shanghai"\n')
    return path


def _typed(site: Path, *words: str, typing: str = "") -> tuple[int, str]:
    done = CliRunner().invoke(app, ["account", *words, "--site", str(site)], input=typing)
    return done.exit_code, done.output


def test_people_are_added_and_listed(site: Path) -> None:
    """The password is typed twice and never shown."""
    status, said = _typed(site, "add", "Li Wei", "--role", "admin", typing=PASSWORD * 2)
    _, listed = _typed(site, "list", "--json")

    assert (status, PASSWORD.strip() in said) == (0, False)
    assert '"Li Wei"' in listed
    assert AccountFile(site.parent / "data").check("Li Wei", PASSWORD.strip()) is not None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("add", "x", "--role", "king"), "The role must be"),
        (("role", "boss", "--role", "king"), "The role must be"),
        (("role", "boss", "--role", "viewer"), "last administrator"),
        (("remove", "boss"), "last administrator"),
        (("remove", "nobody"), "no account named 'nobody'"),
    ],
)
def test_wrong_use_is_a_sentence(site: Path, words: tuple[str, ...], sentence: str) -> None:
    """With status 2, and nothing changed."""
    _typed(site, "add", "boss", "--role", "admin", typing=PASSWORD * 2)

    status, said = _typed(site, *words, typing=PASSWORD * 2)

    assert (status, sentence in said) == (2, True)
    assert AccountFile(site.parent / "data").role_of("boss") == "admin"
