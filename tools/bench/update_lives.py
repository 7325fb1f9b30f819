"""A board that is updated, from one power cut to the next: a real littlefs over simulated flash, with boot record, update and
counters of the meter's own.

The driver does what chip and gateway do: start by `boot`, then whatever the update's state asks for, until the new version
is good; now and then the counters are saved, into files beside the update, as on a board without a partition of ours.
After every start the chosen slot must hold the whole old or the whole new version, and the counters go on. Where the power
goes is not known here. Runs on MicroPython only.
"""
# The chip's modules are not those of the PC that the checker knows.
# mypy: ignore-errors
# ruff: noqa: PTH102, PTH123, PYI024, SIM105, SLOT002, UP031 - MicroPython has neither pathlib, typing nor contextlib

import builtins
import io
import os
import random
from collections import namedtuple
from hashlib import sha256

from firmware import boot, unpacking
from firmware.counter_journal import ONE_MINUTE, CounterJournal
from firmware.counter_records import GROUP
from firmware.ed25519 import verifying
from firmware.file_blocks import FileBlocks
from firmware.register_image import RegisterImage
from firmware.update import BEGIN, CHECK, CHECKED, CONFIRM, IDLE, INSTALL, ON_TRIAL, RECEIVING, REFUSED, WINDOWS_MIN, Update
from protocols.pdu import BUSY
from tools.board.flash import BLOCK_BYTES, PowerCut, SimulatedFlash, make_blank

BLOCKS = 64
HARDWARE = "bench"
PIECE_BYTES = 224
STEPS_MAX = 20_000  # of one life
# Slices of the update between two saves of the counters, and saves before it: a sector of the journal comes to its end during it.
SAVE_EVERY, SAVED_BEFORE = 60, 121
_MOUNTED = "/board"
_NO_ANSWER = -5  # EIO
OLD, NEW = "0.1.0", "0.2.0"
OLD_FILES = {"firmware/main.py": b"old main" * 90, "protocols/pdu.py": b"old pdu." * 600, "firmware/only_old.py": b"old" * 50}
NEW_FILES = {"firmware/main.py": b"new main" * 110, "protocols/pdu.py": b"new pdu." * 700, "firmware/only_new.py": b"new" * 70}
_VERSIONS = {OLD: OLD_FILES, NEW: NEW_FILES}


class Stuck(Exception):
    pass


class NoMemory:
    """The counters' mirror does not survive a power cut."""

    def read(self) -> bytes:
        return b""

    def write(self, data: bytes) -> None:
        pass


class Count(namedtuple("Count", ("told", "tried", "epoch"))):
    """What is true of the counters: the total that was published, and the one that was being saved when the power went."""


class Remembered:
    """Stands for the check of a signature, which touches no flash: it is made once for each key, signature and text."""

    def __init__(self) -> None:
        self._verdicts = {}

    def __call__(self, *asked: bytes) -> "list[bool | None]":
        if asked not in self._verdicts:
            self._verdicts[asked] = list(verifying(*asked))
        return self._verdicts[asked]


class Wires:
    """The flash as littlefs sees it. The power cut ends all that runs; what is cleared away afterwards only hears errors."""

    def __init__(self, flash: SimulatedFlash, store: io.BytesIO, before_step: object) -> None:
        self._flash = flash
        self._store = store
        self._before_step = before_step
        self.is_over = False

    def readblocks(self, block: int, buffer: bytearray, offset: int) -> int:
        """Straight from the flash's bytes: there is no fault in reading, and a start reads some thousand times."""
        if self.is_over:
            return _NO_ANSWER
        self._store.seek(block * BLOCK_BYTES + offset)
        self._store.readinto(buffer)
        return 0

    def writeblocks(self, *words: object) -> object:
        return self._step("writeblocks", words)

    def ioctl(self, *words: object) -> object:
        return self._step("ioctl", words)

    def _step(self, name: str, words: tuple) -> object:
        if self.is_over:
            return _NO_ANSWER
        if self._before_step:
            self._before_step(name, words)
        return getattr(self._flash, name)(*words)


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


FILES = Files()


