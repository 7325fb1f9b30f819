"""A virtual line behind a real pseudo-terminal, in real time: what another program opens as a serial port.

One thread moves bytes between the terminal and the wire model and sleeps until the model's next event; it
decides nothing about the line. The pace may let line time pass faster than life.
"""

import contextlib
import logging
import os
import selectors
import termios
import threading
import tty
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.factory.pace import Pace
from tools.factory.protocol_virtual import announced, settings_file
from tools.factory.remote_station import RemoteStation
from tools.factory.serial_settings import LineSettings
from tools.factory.wire import Line

_READ_BYTES = 4096
# A kernel wakes a sleeper up to a tenth of a millisecond late: the rest of a wait is spent looking at the clock.
_SPIN_SECONDS = 0.000_15
_BAUDS = {getattr(termios, f"B{baud}"): baud for baud in (300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200)}
_log = logging.getLogger(__name__)


class _Terminal:
    """Both ends of a raw pseudo-terminal and the link to it; our own hold on the far end keeps it alive between openings."""

    def __init__(self, link: Path, baud: int) -> None:
        self.link = link
        self.near, self._far = os.openpty()
        tty.setraw(self._far)
        os.set_blocking(self.near, False)
        attributes = termios.tcgetattr(self._far)
        speed = next((code for code, each in _BAUDS.items() if each == baud), termios.B38400)
        attributes[4] = attributes[5] = speed
        termios.tcsetattr(self._far, termios.TCSANOW, attributes)
        with contextlib.suppress(FileNotFoundError):
            link.unlink()
        link.symlink_to(os.ttyname(self._far))

    def settings(self, parity: str) -> LineSettings | None:
        """Baud and stop bits as the opener set them; the terminal drops parity, so the line's own is taken."""
        attributes = termios.tcgetattr(self._far)
        baud = _BAUDS.get(attributes[5])
        return None if baud is None else LineSettings(baud, parity, 2 if attributes[2] & termios.CSTOPB else 1)

    def send(self, data: bytes) -> None:
        # Nobody reads and the buffer is full: bytes are lost, as on a port nobody has opened.
        with contextlib.suppress(BlockingIOError):
            os.write(self.near, data)

    def close(self) -> None:
        for path in (self.link, settings_file(self.link)):
            path.unlink(missing_ok=True)
        os.close(self.near)
        os.close(self._far)


class PtyLine:
    """`with PtyLine(line, link):` or start and stop."""

    def __init__(self, line: Line, link: Path, pace: Pace | None = None) -> None:
        self.line = line
        self.link = link
        self._pace = pace or Pace()
        self._waker, self._wake_end = os.pipe()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._waker, selectors.EVENT_READ)
        for station in line.stations:
            if isinstance(station, RemoteStation):
                self._selector.register(station, selectors.EVENT_READ)
        self._terminal: _Terminal | None = None
        self._thread = threading.Thread(target=self._work, name=f"line {link.name}", daemon=True)
        self._stopping = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """When this returns, the link is there (unless the adapter is unplugged)."""
        self._follow_plug(self._pace.now_us())
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        os.write(self._wake_end, b".")
        self._thread.join()
        self._unplug()
        self._selector.close()
        os.close(self._waker)
        os.close(self._wake_end)

    def _work(self) -> None:
        try:
            while not self._stopping:
                self._step()
        except Exception:
            _log.exception("the virtual line %s stopped; start it again", self.link)
            raise

    def _step(self) -> None:
        due_us = self.line.next_event_us()
        wait_s = None if due_us is None else max(0.0, self._pace.real_seconds_until(due_us) - _SPIN_SECONDS)
        readable = self._selector.select(wait_s)
        now_us = self._pace.now_us()
        for _, data in self.line.advance(now_us):
            if self._terminal is not None:
                self._terminal.send(data)
        if self._terminal is not None and any(key.fd == self._terminal.near for key, _ in readable):
            self._hear(self._terminal, now_us)
        for key, _ in readable:
            if isinstance(key.fileobj, RemoteStation) and (frame := key.fileobj.take()):
                self.line.station_sends(now_us, key.fileobj, frame)
        self._follow_plug(now_us)

    def _hear(self, terminal: _Terminal, now_us: int) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(terminal.near, _READ_BYTES)
            self.line.announce(announced(self.link) or terminal.settings(self.line.settings.parity) or self.line.settings)
            self.line.master_sends(now_us, data)

    def _follow_plug(self, now_us: int) -> None:
        """An unplugged adapter takes its device node with it; whoever has it open gets a hang-up."""
        plugged_in = self.line.plugged_in(now_us)
        if plugged_in and self._terminal is None:
            self._terminal = _Terminal(self.link, self.line.settings.baud)
            self._selector.register(self._terminal.near, selectors.EVENT_READ)
        elif not plugged_in:
            self._unplug()

    def _unplug(self) -> None:
        if self._terminal is not None:
            self._selector.unregister(self._terminal.near)
            self._terminal.close()
            self._terminal = None
