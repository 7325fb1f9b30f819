"""Everything that must be green, in one go: style, types, import contracts, tests.

`python tools/checks.py` runs all; further words go to pytest. What each part took is printed at its end.
"""

import subprocess
import sys
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


def main(words: list[str]) -> int:
    failed = []
    for name, part in PARTS.items():
        if not _part(name, [sys.executable, *_module(part)]):
            failed.append(name)
    if not _part("tests", [sys.executable, "-m", "pytest", *words]):
        failed.append("tests")
    print(f"failed: {', '.join(failed)}" if failed else "all green")
    return 1 if failed else 0


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
