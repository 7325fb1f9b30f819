"""The newest sealed batch, noted in a small file beside the store: a cut-off end, or an older copy of the store
put in its place, is seen without a hub.

What is noted is on the disk already (a commit that returned stays), so a power cut never makes the note run ahead.
Somebody who changes the file too is found only by a head noted elsewhere.
"""

import contextlib
import re
from pathlib import Path

FILE = "chain-head"
# A running gateway seals every few seconds; one small write an hour costs a card nothing, and an hour is what a cut could still hide.
INTERVAL_MS = 3_600_000
_NOTE = re.compile(r"(\d{1,18}):([0-9a-f]{64})\n?")


def noted(folder: Path) -> tuple[int, str] | None:
    """Number and hash; None where nothing is noted, or nothing that can be read."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        found = _NOTE.fullmatch((folder / FILE).read_text(encoding="ascii"))
        if found is not None:
            return int(found[1]), found[2]
    return None


def note(folder: Path, number: int, digest: str) -> None:
    """Where the disk takes nothing the older note stays: it is true as well."""
    with contextlib.suppress(OSError):
        fresh = folder / f"{FILE}.new"
        fresh.write_text(f"{number}:{digest}\n", encoding="ascii")
        fresh.replace(folder / FILE)
