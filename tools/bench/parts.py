"""The parts of the chain as real processes: started in an order, waited for, stopped or killed.

What they are asked to do, and what must hold afterwards, is not known here.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.factory.equipment import RS485

HOST = "127.0.0.1"
# Everything is up within three seconds on an idle machine; tests run on busy ones.
START_S_MAX = 90.0  # ten times what it takes here: only what hangs is to be told, not a busy machine
# A gateway that stops commits, seals and lets a batch that is on its way be answered.
STOP_S_MAX = 20.0
LOOK_S = 0.05
TOLD_CHARACTERS = 2_000  # the end of a log says what happened


class NotInTimeError(AssertionError):
    """What was waited for did not come; the sentence holds the end of the log."""


@dataclass
class Part:
    """One process in a session of its own, so that a signal reaches it alone; its output goes to `log`."""

    name: str
    log: Path
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, log: Path, module: str, *words: object) -> Self:
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *map(str, words)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return cls(log.stem, log, process)

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def until(self, condition: Callable[[], bool], what: str, seconds: float = START_S_MAX) -> None:
        """NotInTimeError if it does not come true in time, or if the process ends before."""
        end = time.monotonic() + seconds
        while not condition():
            status = self.process.poll()
            if status is not None or time.monotonic() > end:
                state = "runs" if status is None else f"ended with {status}"
                raise NotInTimeError(
                    f"{what}: not within {seconds:g} s; the {self.name} {state} and said\n{self.said()[-TOLD_CHARACTERS:]}"
                )
            time.sleep(LOOK_S)

    def until_said(self, words: str, seconds: float = START_S_MAX) -> None:
        self.until(lambda: words in self.said(), f"the log says {words!r}", seconds)

    def until_ended(self, seconds: float = START_S_MAX) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise NotInTimeError(f"the {self.name} did not end within {seconds:g} s; it said\n{self.said()[-TOLD_CHARACTERS:]}") from None

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit status; one that does not obey is killed, and that is an error."""
        try:
            if self.process.poll() is None:
                self.process.send_signal(number)
            return self.until_ended(STOP_S_MAX)
        finally:
            self.kill()

    def kill(self) -> None:
        """SIGKILL to all it has started, and nothing left behind."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.kill()


def factory(folder: Path, tcp_port: int, opened_ms: int, *faults: str) -> Part:
    """The virtual factory, its RS-485 line at `folder`/rs485-1; returns when both lines are there."""
    words = [word for fault in faults for word in ("--fault", fault)]
    where = ("--folder", folder.resolve(), "--tcp-port", tcp_port, "--opened-ms", opened_ms)
    part = Part.start(folder / "factory.log", "tools.factory.process", *where, *words)
    return _up(part, lambda: (folder / RS485).exists() and listens(tcp_port))


def hub(folder: Path, port: int, db: str = "", log: str = "hub.log") -> Part:
    """Stores in an SQLite file in `folder` unless told otherwise."""
    words = ("hub", "--db", db or hub_address(folder), "--listen", f"{HOST}:{port}", "--public-read")
    return _up(Part.start(folder / log, "tools.command", *words), lambda: listens(port))


def hub_address(folder: Path) -> str:
    return f"sqlite:///{folder.resolve() / 'hub.db'}"


def gateway(site: Path, *words: str, log: Path | None = None) -> Part:
    """`run` with more `words`, just started."""
    return Part.start(log or site.parent / "gateway.log", "tools.command", "run", "--site", site, *words)


def _up(part: Part, up: Callable[[], bool]) -> Part:
    try:
        part.until(up, f"the {part.name} is up")
    except BaseException:
        part.kill()
        raise
    return part


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0
