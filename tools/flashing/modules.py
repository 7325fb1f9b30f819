"""Which modules a board needs: all that can be reached by imports from the ones it starts with."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("firmware", "protocols")
RECOVERY = "firmware.recovery"  # reached by nothing: `boot` starts it from a folder of its own


def reached(starts: tuple[str, ...], root: Path = ROOT, rooms: tuple[str, ...] = ROOMS) -> list[str]:
    """Dotted names, sorted; a package stands for its `__init__`."""
    found: set[str] = set()
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        parts = name.split(".")
        waiting += [".".join(parts[:length]) for length in range(1, len(parts))]
        waiting += [each for each in _imports(file_of(name, root)) if _is_ours(each, root, rooms)]
    return sorted(found)


def _is_ours(name: str, root: Path, rooms: tuple[str, ...]) -> bool:
    return name.split(".", maxsplit=1)[0] in rooms and name != RECOVERY and file_of(name, root).exists()


def file_of(name: str, root: Path = ROOT) -> Path:
    path = root.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _imports(path: Path) -> list[str]:
    names: list[str] = []
    for node in _at_run_time(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


def _at_run_time(node: ast.AST) -> list[ast.AST]:
    """All statements but those only a type checker looks at."""
    found = [node]
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return [each for child in node.orelse for each in _at_run_time(child)]
    for child in ast.iter_child_nodes(node):
        found += _at_run_time(child)
    return found
