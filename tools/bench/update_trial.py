"""An update on a real littlefs over simulated flash, with the power going in the middle of programs and erases.

The driver does what chip and gateway do: start by `boot`, then whatever the update's state asks for, until the new version
is good. After every start the chosen slot must hold the whole old or the whole new version. Runs on MicroPython only.
"""
# The chip's modules are not those of the PC that the checker knows.
# mypy: ignore-errors
# ruff: noqa: PTH102, PTH123, SIM105, UP031 - MicroPython has neither pathlib nor contextlib

import builtins
import io
import json
import os
import random
import sys
from hashlib import sha256

sys.path[:] = [__file__.rsplit("/", 3)[0], ".frozen"]

from firmware import boot  # noqa: E402
from firmware.register_image import RegisterImage  # noqa: E402
from firmware.update import BEGIN, CHECK, CHECKED, CONFIRM, IDLE, INSTALL, ON_TRIAL, RECEIVING, REFUSED, WINDOWS_MIN, Update  # noqa: E402
from protocols.pdu import BUSY  # noqa: E402
from tools.board.flash import PowerCut, SimulatedFlash, make_blank  # noqa: E402

BLOCKS = 64
HARDWARE = "bench"
PIECE_BYTES = 224
LIVES_MAX = 40  # a trial that loses power three times is given up, and the update begins anew
STEPS_MAX = 20_000  # of one life
_MOUNTED = "/board"
_NO_ANSWER = -5  # EIO
OLD_FILES = {"firmware/main.py": b"old main" * 90, "protocols/pdu.py": b"old pdu." * 600, "firmware/only_old.py": b"old" * 50}


class Stuck(Exception):
    pass


class Wires:
    """The flash as littlefs sees it. The power cut ends all that runs; what is cleared away afterwards only hears errors."""

    def __init__(self, flash: SimulatedFlash) -> None:
        self._flash = flash
        self.is_over = False

    def _do(self, action: object, *words: object) -> object:
        return _NO_ANSWER if self.is_over else action(*words)

    def readblocks(self, *words: object) -> object:
        return self._do(self._flash.readblocks, *words)

    def writeblocks(self, *words: object) -> object:
        return self._do(self._flash.writeblocks, *words)

    def ioctl(self, *words: object) -> object:
        return self._do(self._flash.ioctl, *words)


class Files:
    """Stands for `open`: at a power cut the interpreter's own files must not be closed by its memory collection, much later."""

    def __init__(self) -> None:
        self._open = builtins.open
        self._opened = []

    def __call__(self, *words: object) -> object:
        file = self._open(*words)
        self._opened.append(file)
        return file

    def forget(self) -> None:
        for file in self._opened:
            try:
                file.close()
            except OSError:  # the power is gone
                pass
        self._opened.clear()