class Board:
    """Runs the old version from `slot`; the new one goes into the other.

    `count` is the truth at any moment; `before_step` hears what is asked of the flash, before it is done.
    """

    def __init__(self, bundle: bytes, key: bytes, slot: int = 0, blocks: int = BLOCKS) -> None:
        self._bundle = bundle
        self._blocks = blocks
        self._key = key
        self.before_step = None
        self.confirmed = False
        builtins.open = FILES
        unpacking.verifying = Remembered()
        store = io.BytesIO()
        make_blank(store, blocks)
        flash = SimulatedFlash(store, blocks, random)
        os.VfsLfs2.mkfs(flash)
        self._mount(flash, store)
        self._fill(boot.SLOTS[slot])
        boot.write(boot.Record(slot, boot.GOOD, 0, 0, OLD))
        self.fresh_count = self.count
        self._unmount()
        self.fresh = store.getvalue()

    def _fill(self, slot: str) -> None:
        for folder in (slot, slot + "/firmware", slot + "/protocols"):
            os.mkdir(folder)
        for path, data in OLD_FILES.items():
            with open(slot + "/" + path, "wb") as file:
                file.write(data)
        self._journal = CounterJournal(FileBlocks("journal"), 0, ONE_MINUTE, NoMemory(), _epoch, GROUP)
        self.count = Count(0, 0, self._journal.epoch)
        for _ in range(SAVED_BEFORE):
            self._save()

    def _mount(self, flash: SimulatedFlash, store: io.BytesIO) -> None:
        self._wires = Wires(flash, store, self.before_step)
        os.mount(os.VfsLfs2(self._wires, mtime=False), _MOUNTED)  # so that the same way leaves the same bytes
        os.chdir(_MOUNTED)

    def _unmount(self) -> None:
        os.chdir("/")
        os.umount(_MOUNTED)

    def live(self, store: io.BytesIO, cut_at: "int | None") -> "tuple[int, str, bool]":
        """Until the power goes at a step of the flash, or to the end: steps, a fault or "", and whether that was the end."""
        flash = SimulatedFlash(store, self._blocks, random)
        flash.cut_at = cut_at
        try:
            self._mount(flash, store)
            fault, done = self._live(power_on=True)
        except PowerCut:
            fault, done = "", False
        except Stuck as stuck:
            fault, done = str(stuck), False
        finally:
            self._wires.is_over = True
            FILES.forget()
            try:
                self._unmount()
            except OSError:  # the power went while it was being mounted
                os.chdir("/")
        return flash.steps, fault, done

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
            self._journal = CounterJournal(FileBlocks("journal"), 0, ONE_MINUTE, NoMemory(), _epoch, GROUP)
            fault = self._counters_judged()
            if fault:
                return fault, False
            update = Update(RegisterImage(), HARDWARE, version, self._key, 9_000)
            if version == NEW and record.state != boot.TRIAL:
                return "" if self.confirmed else "nobody confirmed what is good now", True
            self._work(update)
            if not update.restart_wanted:
                return self._judge(), True

    def _judge(self) -> str:
        record = boot.read()
        good = record.state == boot.GOOD and self._version_in(boot.SLOTS[record.slot]) == NEW and record.version == NEW
        return "" if good else "what was confirmed is %s" % (tuple(record),)

    def _counters_judged(self) -> str:
        found, (told, tried, epoch) = self._journal.saved[0], self.count
        if self._journal.epoch != epoch:
            return "the counters began anew: epoch %d became %d" % (epoch, self._journal.epoch)
        if not told <= found <= tried:
            return "the counter stands at %d; %d was published, %d was measured" % (found, told, tried)
        self.count = Count(found, found, epoch)
        return ""

    def _save(self) -> None:
        told, _, epoch = self.count
        total = told + 1_000
        self.count = Count(told, total, epoch)
        if not self._journal.save(total, [total] + [0] * (GROUP - 1)):
            raise Stuck("the counters could not be saved")
        self.count = Count(total, total, epoch)

    def _version_in(self, slot: str) -> "str | None":
        for version, files in _VERSIONS.items():
            if all(_content(slot + "/" + path) == data for path, data in files.items()):
                return version
        return None

    def _work(self, update: Update) -> None:
        """What the gateway does, until a restart or the good end."""
        for step in range(STEPS_MAX):
            if step % SAVE_EVERY == SAVE_EVERY - 1:
                self._save()
            if update.busy:
                update.work()
                continue
            if update.restart_wanted:
                return
            state = update._state  # noqa: SLF001 - the register, without its image
            if state == ON_TRIAL:
                for _ in range(WINDOWS_MIN):
                    update.measured(1_000, 10_000, 0)
                self.confirmed = True
                update.write({"update_command": CONFIRM})
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


def _epoch() -> int:
    """Not drawn, so that a life takes nothing from chance before its cut; an epoch in use is not taken again."""
    return 4_711


def _content(path: str) -> "bytes | None":
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None
