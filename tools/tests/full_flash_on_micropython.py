"""An update into a file system that has no room for it, on the real littlefs: `test_update_cuts` starts it. Runs on MicroPython only."""
# mypy: ignore-errors
# ruff: noqa: PTH123, PTH208 - MicroPython has no pathlib

import gc
import io
import json
import os
import sys

sys.path[:] = [__file__.rsplit("/", 3)[0], ".frozen"]

from firmware.unpacking import _files  # noqa: E402
from firmware.update import REFUSED, Update  # noqa: E402
from tools.bench.update_lives import OLD, Board  # noqa: E402

gc.threshold(-1)
# From one in which the bundle is not even received to one in which it is laid down whole.
BLOCKS_FROM, BLOCKS_TO = 20, 32
SAVES = 10


class EndOfStory(Exception):
    pass


class Full(Board):
    """Ends where the meter refuses, and looks what is left; the counters are saved some more times."""

    def __init__(self, *words: object) -> None:
        super().__init__(*words)
        self.seen = {"refused": 0}

    def _ask(self, update: Update, state: int) -> int:
        if state != REFUSED:
            return super()._ask(update, state)
        self.seen = {"refused": update._image.number("update_reason"), "old": self._version_in("lib") == OLD}
        self.seen["left"] = _files("received") + _files("lib_b")
        self.seen["installing"] = "lib_b" in os.listdir()
        for _ in range(SAVES):
            self._save()
        raise EndOfStory


def told(bundle: bytes, key: bytes, blocks: int) -> dict:
    board = Full(bundle, key, 0, blocks)
    try:
        _, fault, _ = board.live(io.BytesIO(board.fresh), None)
    except EndOfStory:
        fault = ""
    return board.seen | {"blocks": blocks, "fault": fault}


with open(sys.argv[1], "rb") as file:
    BUNDLE = file.read()
for blocks in range(BLOCKS_FROM, BLOCKS_TO):
    print(json.dumps(told(BUNDLE, bytes.fromhex(sys.argv[2]), blocks)))
