"""The one cooperative loop: everything gets its turn, nothing waits for anything. Who the parts are is decided in `main`."""

from collections import namedtuple

from firmware.guarded import say
from firmware.supervisor import JOURNAL, MODBUS, SAMPLING

TICK_MS = 1_000
# A window is worked up, and written down, while no frame is on the wire; on a busy wire it waits so long, then no more.
HOLD_MS_MAX = 400
# Of what is written down, each record waits no longer on a busy wire: a sector's head of nine is there in half a second.
PIECE_HOLD_MS_MAX = 50

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from firmware.application import Application
    from firmware.clock import MeterClock
    from firmware.counter_journal import CounterJournal
    from firmware.front_ends.front_end import FrontEnd
    from firmware.metrology.window import Window
    from firmware.modbus_server import ModbusServer
    from firmware.supervisor import Supervisor

    class Ticks(Protocol):
        """The board's `time` module."""

        def ticks_ms(self) -> int: ...

        def ticks_diff(self, __end: int, __start: int) -> int: ...

    class Port(Protocol):
        def poll(self) -> None: ...

        @property
        def quiet(self) -> bool: ...


class Loop(
    namedtuple(
        "Loop",
        ("application", "server", "ports", "front_end", "journal", "clock", "supervisor", "change_line", "restart", "collect", "ticks"),
    )
):
    """`change_line` opens the UART with the settings that now hold, `restart` starts the chip anew, `collect` frees memory."""

    application: "Application"
    server: "ModbusServer"
    ports: "tuple[Port, ...]"
    front_end: "FrontEnd"
    journal: "CounterJournal"
    clock: "MeterClock"
    supervisor: "Supervisor"
    change_line: "Callable[[], object]"
    restart: "Callable[[], object]"
    collect: "Callable[[], object]"
    ticks: "Ticks"


class MainLoop:
    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._ticked_ms = loop.ticks.ticks_ms()
        self._window: Window | None = None
        self._closed_ms = 0
        self._proceeded_ms = 0

    def turn(self) -> None:
        loop = self._loop
        elapsed_us = loop.clock.advance()
        now_ms = loop.clock.uptime_ms
        for port in loop.ports:
            port.poll()
        loop.supervisor.progress(MODBUS, now_ms)
        window = loop.front_end.poll(elapsed_us)
        if window is not None:
            self._take()
            self._window, self._closed_ms = window, now_ms
        if self._window is not None and (now_ms - self._closed_ms > HOLD_MS_MAX or self.quiet()):
            self._take()
        elif now_ms - self._proceeded_ms > PIECE_HOLD_MS_MAX or self.quiet():
            self._proceeded_ms = now_ms
            loop.application.proceed(self.quiet)
        # By the chip's ticks: on a bench the meter's own time may stand still, the watchdog's does not.
        ticks_ms = loop.ticks.ticks_ms()
        if loop.ticks.ticks_diff(ticks_ms, self._ticked_ms) >= TICK_MS:
            self._ticked_ms = ticks_ms
            self._tick(now_ms)
        self._work_off()

    def quiet(self) -> bool:
        """No frame is on any wire: now flash may be erased, memory collected and the line changed."""
        return all(port.quiet for port in self._loop.ports)

    def save(self) -> None:
        """Before the meter goes down by wish."""
        self._take()
        self._loop.application.save()

    def _take(self) -> None:
        if self._window is None:
            return
        loop = self._loop
        now_ms = loop.clock.uptime_ms
        loop.application.take(self._window, now_ms - self._closed_ms)
        self._window = None
        loop.supervisor.progress(SAMPLING, now_ms)
        age_ms = loop.journal.age_ms(now_ms)
        if age_ms is not None:
            loop.supervisor.progress(JOURNAL, now_ms - age_ms)

    def _tick(self, now_ms: int) -> None:
        self._loop.server.tick()
        self._loop.supervisor.turn(now_ms)
        if self.quiet():
            self._loop.collect()

    def _work_off(self) -> None:
        application = self._loop.application
        if not (application.jobs or application.line_changed or application.restart_wanted) or not self.quiet():
            return
        if application.line_changed:
            application.line_changed = False
            self._loop.change_line()
        elif application.jobs:
            self._work_one_off()
        else:
            self.save()
            self._loop.restart()

    def _work_one_off(self) -> None:
        try:
            self._loop.application.jobs.pop(0)()
        except OSError as error:  # full, or worn out: it holds until the next start
            say("the flash does not take what was set: %r. It holds until the next start." % error)
