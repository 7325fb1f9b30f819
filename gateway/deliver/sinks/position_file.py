"""How far another system has got, per kind: one small file in the data folder. Losing it loses nothing but the place."""

import json
import logging
from pathlib import Path

from gateway.private_file import write_private

log = logging.getLogger(__name__)


class PositionFile:
    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / f"forward-{name}.json"
        self._saved: dict[str, int] | None = None

    def load(self) -> dict[str, int]:
        """Empty at the first start."""
        try:
            found = json.loads(self._path.read_bytes())
            self._saved = {str(kind): int(position) for kind, position in found.items()}
        except FileNotFoundError:
            self._saved = {}
        except (OSError, ValueError, AttributeError, TypeError):
            log.warning("%s cannot be read; forwarding begins with what comes from now on", self._path)
            self._saved = {}
        return dict(self._saved)

    def save(self, positions: dict[str, int]) -> None:
        if positions != self._saved:
            write_private(self._path, json.dumps(positions).encode())
            self._saved = dict(positions)
