"""The file tree of a board: what starts it in the root, the firmware compiled in its first slot, recovery, its configuration."""

import ast
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from firmware import boot, configuring
from tools.flashing.chips import Chip
from tools.flashing.compiled import FlashError, compiled, compiler
from tools.flashing.joining import joined
from tools.flashing.kept import kept
from tools.flashing.modules import RECOVERY, ROOMS, ROOT, file_of, reached
from tools.flashing.reaching import reached_only
from tools.flashing.renaming import renamed
from tools.flashing.scopes import names_of
from tools.flashing.slimming import looked_at, slimmed

# What MicroPython runs by itself after a start; the one that starts the meter is written last, so that no half written one starts.
BOOT_FILE, STARTING_FILE = "boot.py", "main.py"
STARTS, ASKED_FOR = ("firmware.main",), frozenset({"run"})  # by the files of the root
CONFIGURATION, COPY = configuring.FILE, configuring.COPY  # the copy is for the day when the other cannot be read
FOLDERS = (boot.SLOTS[0], boot.RECOVERY)
_TOOLS = "tools/flashing"  # what makes the tree is part of what it is made from


def library(chip: Chip) -> dict[str, bytes]:
    """The compiled modules by their path on the board: the first slot, and what starts where no slot does."""
    return _in_folder(FOLDERS[0], modules(chip, STARTS, ASKED_FOR)) | _in_folder(FOLDERS[1], modules(chip, (RECOVERY,), ASKED_FOR))


def root_files() -> dict[str, bytes]:
    """In the order in which they are to be written."""
    starting = f"from {STARTS[0]} import run\n\nrun()\n"
    return {BOOT_FILE: _boot_text().encode(), STARTING_FILE: starting.encode()}


def _boot_text() -> str:
    """A source, as the chip starts it so; its names take memory as long as the meter runs, so it is slimmed, too."""
    name, begins = "boot", "begin"
    text = slimmed({name: file_of("firmware.boot").read_text(encoding="utf-8")}, frozenset({begins}))[name]
    lines = [line for line in renamed({name: text}, known_outside() | {begins})[name].split("\n") if line.strip()]
    return "\n".join([*lines, f"{begins}()"]) + "\n"


def modules(
    chip: Chip, starts: tuple[str, ...], asked_for: frozenset[str], rooms: tuple[str, ...] = ROOMS, changed: Mapping[str, str] | None = None
) -> dict[str, bytes]:
    """All that the starting modules reach, slimmed together and compiled, by path; `changed` are texts by dotted name."""
    sources = [path.read_text(encoding="utf-8") for room in (*rooms, _TOOLS) for path in sorted(ROOT.joinpath(room).rglob("*.py"))]
    compiler_says = Path(compiler()).stat()
    changes = sorted((changed or {}).items())
    made_from = (str(chip), *starts, *sorted(asked_for), *sources, str(changes), f"{compiler_says.st_size} {compiler_says.st_mtime_ns}")
    try:
        return kept(made_from, lambda: _made(chip, starts, asked_for, rooms, dict(changes)))
    finally:
        looked_at.cache_clear()
        names_of.cache_clear()


def _made(
    chip: Chip, starts: tuple[str, ...], asked_for: frozenset[str], rooms: tuple[str, ...], changed: dict[str, str]
) -> dict[str, bytes]:
    sources = {name: changed.get(name) or file_of(name).read_text(encoding="utf-8") for name in reached(starts, rooms=rooms)}
    paths = {name: file_of(name).relative_to(ROOT).with_suffix(".mpy").as_posix() for name in sources}
    kept_names = known_outside() | asked_for
    texts = renamed(_slimmed(sources, starts, asked_for), kept_names)
    files = {name: each.text for name, each in joined(texts, starts, given_by_name()).items() if _does_something(each.text)}
    return {paths[name]: compiled(text, name.rpartition(".")[2], chip) for name, text in files.items()}


def _slimmed(sources: dict[str, str], starts: tuple[str, ...], asked_for: frozenset[str]) -> dict[str, str]:
    """What one of the two leaves out may be all that the other kept something for."""
    texts = slimmed(sources, asked_for)
    while (fewer := slimmed(reached_only(texts, starts, asked_for), asked_for)) != texts:
        texts = fewer
    return texts


def _does_something(text: str) -> bool:
    """A package of nothing but its head needs no file on a board: its folder is enough."""
    return any(not isinstance(node, ast.Expr) for node in ast.parse(text).body)


@cache
def known_outside() -> frozenset[str]:
    """Names that a chip's own modules may have, or the bench asks for: what the simulated board has and asks, and what `board` asks."""
    ours = _nodes(_asking())
    bench = _nodes(list(ROOT.joinpath("tools/board").rglob("*.py")))
    nodes = bench + ours
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    imported = {alias.name for node in bench if isinstance(node, ast.ImportFrom) for alias in node.names}
    found = attributes | given_by_name() | imported | _functions()
    return frozenset(name for name in found if not name.startswith("_") or name.startswith("__"))  # nobody asks another for those


def _functions() -> set[str]:
    """Of the simulated board; nobody asks for those of what starts it."""
    paths = [path for path in ROOT.joinpath("tools/board").rglob("*.py") if path.name != "start.py"]
    return {node.name for node in _nodes(paths) if isinstance(node, ast.FunctionDef)}


@cache
def given_by_name() -> frozenset[str]:
    """Arguments that the simulated board, or what asks a chip, gives by name."""
    paths = [*ROOT.joinpath("tools/board").rglob("*.py"), *_asking()]
    return frozenset(node.arg for node in _nodes(paths) if isinstance(node, ast.keyword) and node.arg)


def _asking() -> list[Path]:
    return [file_of("firmware.board"), file_of("firmware.boot"), file_of("firmware.radio"), *ROOT.joinpath("firmware/wiring").glob("*.py")]


def _nodes(paths: list[Path]) -> list[ast.AST]:
    return [node for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]


def _in_folder(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{path}": content for path, content in files.items()}


def tree(chip: Chip, configuration: dict[str, Any]) -> dict[str, bytes]:
    """Every file in the order in which it is to be written."""
    document = (json.dumps(configuration, indent=2) + "\n").encode()
    return library(chip) | {COPY: document, CONFIGURATION: document} | root_files()


def write(files: dict[str, bytes], folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise FlashError(f"{folder} is a file; name a folder that is empty or does not exist yet.")
    if folder.is_dir() and any(folder.iterdir()):
        raise FlashError(f"{folder} is not empty, and what lies there could end up on the board. Name an empty or a new folder.")
    for name, content in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise FlashError(f"{path} cannot be written: {error.strerror}.") from error
