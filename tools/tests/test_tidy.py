"""The house is tidy, and the tidy rules themselves can fail."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tools import tidy


@pytest.mark.parametrize("rule", tidy.RULES, ids=lambda rule: rule.__name__)
def test_the_house_is_tidy(rule: Callable[[], Iterator[str]]) -> None:
    """Every rule of tidy finds nothing."""
    found = list(rule())

    assert not found, "\n".join(found)


BAD = {
    "tools/long.py": '"""Head."""\n' + "x = 1\n" * 400,
    "tools/deep.py": '"""Head."""\n\n\ndef f() -> None:\n' + "    print()\n" * 80,
    "tools/headless.py": "x = 1\n",
    "tools/twice.py": '"""Head."""\n\n\ndef f() -> None:\n    """Same."""\n\n\ndef g() -> None:\n    """Same."""\n',
    "tools/tests/test_silent.py": '"""Head."""\n\n\ndef test_f() -> None:\n    assert True\n',
    "tools/left.py": '"""Head."""\n# TO' + "DO later\n",
    "STATUS.md": "done\n",
    "reports/x.md": "done\n",
    "protocols/meters/x.toml": "name = 'x'\nrows = '{{ code }}'\n",
}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (tidy.long_files, "tools/long.py"),
        (tidy.long_functions, "tools/deep.py"),
        (tidy.headless_files, "tools/headless.py"),
        (tidy.repeated_docstrings, "'Same.'"),
        (tidy.silent_tests, "test_silent.py"),
        (tidy.leftovers, "tools/left.py:2"),
        (tidy.dead_files, "tools/long.py"),
        (tidy.strays, "STATUS.md"),
        (tidy.meter_files_with_code, "x.toml"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_rule_finds_its_offence(
    rule: Callable[[], Iterator[str]], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small house in which every rule is broken once."""
    for place, text in BAD.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    monkeypatch.setattr(tidy, "ROOT", tmp_path)
    monkeypatch.setattr(tidy, "tracked", lambda: sorted(tmp_path / place for place in BAD))

    assert any(expected in sentence for sentence in rule())


def test_a_ratchet_entry_for_a_file_that_is_gone_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ratchet only shrinks."""
    monkeypatch.setitem(tidy.LONGER, "tools/gone.py", 400)

    assert list(tidy.stale_ratchet()) == ["the ratchet names tools/gone.py, which does not exist"]
