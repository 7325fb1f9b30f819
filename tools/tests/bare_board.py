"""An exported tree on the interpreter, with a pseudo-terminal on its UART: what a bare board has, and nothing more."""

import os
import subprocess
import sys
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.board import carried
from tools.submeter import INTERPRET

HEAP = "120wk"  # as many words as in 120 KiB of the chip, whose words are half as wide


@contextmanager
def started(tree: Path, folder: Path, heap: str = HEAP) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The pseudo-terminal's name, and the interpreter. `folder` keeps what the chip keeps over a reset."""
    near, far = os.openpty()
    tty.setraw(far)
    os.set_blocking(near, False)
    heard, feed = os.pipe()
    chip = folder / "chip"
    if not chip.exists():
        carried.put_bare_chip_into(chip)
    rtc = folder / "rtc"
    rtc.touch()
    words = [sys.executable, "-c", INTERPRET, "-X", f"heapsize={heap}", *carried.bare_words(near, feed, rtc)]
    with (folder / "said").open("ab") as said:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, pass_fds=(near, feed), cwd=tree,
            env={"MICROPYPATH": carried.path(chip, tree), "PATH": os.environ["PATH"]},
        )  # fmt: skip
    try:
        with process:
            yield os.ttyname(far), process
            process.kill()
    finally:
        process.kill()
        for descriptor in (near, far, heard, feed):
            os.close(descriptor)
