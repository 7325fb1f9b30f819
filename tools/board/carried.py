"""What lies on the simulated chip: a board's file system, compiled for this machine, and beside it the modules that stand for the chip.

The firmware and those modules are slimmed together, so that what they ask of one another is there.
"""

import ast
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tools.flashing import tree
from tools.flashing.chips import PC
from tools.flashing.modules import ROOMS, ROOT

_START, _BARE = "tools.board.start", "tools.board.bare"
# The chip's own modules, by the names the firmware asks for: they stand first on the interpreter's path.
_BUILT_IN = "tools/board/built_in"
_CHIP = ("tools.board.built_in.machine", "tools.board.built_in.esp32")
_RADIO = ("tools.board.built_in.network", "tools.board.built_in.select")


def compile_ahead() -> None:
    """Seconds where nothing is kept from before: whoever waits for a submeter can be told so, and none starts late."""
    application()
    tree.library(PC)


def lay_out(board: Path) -> None:
    """As the factory does. A tree that is there already stays as it is: it may have been updated since."""
    if not (board / tree.STARTING_FILE).exists():
        recovery = {path: content for path, content in tree.library(PC).items() if path.startswith(tree.FOLDERS[1])}
        slot = {f"{tree.FOLDERS[0]}/{path}": content for path, content in application().items()}
        tree.write(slot | recovery | tree.root_files(), board)


def application(changed: Mapping[str, str] | None = None) -> dict[str, bytes]:
    """What fills a slot, by path; `changed` are texts by dotted name."""
    return {path: content for path, content in _files(changed).items() if path.split("/")[0] in ROOMS}


def put_chip_into(folder: Path, *, radio: bool) -> None:
    """`radio`: with a network that may go away. Without it the interpreter's own modules do."""
    left_out = set() if radio else {f"{name.replace('.', '/')}.mpy" for name in _RADIO}
    tree.write({path: content for path, content in _files(None).items() if path.startswith("tools/") and path not in left_out}, folder)


def put_bare_chip_into(folder: Path) -> None:
    """For a tree that was exported, whoever did: only what stands for the chip."""
    tree.write(tree.modules(PC, (_BARE, *_CHIP), _asked_by_firmware(), ("tools",)), folder)


def path(chip: Path, board: Path) -> str:
    """The interpreter's path (its MICROPYPATH), from the board's folder, in which it runs."""
    near = os.path.relpath(chip, board)
    return f"{near}/{_BUILT_IN}:{near}:.frozen"


def start_words(configuration: str) -> list[str]:
    return ["-m", _START, configuration]


def bare_words(*words: object) -> list[str]:
    return ["-m", _BARE, *map(str, words)]


def _files(changed: Mapping[str, str] | None) -> dict[str, bytes]:
    return tree.modules(PC, (_START, *tree.STARTS, *_CHIP, *_RADIO), tree.ASKED_FOR, (*ROOMS, "tools"), changed)


@cache
def _asked_by_firmware() -> frozenset[str]:
    """Any name that stands behind a dot somewhere; the chip's own names are among them."""
    texts = [path.read_text(encoding="utf-8") for path in ROOT.joinpath("firmware").rglob("*.py")]
    return frozenset(node.attr for text in texts for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute))
