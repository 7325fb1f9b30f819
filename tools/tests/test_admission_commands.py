"""The commands refuse a meter that does not fit; `run --force` starts all the same."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway import compose
from tools.command import app

TOO_MANY = 90


@pytest.fixture
def full(tmp_path: Path) -> Path:
    tables = ['[site]\nname = "s"\ntimezone = "UTC"\n[pages]\nlisten = "127.0.0.1:18999"\n[[line]]\nname = "bus"\nport = "/dev/none"']
    tables += [
        f'[[meter]]\nname = "m{number}"\nline = "bus"\naddress = {number}\nmodel = "eastron-sdm120"\nrole = "load"'
        for number in range(1, TOO_MANY + 1)
    ]
    path = tmp_path / "site.toml"
    path.write_text("\n".join(tables))
    return path


@pytest.mark.parametrize(("name", "status"), [("check", 2), ("plan", 1), ("run", 2)])
def test_a_meter_that_does_not_fit_is_refused(full: Path, name: str, status: int) -> None:
    """With the arithmetic and what would make it fit."""
    found = CliRunner().invoke(app, [name, "--site", str(full)])

    assert found.exit_code == status
    assert "breaks the 10 s target: cycle" in found.output + found.stderr
    assert "baud would give" in found.output + found.stderr


def test_check_and_plan_say_so_in_json(full: Path) -> None:
    """A programme gets the same sentence."""
    checked = json.loads(CliRunner().invoke(app, ["check", "--json", "--site", str(full)]).stdout)
    planned = json.loads(CliRunner().invoke(app, ["plan", "--json", "--site", str(full)]).stdout)

    assert checked["ok"] is False
    assert "10 s target" in checked["mistakes"][0]["sentence"]
    assert (planned["lines"][0]["fits"], "10 s target" in planned["lines"][0]["remedy"]) == (False, True)


def test_force_starts_and_the_line_is_known_from_then_on(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forced once, the site starts by itself after a power cut; it must not stop metering for a sum."""
    started: list[str] = []
    monkeypatch.setattr(compose, "serve", lambda site, **_: started.append(site.site.name))
    codes = [CliRunner().invoke(app, ["run", "--site", str(full), *words]).exit_code for words in ([], ["--force"], [])]

    assert (codes, started) == ([2, 0, 0], ["s", "s"])
