"""The I2S front end against a stand-in for the port with a DMA memory that overflows in silence."""

import math
from array import array

import pytest

from firmware.front_ends.i2s_adc import CHUNK_FRAMES, IBUF_BYTES, RATE_HZ, FrameLoss, I2sAdc
from firmware.metrology import int32_model
from firmware.metrology.window import Window

DMA_FRAMES = IBUF_BYTES // 8 // CHUNK_FRAMES * CHUNK_FRAMES
ALIGNING_MS = 20  # the first sample stands on a crossing, so the first whole cycle goes by before one is seen


class Port:
    """Samples arrive by the clock, in whole DMA buffers; what finds no room pushes out the oldest buffer, untold."""

    def __init__(self, amperes: float = 5, dma_frames: int = CHUNK_FRAMES) -> None:
        self._amperes = amperes
        self._dma_frames = dma_frames
        self._read = 0
        self._arrived = 0
        self.dropped = 0

    def pass_time(self, now_us: int) -> None:
        self._arrived = now_us * RATE_HZ // 1000000 // self._dma_frames * self._dma_frames
        if self._arrived - self._read > DMA_FRAMES:
            self.dropped += self._arrived - DMA_FRAMES - self._read
            self._read = self._arrived - DMA_FRAMES

    def readinto(self, buf: "memoryview[int]") -> int:
        frames = min(len(buf) // 2, self._arrived - self._read)
        values = array("h", [value for frame in range(self._read, self._read + frames) for value in self._sample(frame)])
        buf[: 2 * frames] = memoryview(values)
        self._read += frames
        return 4 * frames

    def _sample(self, frame: int) -> tuple[int, int]:
        angle = 2 * math.pi * 50 * frame / RATE_HZ
        return round(20000 * math.sin(angle)), round(1000 * self._amperes * math.sin(angle))


def poll(ports: tuple[Port, ...], polls: list[int]) -> tuple[list[Window], list[int]]:
    """The windows, and at which microsecond each came."""
    front_end, now_us, windows, times = I2sAdc(ports, int32_model), 0, [], []
    for elapsed_us in polls:
        now_us += elapsed_us
        for port in ports:
            port.pass_time(now_us)
        window = front_end.poll(elapsed_us)
        if window is not None:
            windows.append(window)
            times.append(now_us)
    return windows, times


def test_two_phases_come_in_one_record() -> None:
    """Each port is a phase; both are summed over the same frames."""
    windows, _ = poll((Port(1), Port(2)), [20000] * 100)

    first, second = windows[-1].phases
    assert windows[-1].frequency_mhz == 50000
    assert second.vi == pytest.approx(2 * first.vi, rel=1e-3)
    assert windows[-1].frames == 12800


def test_reads_in_parts_lose_nothing() -> None:
    """A chunk may come in pieces, and in different ones at each port."""
    whole, _ = poll((Port(1), Port(2)), [10000] * 250)
    parts, _ = poll((Port(1, dma_frames=100), Port(2, dma_frames=77)), [10000] * 250)

    assert len(parts) == 3
    assert parts == whole


def test_a_stall_that_the_memory_outlasts_is_no_loss() -> None:
    """An erase, a write's spike and a garbage collection fit 300 ms, over and over."""
    port = Port()
    windows, _ = poll((port,), ([20000] * 50 + [300000]) * 6)

    assert port.dropped == 0
    assert sum(window.missing_ms for window in windows) == ALIGNING_MS


@pytest.mark.parametrize("stall_ms", [400, 700, 2000])
def test_an_overflow_is_found_by_the_clock(stall_ms: int) -> None:
    """The missing milliseconds are those dropped, to within a DMA buffer, and clock time is kept."""
    port = Port()
    windows, times = poll((port,), [20000] * 150 + [stall_ms * 1000] + [20000] * 250)

    assert port.dropped > 0
    assert sum(window.missing_ms for window in windows) == pytest.approx(ALIGNING_MS + port.dropped * 1000 / RATE_HZ, abs=17)
    assert sum(window.window_us for window in windows) == pytest.approx(times[-1], abs=60000)


def test_the_power_over_a_loss_stays_right() -> None:
    """The window with the gap has another frequency's look, but hardly another power."""
    windows, _ = poll((Port(),), [20000] * 150 + [500000] + [20000] * 250)

    means = [window.phases[0].vi / window.frames for window in windows]
    assert means == [pytest.approx(means[0], rel=0.02)] * len(means)


def test_slow_and_fast_polls_are_no_loss() -> None:
    """Whatever the rhythm, nothing is called lost that was not."""
    for elapsed_us in (1000, 3700, 16000, 31000, 50000, 90000):
        loss, now_us, taken = FrameLoss(RATE_HZ), 0, 0
        found = 0
        for _ in range(20000000 // elapsed_us):
            now_us += elapsed_us
            arrived = now_us * RATE_HZ // 1000000 // CHUNK_FRAMES * CHUNK_FRAMES
            found += loss.add(elapsed_us, arrived - taken, drained=True)
            taken = arrived

        assert found == 0


def test_after_a_stall_the_backlog_is_worked_off_in_turns() -> None:
    """Modbus must answer in between, so one poll takes at most a part of it."""
    port = Port()
    front_end = I2sAdc((port,), int32_model)
    port.pass_time(300000)

    front_end.poll(300000)

    assert port.readinto(memoryview(array("h", bytes(4 * 10000)))) // 4 == 300 * 16 // CHUNK_FRAMES * CHUNK_FRAMES - 8 * CHUNK_FRAMES
