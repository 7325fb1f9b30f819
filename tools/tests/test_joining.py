"""Modules joined for a board: together they mean what they meant apart, whatever goes by the same name."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tools.flashing import tree
from tools.flashing.joining import joined
from tools.flashing.modules import file_of, reached
from tools.flashing.reaching import reached_only
from tools.tests.random_modules import module_set

STARTS, ASKED_FOR = ("a",), frozenset({"run"})
SEEDS = (*range(60), 364, 1145, 1290, 1982)  # of two thousand that were tried once the last four found something rare


def texts_of(modules: dict[str, str], kept: frozenset[str] = frozenset()) -> dict[str, str]:
    return {name: each.text for name, each in joined(modules, STARTS, kept).items()}


def ran(sets: list[dict[str, str]], folder: Path) -> list[str]:
    """What `a.run()` gives in each set of modules, all in one process: a set sees its own modules only."""
    for number, texts in enumerate(sets):
        for name, text in texts.items():
            path = folder / str(number) / f"{name.replace('.', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    words = [sys.executable, "-B", "-c", _RUN, str(len(sets))]
    told = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True).stdout
    return told.splitlines()


_RUN = """
import os, sys
known = set(sys.modules)
for number in range(int(sys.argv[1])):
    sys.path[0] = os.path.abspath(str(number))
    sys.path_importer_cache.clear()
    for name in set(sys.modules) - known:
        del sys.modules[name]
    try:
        import a
        print(repr(a.run()))
    except Exception as error:
        print(type(error).__name__, error)
"""


def _cases() -> dict[str, dict[str, str]]:
    """Of the file: modules by name, by case."""
    cases: dict[str, dict[str, str]] = {}
    for line in (Path(__file__).parent / "joining_cases.txt").read_text(encoding="utf-8").splitlines(keepends=True):
        mark, _, name = line.strip().partition(" ")
        if mark == "===":
            modules = cases[name] = {}
        elif mark == "---":
            current, modules[name] = name, ""
        else:
            modules[current] += line
    return cases


CASES = _cases()


def fewer(modules: dict[str, str]) -> dict[str, str]:
    return reached_only(modules, STARTS, ASKED_FOR)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str, str]]:
    """Of all cases: apart, joined, and joined without what nothing reaches."""
    whole = list(CASES.values())
    sets = whole, [texts_of(modules) for modules in whole], [texts_of(fewer(modules)) for modules in whole]
    ways = [ran(each, tmp_path_factory.mktemp("case")) for each in sets]
    return dict(zip(CASES, zip(*ways, strict=True), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_joined_modules_mean_the_same(case: str, outputs: dict[str, tuple[str, str, str]]) -> None:
    """Names that clash, hide one another or go by others."""
    apart, together, reached_together = outputs[case]

    assert not apart.startswith(("NameError", "AttributeError", "SyntaxError", "TypeError", "ImportError")), apart
    assert together == apart, texts_of(CASES[case])
    assert reached_together == apart, texts_of(fewer(CASES[case]))


def test_modules_made_by_chance_mean_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Joined, and joined without what nothing reaches; each of the generator's sets is told by its seed."""
    sets = [module_set(seed) for seed in SEEDS]
    smaller = [fewer(modules) for modules in sets]

    apart = ran(sets, tmp_path / "apart")
    together = ran([texts_of(modules) for modules in sets], tmp_path / "joined")
    reached_together = ran([texts_of(modules) for modules in smaller], tmp_path / "fewer")

    with capsys.disabled():
        print(f"\n{len(sets)} sets of modules, {sum(map(len, apart))} letters of what they say")
    assert [seed for seed, first, second in zip(SEEDS, apart, together, strict=True) if first != second] == []
    assert [seed for seed, first, second in zip(SEEDS, apart, reached_together, strict=True) if first != second] == []
    assert sum(said.startswith("[") for said in apart) == len(sets)
    assert _letters(smaller) < 0.95 * _letters(sets)


def _letters(sets: list[dict[str, str]]) -> int:
    return sum(len("".join(text.split())) for texts in sets for text in texts.values())


REFUSED = {
    "a module that is handed on": (
        {"a": "import b\nx = b.c.told\ndef run():\n    return x\n", "b": "import c\n", "c": "told = 1\n"},
        "is handed on",
    ),
    "a name that a function sets": (
        {
            "a": "from b import told\ndef run():\n    return told\n",
            "b": "told = 1\ndef up():\n    global told\n    told = 2\n",
        },
        "told of a: b sets it anew",
    ),
    "a class that reads the module's name": (
        {"a": "wide = 1\nclass Box:\n    wide = wide\ndef run():\n    return Box.wide\n"},
        "wide of a is read by a class",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_could_mean_something_else_is_refused(what: str) -> None:
    """Nobody would notice it on a board."""
    modules, sentence = REFUSED[what]

    with pytest.raises(ValueError, match=sentence):
        texts_of(modules)


def test_what_is_loaded_together_becomes_one() -> None:
    """What a function imports leads a module of its own with all that nobody else reaches; what two of those reach lies by itself."""
    modules = {
        "a": "import b\ndef run():\n    import d\n    import g\n",
        "b": "import c\n",
        "c": "import shared\n",
        "d": "import e\nimport f\nimport shared\n",
        "e": "",
        "f": "",
        "g": "import f\n",
        "shared": "",
    }

    members = {name: [source for _, source in each.places] for name, each in joined(modules, STARTS, frozenset()).items()}

    assert members == {"a": ["shared", "c", "b", "a"], "d": ["e", "d"], "f": ["f"], "g": ["g"]}


def test_a_module_that_others_hold_stays_one() -> None:
    """Handed on whole, or with something set in it."""
    whole = joined(CASES["a module handed on whole"], STARTS, frozenset())
    changed = joined(CASES["something set in another module"], STARTS, frozenset())

    assert (set(whole), set(changed)) == ({"a", "b"}, {"a", "b"})


def test_names_that_others_know_stay() -> None:
    """What comes from outside, attributes, arguments given by name here or outside, and what is asked of a module by its long name."""
    modules = {
        "a": "from machine import mem32, Pin as pin\nimport _machine\nimport c\nfrom b import told\nmem = 1\nselect = 3\n"
        "def run(width, at, level):\n    return mem32[4], pin(level=level), _machine.x.mem, told(far=at), width\n",
        "b": "import select\nmem = 2\ndef told(far):\n    return far, mem, select.poll\n",
        "c": "import select\nfound = select.poll\n",
    }

    text = texts_of(modules, frozenset({"width"}))["a"]
    names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    arguments = {node.arg for node in ast.walk(ast.parse(text)) if isinstance(node, ast.arg)}

    assert {"mem32", "pin", "_machine", "told"} <= names
    assert ("from machine import mem32; from machine import Pin as pin" in text, "_machine.x.mem" in text) == (True, True)
    assert text.count("import select\n") == text.count("import select") == 1
    assert {"width", "far", "level"} <= arguments
    assert "at" not in arguments


def test_places_tell_where_each_source_begins() -> None:
    """So that a line of a traceback can be found; of every real module."""
    sources = {name: file_of(name).read_text(encoding="utf-8") for name in reached(tree.STARTS)}

    for leader, each in joined(sources, tree.STARTS, tree.given_by_name()).items():
        lines = each.text.split("\n")
        ends = [line for line, _ in each.places[1:]] + [len(lines) + 1]
        for (begins, name), end in zip(each.places, ends, strict=True):
            assert end - begins == len(sources[name].split("\n")), (leader, name)
        ast.parse(each.text)
