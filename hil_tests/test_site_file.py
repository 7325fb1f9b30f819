"""Site files that cannot be used, through the commands: every mistake at once, status 2, nothing begun."""

from pathlib import Path

import pytest

from hil_tests.chain import command, document_of

GARBAGE = """
[site]
name = "Hangzhou Works"
timezone = "Asia/Hangzhou"
colour = "blue"

[poll]
interval_s = 0

[pages]
listen = "8080"

[[line]]
name = "rs485-1"
port = "/dev/ttyUSB0"
tcp = "10.0.0.5:502"
baud = 9601

[[meter]]
name = "main"
line = "rs485-2"
model = "eastron-sdm63"
role = "import"
parent = "main"

[[meter]]
name = "main"
line = "rs485-1"
address = 300
model = "eastron-sdm630"
role = "motor"
rating = "much"

[[shift]]
name = "early"
start = "6 o'clock"
end = "14:00"

[[shift]]
name = "late"
start = "12:00"
end = "22:00"

[[shift]]
name = "long"
start = "06:00"
end = "18:00"

[[product]]
name = "housing"
units_from = "nobody"

[upstream]
url = "http://hub.example/"

[extra]
"""

# (table as a person finds it, key) of everything that is wrong above.
MISTAKES = {
    ("[site]", "name"),
    ("[site]", "timezone"),
    ("[site]", "colour"),
    ("[poll]", "interval_s"),
    ("[pages]", "listen"),
    ("[[line]] 1 (rs485-1)", "port"),
    ("[[line]] 1 (rs485-1)", "baud"),
    ("[[meter]] 1 (main)", "line"),
    ("[[meter]] 1 (main)", "address"),
    ("[[meter]] 1 (main)", "model"),
    ("[[meter]] 1 (main)", "parent"),
    ("[[meter]] 2 (main)", "name"),
    ("[[meter]] 2 (main)", "address"),
    ("[[meter]] 2 (main)", "role"),
    ("[[meter]] 2 (main)", "rating"),
    ("[[shift]] 1 (early)", "start"),
    ("[[shift]] 3 (long)", "start"),
    ("[[product]] 1 (housing)", "units_from"),
    ("[upstream]", "url"),
    ("[extra]", ""),
}


@pytest.fixture
def garbage(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(GARBAGE)
    return path


def test_check_reports_every_mistake_at_once(garbage: Path) -> None:
    """`check --json` names each mistake once with its table and key, and ends with 2."""
    ended = command("check", "--site", garbage, "--json")
    document = document_of(ended)
    found = [(mistake["table"], mistake["key"]) for mistake in document["mistakes"]]

    assert ended.returncode == 2
    assert not document["ok"]
    assert sorted(found) == sorted(MISTAKES)
    assert all(mistake["sentence"] for mistake in document["mistakes"])


def test_run_refuses_a_wrong_site_file(garbage: Path) -> None:
    """`run` says every mistake to the person who started it, ends with 2, and has begun nothing."""
    ended = command("run", "--site", garbage)

    assert ended.returncode == 2
    assert ended.stdout == ""
    for table, key in MISTAKES:
        assert f"{table}, key {key!r}: " in ended.stderr if key else f"{table}: " in ended.stderr
    assert "Traceback" not in ended.stderr
    assert [path.name for path in garbage.parent.iterdir()] == ["site.toml"]


@pytest.mark.parametrize("words", ["[site", "[[site]]\nname = 3\n"])
def test_what_is_no_site_file_at_all_is_said_in_a_sentence(tmp_path: Path, words: str) -> None:
    """No TOML, or of another shape: a sentence with the file's name, status 2, no traceback."""
    path = tmp_path / "site.toml"
    path.write_text(words)
    ended = command("check", "--site", path)

    assert ended.returncode == 2
    assert str(path) in ended.stderr
    assert "Traceback" not in ended.stderr
