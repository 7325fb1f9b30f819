"""Everything that must be green, in one go: style, types, import contracts, tests.

`python tools/checks.py` runs all, the tests in two halves side by side; with further words one pytest gets them.
What each part took is printed at its end.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
PARTS = {
    "style": ["ruff", "check"],
    "format": ["ruff", "format", "--check"],
    "types": ["mypy"],
    "firmware types": ["tools.firmware_types"],
    "imports": ["importlinter.cli"],
}
# They take about as long. Much of both is waiting for real ports and real time, so two cores serve them well.
HALVES = {"tests of the rooms and the chain": ("protocols", "gateway", "firmware", "hil_tests"), "tests of the tools": ("tools",)}


def main(words: list[str]) -> int:
    failed = []
    for name, part in PARTS.items():
        if not _part(name, [sys.executable, *_module(part)]):
            failed.append(name)
    failed += _halves() if not words else [] if _part("tests", [*_PYTEST, *words]) else ["tests"]
    print(f"failed: {', '.join(failed)}" if failed else "all green")
    return 1 if failed else 0


_PYTEST = [sys.executable, "-m", "pytest"]


def _halves() -> list[str]:
    """The names of those that failed. The first is seen while it runs, what the second said when it has ended."""
    (first, folders), (second, others) = HALVES.items()
    began = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        process = subprocess.Popen([*_PYTEST, *others], cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)
        failed = [] if _part(first, [*_PYTEST, *folders]) else [first]
        status = process.wait()
        said.seek(0)
        print(f"--- {second}\n{said.read()}", flush=True)
    print(f"--- {second}: {'green' if status == 0 else f'failed (status {status})'} in {time.monotonic() - began:.0f} s", flush=True)
    return failed if status == 0 else [*failed, second]


def _module(part: list[str]) -> list[str]:
    if part == ["importlinter.cli"]:
        return ["-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    return ["-m", *part]


def _part(name: str, words: list[str]) -> bool:
    print(f"--- {name}", flush=True)
    began = time.monotonic()
    status = subprocess.call(words, cwd=ROOT)
    print(f"--- {name}: {'green' if status == 0 else f'failed (status {status})'} in {time.monotonic() - began:.0f} s", flush=True)
    return status == 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
