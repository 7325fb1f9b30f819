"""The style guide as a test: what a machine can see of it. Knows files as text and syntax trees, runs nothing of them.

Lengths are a ratchet: `LONGER` names what is over the limit today and may only shrink.
"""

import ast
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 60
# Path -> lines (a file) or path::name -> lines (a function): the ratchet. Shrink or delete entries, never add.
LONGER: dict[str, int] = {}
# Written so that this file does not find itself.
LEFTOVERS = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r"\b")
ORGANISED = re.compile(
    r"\b(" + "|".join(("issue #?" + r"\d+", "sprint", "milestone", "as " + "requested", "co-" + "authored")) + r")\b", re.IGNORECASE
)
# Facts cite where they come from, also threads of other projects by their number.
CITING = {"protocols/tests/vectors.py", "tools/tidy.py"}
TEXTS = {".py", ".toml", ".md", ".html", ".css", ".js", ".txt", ".csv"}
# The usual files of the root; anything else there is a status report or a stray.
ROOT_FILES = {
    ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "constraints.txt", "pyproject.toml",
}  # fmt: skip
ROOT_FOLDERS = {".ci", "docs", "firmware", "gateway", "hil_tests", "protocols", "tools"}
# Started by name, not imported.
STARTED = {
    "tools/command.py", "tools/start.py", "tools/checks.py", "tools/factory/process.py", "tools/factory/protocol_virtual.py",
    "tools/board/built_in/network.py", "tools/board/built_in/select.py",
    "tools/bench/update_trial.py", "tools/tests/full_flash_on_micropython.py", "firmware/recovery.py",
    "tools/board/bare.py", "tools/board/start.py", "tools/board/built_in/esp32.py", "tools/board/built_in/machine.py",
}  # fmt: skip


def tracked() -> list[Path]:
    """Files of the project: tracked, or new and not ignored."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return sorted(path for name in names.splitlines() if (path := ROOT / name).is_file())


def sources() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py"]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_test(path: Path) -> bool:
    return "tests" in path.parts or "hil_tests" in path.parts


def long_files() -> Iterator[str]:
    for path in sources():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        limit = LONGER.get(name(path), FILE_LINES_MAX)
        if not is_test(path) and lines > limit:
            yield f"{name(path)} has {lines} lines, the limit is {limit}: it probably holds two nouns"


def long_functions() -> Iterator[str]:
    for path in sources():
        for function in functions(path):
            lines = (function.end_lineno or function.lineno) - function.lineno + 1 - docstring_lines(function)
            limit = LONGER.get(f"{name(path)}::{function.name}", FUNCTION_LINES_MAX)
            if lines > limit:
                yield f"{name(path)}:{function.lineno} {function.name} has {lines} lines, the limit is {limit}"


def stale_ratchet() -> Iterator[str]:
    """An entry that is no longer needed must go, or the ratchet would let it grow back."""
    known = {name(path) for path in sources()}
    for entry in LONGER:
        if entry.partition("::")[0] not in known:
            yield f"the ratchet names {entry}, which does not exist"


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def docstring_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    if ast.get_docstring(function) is None:
        return 0
    first = function.body[0]
    return (first.end_lineno or first.lineno) - first.lineno + 1


def headless_files() -> Iterator[str]:
    """The first lines of a file say what may live there."""
    for path in sources():
        text = path.read_text(encoding="utf-8")
        if text.strip() and ast.get_docstring(ast.parse(text)) is None:
            yield f"{name(path)} does not begin with what may live there"


def repeated_docstrings() -> Iterator[str]:
    firsts: Counter[str] = Counter()
    for path in sources():
        for function in functions(path):
            first = (ast.get_docstring(function) or "").partition("\n")[0]
            if first and not is_test(path):
                firsts[first] += 1
    yield from (
        f"the docstring {first!r} stands {count} times: it says what anybody could guess" for first, count in firsts.items() if count > 1
    )


def silent_tests() -> Iterator[str]:
    for path in sources():
        if path.name.startswith("test_"):
            for function in functions(path):
                if function.name.startswith("test_") and ast.get_docstring(function) is None:
                    yield f"{name(path)}:{function.lineno} {function.name} does not say which behaviour it holds"


def leftovers() -> Iterator[str]:
    for path in tracked():
        if path.suffix in TEXTS and name(path) not in CITING:
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                for pattern in (LEFTOVERS, ORGANISED):
                    if pattern.search(line):
                        yield f"{name(path)}:{number} has a word that does not belong here: {line.strip()[:80]}"


def dead_files() -> Iterator[str]:
    """Modules that nothing imports and nobody starts."""
    imported = {module for path in sources() for module in imports(path)}
    for path in sources():
        module = name(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        runs = name(path) in STARTED or path.name == "conftest.py" or "__main__" in path.read_text(encoding="utf-8")
        if not (module in imported or is_test(path) or runs or path.name == "__init__.py"):
            yield f"{name(path)} is imported by nothing"


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def strays() -> Iterator[str]:
    for path in tracked():
        first = path.relative_to(ROOT).parts[0]
        if len(path.relative_to(ROOT).parts) == 1 and first not in ROOT_FILES:
            yield f"{first} does not belong into the root"
        elif len(path.relative_to(ROOT).parts) > 1 and first not in ROOT_FOLDERS:
            yield f"the folder {first} does not belong into the root"


def meter_files_with_code() -> Iterator[str]:
    """Meter files hold rows and their source, nothing that is walked or computed."""
    for path in tracked():
        if "meters" in path.parts and path.suffix == ".toml":
            text = path.read_text(encoding="utf-8")
            document = tomllib.loads(text)
            if not document.get("sources"):
                yield f"{name(path)} names no source"
            if re.search(r"\{\{|\{%|\blambda\b|\bdef \b", text):
                yield f"{name(path)} holds code"


RULES = (
    long_files, long_functions, stale_ratchet, headless_files, repeated_docstrings, silent_tests,
    leftovers, dead_files, strays, meter_files_with_code,
)  # fmt: skip
