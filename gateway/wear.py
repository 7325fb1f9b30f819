"""How much this process writes to the card, as the kernel counts it; knows no table and no card."""

import shutil
from pathlib import Path

from gateway.status import WearStatus

# proc(5): bytes that this process caused to be sent to the storage, write-ahead log and journal of the file system's data included.
COUNTED = Path("/proc/self/io")
_ROW = "write_bytes: "


class Wear:
    def __init__(self, folder: Path, now_ms: int, counted: Path = COUNTED) -> None:
        self._folder, self._counted, self._since_ms = folder, counted, now_ms
        self._before = written_bytes(counted)

    def status(self) -> WearStatus | None:
        written = written_bytes(self._counted)
        if written is None or self._before is None:
            return None
        return WearStatus(written - self._before, self._since_ms, shutil.disk_usage(self._folder).total)


def written_bytes(counted: Path = COUNTED) -> int | None:
    """By this process, since it began; None where the system does not say."""
    try:
        rows = counted.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(row.removeprefix(_ROW)) for row in rows if row.startswith(_ROW)), None)
