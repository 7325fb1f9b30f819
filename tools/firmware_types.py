"""Checks the firmware's types against the chip's own modules: `python -m tools.firmware_types`, a part of the test command.

The stubs stand in the extra `firmware-types` of pyproject.toml. They are installed into a folder of their own, since in a
shared one they shadow `socket`, `time` and `requests`; what is wrong inside them is not counted.
"""

import subprocess
import sys
import tomllib

from tools.flashing.modules import ROOT, file_of, reached
from tools.flashing.tree import STARTS

FOLDER = ROOT / ".venv" / "firmware-types"  # git ignores it
EXTRA = "firmware-types"
INSTALL_S_MAX = 300
_SETTINGS = """[mypy]
strict = True
python_version = 3.11
custom_typeshed_dir = {folder}
mypy_path = {folder}
explicit_package_bases = True
[mypy-firmware.metrology.kernels]
disallow_untyped_decorators = False
disable_error_code = return
"""


def main() -> int:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"][EXTRA]
    sentence = _install(wanted)
    if sentence:
        print(f"skipped: {sentence}")
        return 0
    settings = FOLDER / "mypy.ini"
    settings.write_text(_SETTINGS.format(folder=FOLDER), encoding="utf-8")
    files = [str(file_of(name).relative_to(ROOT)) for name in reached(STARTS)]
    words = [sys.executable, "-m", "mypy", "--config-file", str(settings), "--cache-dir", str(FOLDER / "cache"), *files]
    run = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode not in (0, 1):
        print(run.stdout + run.stderr)
        return run.returncode
    ours = [line for line in run.stdout.splitlines() if line.startswith(("firmware/", "protocols/"))]
    mistakes = [line for line in ours if ": error:" in line]
    print("\n".join([*ours, f"{len(mistakes)} mistakes in {len(files)} files of the firmware, against {wanted[0]}"]))
    return 1 if mistakes else 0


def _install(wanted: list[str]) -> str:
    """Why it cannot be; nothing if the stubs are there."""
    done = FOLDER / "installed"
    if done.exists() and done.read_text(encoding="utf-8").split() == wanted:
        return ""
    FOLDER.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(FOLDER), *wanted]
    try:
        run = subprocess.run(words, capture_output=True, text=True, timeout=INSTALL_S_MAX, check=False)
    except subprocess.TimeoutExpired:
        return f"{wanted[0]} could not be installed within {INSTALL_S_MAX} s; is there a package index within reach?"
    if run.returncode:
        return f"{wanted[0]} cannot be installed here: {(run.stderr.strip().splitlines() or ['pip says nothing'])[-1]}"
    done.write_text("\n".join(wanted), encoding="utf-8")
    return ""


if __name__ == "__main__":
    raise SystemExit(main())
