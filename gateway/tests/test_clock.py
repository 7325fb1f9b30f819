"""What the gateway believes about the time."""

import asyncio
import time

from gateway.clock import RELEASED_MS, ScaledClock, ScaledLoop, SystemClock

FAR_FUTURE_MS = 10**14
SPEED = 1_000.0


def test_a_clock_that_stands_after_all_that_is_known_dates_readings() -> None:
    """As the system has it, in UTC milliseconds."""
    before = time.time_ns() // 1_000_000
    instant = SystemClock().instant()
    after = time.time_ns() // 1_000_000

    assert instant.time_ms is not None
    assert before <= instant.time_ms <= after
    assert before > RELEASED_MS


def test_a_clock_that_stands_before_what_is_known_is_unset() -> None:
    """Readings carry no date then; pages and schedules still get a time."""
    clock = SystemClock(FAR_FUTURE_MS)

    assert clock.instant().time_ms is None
    assert clock.now_ms() > RELEASED_MS
    assert clock.status().state == "unset"
    assert "Check the network or NTP" in clock.status().sentence


def test_no_reading_is_older_than_the_program() -> None:
    """However old the newest thing known is."""
    assert SystemClock(0).instant().time_ms is not None
    assert SystemClock(0).status().state in ("set", "synchronised")


def test_monotonic_time_counts_from_the_start() -> None:
    """Whatever the wall clock does."""
    clock = SystemClock(FAR_FUTURE_MS)
    first = clock.instant().monotonic_ms
    time.sleep(0.005)

    assert 0 <= first < 1_000
    assert clock.instant().monotonic_ms >= first + 4


def test_a_scaled_clock_runs_faster_from_where_it_starts() -> None:
    """Wall and monotonic time alike."""
    clock = ScaledClock(SPEED, 5_000)
    began = time.monotonic()
    first = clock.instant()
    time.sleep(0.01)
    second = clock.instant()
    took_ms = (time.monotonic() - began) * 1_000

    assert first.time_ms == 5_000 + first.monotonic_ms
    assert 10 * SPEED <= second.monotonic_ms - first.monotonic_ms <= took_ms * SPEED
    assert clock.status().state == "set"
    assert "1000 times as fast" in clock.status().sentence


def test_a_scaled_loop_shrinks_every_wait() -> None:
    """A minute of its sleep is not a minute; two waits keep their order, and a time-out its relation to both."""

    async def work() -> tuple[list[str], float]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        order: list[str] = []

        async def later(seconds: float, name: str) -> None:
            await asyncio.sleep(seconds)
            order.append(name)

        await asyncio.gather(later(60, "second"), later(30, "first"))
        try:
            await asyncio.wait_for(asyncio.sleep(1_000), 30)
        except TimeoutError:
            order.append("third")
        return order, loop.time() - began

    began = time.monotonic()
    with asyncio.Runner(loop_factory=lambda: ScaledLoop(SPEED)) as runner:
        order, looped_s = runner.run(work())

    assert order == ["first", "second", "third"]
    assert looped_s >= 90
    assert time.monotonic() - began < looped_s
