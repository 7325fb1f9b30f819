"""Time, supervision and quality of the meter, and the small things in flash."""

from firmware.block_slot import BlockLog
from firmware.clock import SET, UNSET, ElapsedTicks, MeterClock
from firmware.metrology.window import Window
from firmware.quality import Quality
from firmware.settings import Settings, from_bytes, to_bytes
from firmware.supervisor import JOURNAL, SAMPLING, Supervisor
from firmware.tests.flash_bench import new_flash
from firmware.tests.modbus_bench import Clock


def test_time_goes_on_when_the_ticks_come_round() -> None:
    """The uptime counts through the end of the ticks; the Unix time follows it once it is told."""
    ticks = Clock()
    clock = MeterClock(ElapsedTicks(ticks))
    unset = clock.unix_ms, clock.state
    for _ in range(10):
        ticks.now_us += 1_000_700
        clock.advance()
    clock.set(1_780_000_000_000)
    ticks.now_us += 500_000
    clock.advance()

    assert unset == (None, UNSET)
    assert clock.uptime_ms == 10_507
    assert (clock.unix_ms, clock.state) == (1_780_000_000_500, SET)


def test_one_part_that_stands_still_starves_the_watchdog() -> None:
    """Fed while all make progress; not when one is beyond its limit; again when it has come back."""
    meals: list[int] = []
    supervisor = Supervisor(lambda: meals.append(1), {SAMPLING: 5_000, JOURNAL: 20_000}, 0)
    supervisor.turn(5_000)
    supervisor.turn(5_001)
    standing = supervisor.standing(5_001)
    supervisor.progress(SAMPLING, 5_500)
    supervisor.turn(6_000)

    assert standing == [SAMPLING]
    assert len(meals) == 2


def test_coverage_is_that_of_the_last_minute() -> None:
    """What was missed leaves the coverage after a minute and stays in the total."""
    quality = Quality()
    for _ in range(10):
        quality.add(window(missing_ms=500))
    at_first = quality.coverage()
    for _ in range(70):
        quality.add(window(missing_ms=0))

    assert (at_first, quality.coverage()) == (5_000, 10_000)
    assert (quality.missing_ms, quality.clipped) == (5_000, 160)
    assert quality.take_quarter_ms() == 75_000
    assert quality.take_quarter_ms() == 0


def window(missing_ms: int) -> Window:
    return Window((), 1_600, 1_000_000, 2, missing_ms, 50_000, 90_000, 0)


def test_a_torn_setting_is_none() -> None:
    """Settings come back whole or not at all."""
    settings = Settings(b"press", 7, 115_200, 2, 2)
    whole = to_bytes(settings) + b"\xff" * 200

    assert from_bytes(whole) == settings
    assert from_bytes(b"\xff" * 256) is None
    assert all(from_bytes(whole[:at] + bytes((whole[at] ^ 4,)) + whole[at + 1 :]) is None for at in range(len(to_bytes(settings))))


def test_the_log_keeps_the_newest_lines_in_order() -> None:
    """When both blocks were full once, the newest lines are there, in order, also after a start in between."""
    flash = new_flash()
    for number in range(400):
        BlockLog(flash, (2, 3)).append(f"{number} 1780000000 somebody I1.gain_nano 4000000 4000001")
    lines = BlockLog(flash, (2, 3)).lines()
    numbers = [int(line.split()[0]) for line in lines]

    assert numbers == list(range(400 - len(lines), 400))
    assert len(lines) > 70
