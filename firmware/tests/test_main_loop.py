"""The main loop with small stand-ins: who gets a turn when, and what waits for a quiet line."""

from collections.abc import Callable

import pytest

from firmware.clock import MeterClock
from firmware.main_loop import HOLD_MS_MAX, Loop, MainLoop
from firmware.metrology.window import Window
from firmware.supervisor import JOURNAL, MODBUS, SAMPLING, Supervisor
from firmware.tests.modbus_bench import Clock

WINDOW = Window((), 1_600, 1_000_000, 0, 0, 50_000, 90_000, 0)
TURN_US = 10_000


class World:
    """Every part in one: port, front end, journal, server and application, and what they were asked for."""

    def __init__(self) -> None:
        self.ticks = Clock()
        self.done: list[str] = []
        self.quiet = True
        self.window: Window | None = None
        self.jobs: list[Callable[[], None]] = []
        self.line_changed = self.restart_wanted = False
        self.standing_still = False
        clock = MeterClock(lambda: 0 if self.standing_still else TURN_US)
        supervisor = Supervisor(lambda: self.done.append("fed"), {SAMPLING: 5_000, JOURNAL: 30_000, MODBUS: 1_000}, 0)
        note = self.done.append
        self.loop = MainLoop(
            Loop(
                self, self, (self,), self, self, clock, supervisor,
                lambda: note("line"), lambda: note("restart"), lambda: note("collected"), self.ticks,
            )
        )  # fmt: skip

    def poll(self, elapsed_us: int = 0) -> Window | None:
        """The port's and the front end's: only the latter is told a time."""
        window, self.window = (self.window, None) if elapsed_us else (None, self.window)
        return window

    def take(self, window: Window, held_ms: int) -> None:
        self.done.append("taken")

    def proceed(self, may_erase: object) -> bool:
        """Nothing is to be written down."""
        return False

    def save(self) -> None:
        self.done.append("saved")

    def age_ms(self, now_ms: int) -> int:
        return 0

    def tick(self) -> None:
        self.done.append("tick")

    def run(self, milliseconds: int) -> list[str]:
        self.done.clear()
        for _ in range(milliseconds * 1_000 // TURN_US):
            self.ticks.now_us += TURN_US
            self.loop.turn()
        return list(self.done)


def test_a_window_waits_for_a_quiet_line_but_not_for_ever() -> None:
    """On a busy line a window is taken after its limit; on a quiet one at once."""
    world = World()
    world.window, world.quiet = WINDOW, False
    busy = world.run(HOLD_MS_MAX)
    then = world.run(50)
    world.window, world.quiet = WINDOW, True

    assert (busy, then) == ([], ["taken"])
    assert world.run(10) == ["taken"]


def test_work_is_done_one_by_one_while_the_line_is_quiet() -> None:
    """First the line changes, then jobs, at last the restart, with the counters saved before it."""
    world = World()
    world.quiet = False
    world.line_changed = world.restart_wanted = True
    world.jobs += [lambda: world.done.append("job"), lambda: world.done.append("other job")]
    busy = world.run(50)
    world.quiet = True

    assert busy == []
    assert world.run(40) == ["line", "job", "other job", "saved", "restart"]


def test_the_watchdog_is_fed_while_the_meters_time_stands_still() -> None:
    """A bench that has measured its seconds goes on answering; a meter whose sampling hangs starves."""
    bench, hanging = World(), World()
    bench.standing_still = True

    assert bench.run(20_000).count("fed") == 20
    assert hanging.run(20_000).count("fed") == 5


def test_a_flash_that_takes_nothing_does_not_end_the_loop(capsys: pytest.CaptureFixture[str]) -> None:
    """What was set holds until the next start, and the console says so."""
    world = World()

    def full() -> None:
        raise OSError(28)

    world.jobs += [full, lambda: world.done.append("next")]
    done = world.run(100)

    assert "next" in done
    assert "the flash does not take what was set" in capsys.readouterr().out
