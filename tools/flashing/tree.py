"""The file tree of a board: what starts it in the root, the firmware compiled in its first slot, recovery, its configuration."""

import ast
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from firmware import boot
from tools.flashing.chips import Chip
from tools.flashing.compiled import FlashError, compiled, compiler
from tools.flashing.kept import kept
from tools.flashing.modules import RECOVERY, ROOMS, ROOT, file_of, reached
from tools.flashing.renaming import renamed
from tools.flashing.slimming import slimmed

# What MicroPython runs by itself after a start; the one that starts the meter is written last, so that no half written one starts.
BOOT_FILE, STARTING_FILE = "boot.py", "main.py"
STARTS, ASKED_FOR = ("firmware.main",), frozenset({"run"})  # by the files of the root
CONFIGURATION = "configuration.json"
FOLDERS = (boot.SLOTS[0], boot.RECOVERY)
_TOOLS = "tools/flashing"  # what makes the tree is part of what it is made from


def library(chip: Chip) -> dict[str, bytes]:
    """The compiled modules by their path on the board: the first slot, and what starts where no slot does."""
    return _in_folder(FOLDERS[0], modules(chip, STARTS, ASKED_FOR)) | _in_folder(FOLDERS[1], modules(chip, (RECOVERY,), ASKED_FOR))


def root_files() -> dict[str, bytes]:
    """In the order in which they are to be written."""
    starting = f"from {STARTS[0]} import run\n\nrun()\n"
    return {BOOT_FILE: file_of("firmware.boot").read_bytes(), STARTING_FILE: starting.encode()}


def modules(
    chip: Chip, starts: tuple[str, ...], asked_for: frozenset[str], rooms: tuple[str, ...] = ROOMS, changed: Mapping[str, str] | None = None
) -> dict[str, bytes]:
    """All that the starting modules reach, slimmed together and compiled, by path; `changed` are texts by dotted name."""
    sources = [path.read_text(encoding="utf-8") for room in (*rooms, _TOOLS) for path in sorted(ROOT.joinpath(room).rglob("*.py"))]
    compiler_says = Path(compiler()).stat()
    changes = sorted((changed or {}).items())
    made_from = (str(chip), *starts, *sorted(asked_for), *sources, str(changes), f"{compiler_says.st_size} {compiler_says.st_mtime_ns}")
    return kept(made_from, lambda: _made(chip, starts, asked_for, rooms, dict(changes)))


def _made(
    chip: Chip, starts: tuple[str, ...], asked_for: frozenset[str], rooms: tuple[str, ...], changed: dict[str, str]
) -> dict[str, bytes]:
    sources = {name: changed.get(name) or file_of(name).read_text(encoding="utf-8") for name in reached(starts, rooms=rooms)}
    paths = {name: file_of(name).relative_to(ROOT).with_suffix(".mpy").as_posix() for name in sources}
    texts = renamed(slimmed(sources, asked_for), known_outside() | asked_for)
    return {paths[name]: compiled(text, paths[name], chip) for name, text in texts.items()}


@cache
def known_outside() -> frozenset[str]:
    """Names that a chip's own modules may have, or the bench asks for: what the simulated board has and asks, and what `board` asks."""
    ours = [file_of(f"firmware.{name}") for name in ("board", "front_end_wiring", "boot")]
    paths = [*ROOT.joinpath("tools/board").rglob("*.py"), *ours]
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    words = {node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg}
    imported = {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    return frozenset(attributes | words | imported | {node.name for node in nodes if isinstance(node, ast.FunctionDef)})


def _in_folder(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{path}": content for path, content in files.items()}


def tree(chip: Chip, configuration: dict[str, Any]) -> dict[str, bytes]:
    """Every file in the order in which it is to be written."""
    return library(chip) | {CONFIGURATION: (json.dumps(configuration, indent=2) + "\n").encode()} | root_files()


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
