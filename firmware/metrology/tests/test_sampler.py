"""Windows of whole cycles from a stream of samples."""

import math
from collections.abc import Iterator

import pytest

from firmware.metrology import int32_model
from firmware.metrology.sampler import CYCLES, HISTORY_FRAMES, Sampler, new_buffer
from firmware.metrology.tests.waves import CHUNK, RATE_HZ, feed, wave, windows


@pytest.mark.parametrize("hertz", [45.0, 49.0, 50.0, 50.03, 60.0, 65.0])
def test_the_frequency_is_read_to_a_thousandth(hertz: float) -> None:
    """Crossings are interpolated between samples."""
    found = windows(wave(230, 5, hertz=hertz))

    assert [window.frequency_mhz for window in found] == [pytest.approx(hertz * 1000, abs=1)] * len(found)
    assert len(found) >= 2


def test_windows_hold_whole_cycles_and_follow_without_a_gap() -> None:
    """Frames of all windows add up to whole cycles to within a frame, and each is counted once."""
    found = windows(wave(230, 5, hertz=50.03), frames=80000)

    frames = [window.frames for window in found]
    assert sum(frames) == pytest.approx(len(found) * CYCLES * RATE_HZ / 50.03, abs=1)
    assert sum(window.window_us for window in found[1:]) == pytest.approx(sum(frames[1:]) / RATE_HZ * 1e6, abs=1)


def test_the_part_before_the_first_crossing_is_missing_time() -> None:
    """A part of a cycle is not measured, and it is said."""
    first, second = windows(wave(230, 5))[:2]

    assert first.missing_ms == 19  # the wave begins 0.3 rad after a crossing
    assert first.window_us == pytest.approx(800000 + (1 - 0.3 / 2 / math.pi) * 20000, abs=100)
    assert second.missing_ms == 0


def test_without_a_voltage_windows_close_by_time() -> None:
    """There is no frequency then, and nothing is invented."""
    found = windows(wave(0, 5), frames=65000)

    assert [window.frequency_mhz for window in found] == [None] * 4
    assert sum(window.missing_ms for window in found) == 0


def test_when_the_first_phase_is_dead_another_gives_the_crossings() -> None:
    """After one window without a crossing the next phase is watched."""
    found = windows(wave(0, 5), wave(230, 5), frames=64000)

    assert [window.frequency_mhz for window in found][-2:] == [50000, 50000]


def test_a_drifting_dc_component_does_not_stop_the_windows() -> None:
    """The level follows the mean of the voltage, here to beyond the peak of the wave."""

    def drifting() -> Iterator[tuple[int, int]]:
        for frame, (v, i) in enumerate(wave(60, 5)):
            yield v + frame // 8, i

    found = windows(drifting(), frames=80000)

    assert [window.frequency_mhz for window in found] == [pytest.approx(50000, abs=60)] * 6


def test_noise_on_the_crossing_is_no_second_crossing() -> None:
    """Hysteresis keeps 10 V of it from being counted twice."""

    def noisy() -> Iterator[tuple[int, int]]:
        for frame, (v, i) in enumerate(wave(200, 5)):
            yield v + (1000 if frame % 2 else -1000), i

    found = windows(noisy())

    assert {window.frequency_mhz for window in found} <= set(range(49990, 50011))


def test_lost_frames_lengthen_the_window_and_are_told_once() -> None:
    """The window stands for the clock's time; what was not sampled is published, and its frequency is not believed."""
    buffer = new_buffer(CHUNK, 1)
    sampler = Sampler(int32_model, [buffer], 1, RATE_HZ)
    phases, found = (wave(230, 5),), []
    for chunk in range(200):
        if chunk == 70:
            sampler.lost(800)
        feed(buffer, phases)
        window = sampler.feed(CHUNK)
        if window is not None:
            found.append(window)

    assert [window.missing_ms for window in found] == [19, 50, 0]
    assert [window.frequency_mhz for window in found] == [50000, None, 50000]
    assert found[1].window_us == pytest.approx(850000, abs=70)


def test_the_delayed_voltage_is_close_to_a_quarter_of_a_cycle_old() -> None:
    """The exact angle stands in the record."""
    for hertz in (45.0, 50.0, 65.0):
        window = windows(wave(230, 5, hertz=hertz))[-1]
        frames = round(RATE_HZ / hertz / 4)

        assert window.shift_mdeg == pytest.approx(360000 * frames * hertz / RATE_HZ, abs=2)
        assert frames < HISTORY_FRAMES
