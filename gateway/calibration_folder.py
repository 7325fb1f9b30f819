"""What was calibrated, accepted and put back: one JSON file each in the data folder, numbered. A record never changes."""

import json
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.private_file import write_private

FOLDER = "calibrations"
_NUMBERED = re.compile(r"\d{4,}")


class CalibrationFolder:
    def __init__(self, data_folder: Path) -> None:
        self._folder = data_folder / FOLDER
        self._lock = threading.Lock()

    def keep(self, document: Mapping[str, Any]) -> None:
        with self._lock:
            number = max((int(path.stem) for path in self._paths()), default=0) + 1
            text = json.dumps({"number": number, **document}, ensure_ascii=False, indent=1)
            write_private(self._folder / f"{number:04}.json", f"{text}\n".encode())

    def records(self) -> list[dict[str, Any]]:
        """The last one first."""
        found = [json.loads(path.read_text(encoding="utf-8")) for path in self._paths()]
        return sorted(found, key=lambda each: -int(each["number"]))

    def _paths(self) -> list[Path]:
        return [path for path in self._folder.glob("*.json") if _NUMBERED.fullmatch(path.stem)]
