"""The acceptance sheets of a site: one JSON file each in the data folder, named by time and meter. A sheet never changes."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.commissioning.acceptance import digest
from gateway.private_file import write_private

FOLDER = "acceptance"
_NAME = re.compile(r"\d{8}T\d{6}Z-[\w.-]+")


class AcceptanceFolder:
    def __init__(self, data_folder: Path) -> None:
        self._folder = data_folder / FOLDER

    def keep(self, document: Mapping[str, Any]) -> str:
        """The name under which it is found again."""
        stamp = re.sub(r"\.\d+|[-:]", "", document["time"])
        name = f"{stamp}-{re.sub(r'[^A-Za-z0-9_.-]', '_', document['meter']['name'])}"
        write_private(self._folder / f"{name}.json", (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode())
        return name

    def sheet(self, name: str) -> dict[str, Any] | None:
        """With `id`, and `sound` False where its hash does not fit what it says."""
        path = self._folder / f"{name}.json"
        if not _NAME.fullmatch(name) or not path.is_file():
            return None
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return {**document, "id": name, "sound": digest(document) == document.get("sha256")}

    def sheets(self) -> list[dict[str, Any]]:
        """The last one written stands first."""
        names = sorted((path.stem for path in self._folder.glob("*.json")), reverse=True)
        return [found for found in map(self.sheet, names) if found is not None]
