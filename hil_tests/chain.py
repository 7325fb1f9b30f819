"""One gateway with its hub, on a bench: started part by part, asked, stopped.

It knows how to ask the parts; what the answers must be stands in the tests.
"""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import requests

from hil_tests.bench import HUB_TOKEN, Bench, Places
from protocols.reading import Reading
from tools.bench import ledger, parts
from tools.hub import manage

INTERVAL_S = 2  # what the seven RS-485 meters of the virtual line need, with room for one time-out
COMMAND_S_MAX = 60.0  # a command that hangs is a failure, whatever else the machine does
ASK_S_MAX = 10.0


class Chain:
    def __init__(self, bench: Bench, folder: Path, interval_s: int = INTERVAL_S) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.bench = bench
        self.folder = folder
        self.data = folder / "data"
        self.places = Places.free(folder)
        self._stack = ExitStack()
        self._logs: list[Path] = []
        (folder / HUB_TOKEN).write_text(manage.enrol(parts.hub_address(folder), "bench"))
        self.site = bench.write_site(self.places, interval_s)

    def power(self, *faults: str) -> None:
        self._stack.enter_context(self.bench.powered(self.places, *faults))

    def start_hub(self) -> parts.Part:
        return self._kept(parts.hub(self.folder, self.places.hub_port))

    def start_gateway(self, name: str = "gateway") -> parts.Part:
        """`run`, just started."""
        return self._kept(parts.gateway(self.site, log=self.folder / f"{name}.log"))

    def _kept(self, part: parts.Part) -> parts.Part:
        self._logs.append(part.log)
        return self._stack.enter_context(part)

    def page(self) -> str:
        """The status page's text; "" while nobody listens."""
        try:
            return requests.get(f"http://{self.places.listen}/", timeout=ASK_S_MAX).text
        except requests.ConnectionError:
            return ""

    def asked(self, path: str, *, of_hub: bool = False) -> Any:
        """The JSON document at `path` of the read API."""
        base = self.places.hub_url if of_hub else f"http://{self.places.listen}/"
        answer = requests.get(base + path, headers={"Accept": "application/json"}, timeout=ASK_S_MAX)
        answer.raise_for_status()
        return answer.json()

    def readings(self) -> list[Reading]:
        """What is stored so far; nothing while the store is still being made."""
        try:
            return ledger.readings(self.data)
        except sqlite3.OperationalError:
            return []

    def command(self, *words: object) -> subprocess.CompletedProcess[str]:
        """`shiftwatt WORDS --site ...`, to its end."""
        return command(words[0], "--site", self.site, *words[1:])

    def close(self) -> None:
        """Ends whatever still runs; no part may have shown a person a traceback."""
        self._stack.close()
        for log in self._logs:
            assert "Traceback" not in log.read_text(encoding="utf-8", errors="replace"), f"a traceback in {log}:\n{log.read_text()}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def command(*words: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    # Wide enough that no table cell is shortened.
    environment = {**os.environ, "COLUMNS": "200", "PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.run(
        [sys.executable, "-m", "tools.command", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=COMMAND_S_MAX,
        cwd=folder,
        env=environment,
        check=False,
    )


def document_of(ended: subprocess.CompletedProcess[str]) -> Any:
    """The one JSON document of a command's standard output."""
    return json.loads(ended.stdout)
