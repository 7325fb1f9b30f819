"""What old meters showed when they were taken out, kept until the new one is in: a phone may be off in between."""

import json
import threading
from dataclasses import dataclass, field
from pathlib import Path

from gateway.commission_interface import Taken
from gateway.private_file import write_private

FILE = "exchanges.json"


@dataclass(frozen=True)
class ExchangeNotes:
    folder: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def taken(self, meter: str) -> Taken | None:
        return self._all().get(meter)

    def note(self, meter: str, taken: Taken | None) -> None:
        """None forgets it."""
        with self._lock:
            notes = self._all()
            notes.pop(meter, None)
            if taken is not None:
                notes[meter] = taken
            content = {name: each._asdict() for name, each in notes.items()}
            write_private(self.folder / FILE, json.dumps(content, ensure_ascii=False, indent=1).encode())

    def _all(self) -> dict[str, Taken]:
        try:
            return {name: Taken(**each) for name, each in json.loads((self.folder / FILE).read_bytes()).items()}
        except FileNotFoundError:
            return {}