class Board:
    """`new_files` are what the bundle brings."""

    def __init__(self, bundle: bytes, key: bytes, new_files: dict) -> None:
        self._bundle = bundle
        self._key = key
        builtins.open = self._files = Files()
        self._versions = {"0.1.0": OLD_FILES, "0.2.0": new_files}
        store = io.BytesIO()
        make_blank(store, BLOCKS)
        flash = SimulatedFlash(store, BLOCKS, random)
        os.VfsLfs2.mkfs(flash)
        self._mount(flash)
        slot = boot.SLOTS[0]
        for folder in (slot, slot + "/firmware", slot + "/protocols"):
            os.mkdir(folder)
        for path, data in OLD_FILES.items():
            with open(slot + "/" + path, "wb") as file:
                file.write(data)
        self._unmount()
        self._fresh = store.getvalue()

    def _mount(self, flash: SimulatedFlash) -> None:
        self._wires = Wires(flash)
        os.mount(os.VfsLfs2(self._wires), _MOUNTED)
        os.chdir(_MOUNTED)

    def _unmount(self) -> None:
        os.chdir("/")
        os.umount(_MOUNTED)

    def run(self, cuts: "list[int]") -> "tuple[int, int, str]":
        """Lives, steps of flash in the first one, and a fault or ""; life n loses its power at step cuts[n], 0: never."""
        store = io.BytesIO(self._fresh)
        first = 0
        for life in range(LIVES_MAX):
            flash = SimulatedFlash(store, BLOCKS, random)
            flash.cut_at = cuts[life] if life < len(cuts) and cuts[life] else None
            try:
                self._mount(flash)
                fault, done = self._live(power_on=True)
            except PowerCut:
                fault, done = "", False
            finally:
                self._wires.is_over = True
                self._files.forget()
                try:
                    self._unmount()
                except OSError:  # the power went while it was being mounted
                    os.chdir("/")
            first = first or flash.steps
            if fault or done:
                return life + 1, first, fault
        return LIVES_MAX, first, "the update never came to its end"

    def _live(self, *, power_on: bool) -> "tuple[str, bool]":
        """From a start to the end of the update; a restart of its own goes on here as a start."""
        while True:
            record = boot.chosen(boot.read(), power_on=power_on)
            boot.write(record)
            power_on = False
            if record.state == boot.LOST:
                return "it fell into recovery mode", False
            version = self._version_in(boot.SLOTS[record.slot])
            if version is None:
                return "slot %d is started and holds neither version whole" % record.slot, False
            update = Update(RegisterImage(), HARDWARE, version, self._key, 9_000)
            if version == "0.2.0" and record.state != boot.TRIAL:
                return "", True
            self._work(update)
            if not update.restart_wanted:
                return self._judge(), True

    def _judge(self) -> str:
        record = boot.read()
        good = record.state == boot.GOOD and self._version_in(boot.SLOTS[record.slot]) == "0.2.0" and record.version == "0.2.0"
        return "" if good else "what was confirmed is %s" % (tuple(record),)

    def _version_in(self, slot: str) -> "str | None":
        for version, files in self._versions.items():
            if all(_content(slot + "/" + path) == data for path, data in files.items()):
                return version
        return None

    def _work(self, update: Update) -> None:
        """What the gateway does, until a restart or the good end."""
        for _ in range(STEPS_MAX):
            if update.busy:
                update.work()
                continue
            if update.restart_wanted:
                return
            state = update._state  # noqa: SLF001 - the register, without its image
            if state == ON_TRIAL:
                for _ in range(WINDOWS_MIN):
                    update.measured(1_000, 10_000, 0)
                code = update.write({"update_command": CONFIRM})
                while update.busy:
                    update.work()
                return
            code = self._ask(update, state)
            if code not in (0, BUSY):
                raise Stuck("state %d refuses with %d" % (state, code))
        raise Stuck("state %d, reason %s" % (update._state, update._image.number("update_reason")))  # noqa: SLF001 - likewise

    def _ask(self, update: Update, state: int) -> int:
        if state in (IDLE, REFUSED):
            digest = sha256(self._bundle).digest()
            return update.write({"update_size_bytes": len(self._bundle), "update_digest": digest, "update_command": BEGIN})
        if state == CHECKED:
            return update.write({"update_command": INSTALL})
        assert state == RECEIVING
        at = update._image.number("update_received_bytes")  # noqa: SLF001 - likewise
        piece = self._bundle[at : at + PIECE_BYTES]
        if not piece:
            return update.write({"update_command": CHECK})
        padded = piece + bytes(PIECE_BYTES - len(piece))
        return update.write({"update_offset_bytes": at, "update_length_bytes": len(piece), "update_data": padded})


def _content(path: str) -> "bytes | None":
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def main(bundle_path: str, key: str, seed: int, wanted: int, rounds: int, walks: int) -> None:
    """`wanted` single cuts among all steps (0: every one, `rounds` times), then `walks` with a cut in each of several lives."""
    with open(bundle_path, "rb") as file:
        bundle = file.read()
    board = Board(bundle, bytes.fromhex(key), NEW_FILES)
    random.seed(seed)
    _, steps, fault = board.run([])
    assert not fault, fault
    cuts = list(range(1, steps + 1)) * rounds if not wanted else [random.randrange(1, steps + 1) for _ in range(wanted)]
    plans = [[cut] for cut in cuts] + [[random.randrange(1, steps + 1) for _ in range(8)] for _ in range(walks)]
    faults, lives = [], 0
    for plan in plans:
        lived, _, fault = board.run(plan)
        lives += lived
        if fault:
            faults.append("cuts at %s: %s" % (plan, fault))
    document = {"seed": seed, "steps": steps, "cuts": len(cuts), "walks": walks, "lives": lives, "faults": len(faults), "first": faults[:5]}
    print(json.dumps(document))


NEW_FILES = {"firmware/main.py": b"new main" * 110, "protocols/pdu.py": b"new pdu." * 700, "firmware/only_new.py": b"new" * 70}

main(sys.argv[1], sys.argv[2], *[int(word) for word in sys.argv[3:]])
