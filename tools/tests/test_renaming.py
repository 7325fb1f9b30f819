"""Short names for a board: the modules mean the same, and what others know by a name keeps it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tools.flashing import tree
from tools.flashing.modules import ROOT, file_of, reached
from tools.flashing.renaming import renamed
from tools.flashing.slimming import slimmed

OUTSIDE = frozenset({"run"})
ASK = """
import sys
from protocols import responder
class Registers:
    def read(self, function, address, count):
        return None if address + count > 50 else [7 * address + place for place in range(count)]
    def write(self, address, words):
        return 0 if address < 50 else 2
for line in sys.stdin:
    print(responder.answer(bytes.fromhex(line), Registers(), (b"maker", b"code", b"1")).hex())
"""
QUESTIONS = (
    "03 0000 0005",
    "04 0010 007d",
    "03 0000 007e",
    "06 0001 0203",
    "06 0040 0001",
    "10 0001 0002 04 00010002",
    "2b 0e 01 00",
    "63",
    "",
)


def short(**texts: str) -> dict[str, str]:
    return renamed(texts, OUTSIDE)


def ran(texts: dict[str, str], folder: Path) -> str:
    """What `a.run()` gives, in a process that sees these modules only."""
    folder.mkdir()
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    words = [sys.executable, "-c", "import a; print(a.run())"]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True).stdout


COUNTER = """
class Counter:
    def __init__(self, first):
        self.value = first
    def step(self, width):
        self.value += width
        return self.value
def run():
    return Counter(3).step(4)
"""
PAIR = """
from collections import namedtuple
Pair = namedtuple("Pair", ("left_hand", "right_hand"))
def run():
    pair = Pair(left_hand=1, right_hand=2)
    return pair.left_hand, pair.right_hand
"""
CHILD = """
from b import Base
class Child(Base):
    def __init__(self):
        super().__init__()
        self._mine = 2
    def told(self):
        return self.shown(), self._mine
def run():
    return Child().told()
"""
BASE = """
class Base:
    def __init__(self):
        self._theirs = 1
    def shown(self):
        return self._theirs
"""
INNER = """
total = 0
def run():
    count = 0
    def add(more):
        global total
        nonlocal count
        total += more
        count += 1
    add(4)
    return total, count
"""
FORMATTED = """
amount = [5]
class Told:
    def __init__(self, volume):
        self.volume = volume
    def text(self):
        return f"{amount[0]:03} {self.volume!r}"
def run():
    return Told(7).text()
"""
BUILT_IN = "def least(max):\n    return max - 1\ndef run():\n    return least(max(3, 4))\n"
WRONG = """
class WrongError(Exception):
    pass
def run():
    try:
        raise WrongError(1)
    except WrongError as wrong:
        return type(wrong).__name__, wrong.args
"""
TWO = "from b import doubled\nimport b\ndef run():\n    return doubled(2) + b.doubled(3)\n"
MEANT = {
    "of its own, an argument and an attribute": {"a": COUNTER},
    "of another module": {"a": TWO, "b": "def doubled(what):\n    return 2 * what\n"},
    "in an f-string": {"a": FORMATTED},
    "that is built in, too": {"a": BUILT_IN},
    "of a namedtuple": {"a": PAIR},
    "that is inherited": {"a": CHILD, "b": BASE},
    "as a keyword": {"a": "def sized(*, width, height=2):\n    return width * height\ndef run():\n    return sized(width=3)\n"},
    "in an inner function": {"a": INNER},
    "behind letters of more bytes": {"a": "def run():\n    value = 3\n    return ('\u00e4\u20ac', value, [value for value in (1, 2)])\n"},
    "of an exception": {"a": WRONG},
}


@pytest.mark.parametrize("where", MEANT)
def test_the_modules_mean_the_same(where: str, tmp_path: Path) -> None:
    """A name may stand anywhere."""
    texts = MEANT[where]

    assert ran(short(**texts), tmp_path / "short") == ran(texts, tmp_path / "long")


def test_the_real_server_answers_the_same(tmp_path: Path) -> None:
    """`responder` and all it needs, slimmed and renamed as for a board."""
    sources = {name: file_of(name).read_text(encoding="utf-8") for name in reached(("protocols.responder",))}
    asked_for = frozenset({"answer", "read", "write"})
    for name, text in renamed(slimmed(sources, asked_for), asked_for | tree.known_outside()).items():
        path = tmp_path / file_of(name).relative_to(ROOT)
        path.parent.mkdir(parents=True, exist_ok=True)
        # MicroPython passes annotations over.
        path.write_text("from __future__ import annotations\n" + text, encoding="utf-8")

    def asked(folder: Path) -> list[str]:
        words = [sys.executable, "-c", ASK]
        return subprocess.run(
            words, cwd=folder, input="\n".join(QUESTIONS), env={}, capture_output=True, text=True, check=True
        ).stdout.split()

    answers = asked(tmp_path)
    assert answers == asked(ROOT)
    assert len(set(answers)) > 6


def test_names_that_others_know_stay() -> None:
    """What is asked for from outside, classes that a log names, keywords, and what the interpreter's own objects answer to."""
    text = (
        "class MeterError(Exception):\n    def run(self, append):\n        self.inner = append\n        return self.inner\n"
        "class Plain:\n    pass\nkept = dict(colour=1, plain=Plain)\n"
    )

    left = {node.id for node in ast.walk(ast.parse(short(a=text)["a"])) if isinstance(node, ast.Name)}
    names = short(a=text)["a"]

    assert ("class MeterError(" in names, "class Plain" in names) == (True, False)
    assert ("def run(" in names, ", append)" in names) == (True, True)
    assert "colour=1" in names
    assert "inner" not in names
    assert "kept" not in left


def test_modules_use_the_same_short_names_for_their_own() -> None:
    """So there are few different ones; what two modules share is called the same in both."""
    texts = short(
        a="from b import shared\nlonely = [1]\ndef run():\n    return shared(lonely)\n",
        b="alone = [2]\ndef shared(what):\n    return what + alone\n",
    )

    def stored(text: str) -> set[str]:
        return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}

    assert stored(texts["a"]) == stored(texts["b"])
    assert all("shared" not in text and "alone" not in text for text in texts.values())


def test_lines_stay_where_they_are() -> None:
    """A traceback from the board names the line of the source; of every real module."""
    sources = {name: file_of(name).read_text(encoding="utf-8") for name in reached(tree.STARTS)}
    short_ones = renamed(slimmed(sources, tree.ASKED_FOR), tree.known_outside() | tree.ASKED_FOR)

    for name, text in short_ones.items():
        ast.parse(text)
        assert text.count("\n") == sources[name].count("\n")
    assert sum(map(len, short_ones.values())) < 0.8 * sum(map(len, sources.values()))
