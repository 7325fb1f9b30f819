"""Cuts a gap-free stream of samples into windows of whole mains cycles.

Cuts lie at rising zero crossings of one phase's voltage, where the power is near nothing: a cut between two samples then costs
next to nothing, and every sample is counted exactly once. Knows no hardware; whoever has read samples into the buffers calls
`feed`, which allocates only when a window closes.
"""

from array import array

from firmware.metrology.integers import divide_nearest
from firmware.metrology.layout import (
    ARM_BELOW,
    ARMED,
    CLIPPED,
    DELAY,
    FIRST,
    FRAMES,
    FRAMES_MAX,
    LEVEL,
    OFFSET,
    SEARCH_LENGTH,
    STRIDE,
    TAKEN,
    V,
)
from firmware.metrology.window import PART_BITS, Kernels, Window, angle_mdeg, clear, lateness, new_phase, phase_sums

CYCLES = 40  # at 16 kS/s the longest window, 40 cycles of 40 Hz, fills 16000 of the 16383 frames the sums can hold
HISTORY_FRAMES = 128  # a quarter of a cycle of 40 Hz at 16 kS/s is 100 frames
NOMINAL_HZ = 50  # until the first window is measured
LOWEST_HZ, HIGHEST_HZ = 40, 70  # what may pass for the mains
HYSTERESIS = 2048  # a sixteenth of full scale: above noise and notches, far below any voltage worth measuring


def new_buffer(frames: int, phases: int) -> "array[int]":
    """Room for the history and `frames` new frames of V1 I1 V2 I2 ..."""
    return array("h", bytes(4 * phases * (HISTORY_FRAMES + frames)))


class Sampler:
    """`buffers` come from `new_buffer` and all hold the same number of phases; `rate_hz` is their common frame rate."""

    def __init__(
        self,
        kernels: Kernels,
        buffers: "list[array[int]]",
        phases_per_buffer: int,
        rate_hz: int,
        cycles: int = CYCLES,
        hysteresis: int = HYSTERESIS,
    ) -> None:
        self._kernels = kernels
        self._buffers = buffers
        self._stride = 2 * phases_per_buffer
        self._rate_hz = rate_hz
        self._cycles = cycles
        self._hysteresis = hysteresis
        self._phases = [
            (buffer, new_phase(2 * phase, self._stride, 0, 2 * OFFSET - 1), 2 * phase)
            for buffer in buffers
            for phase in range(phases_per_buffer)
        ]
        chunk = max(len(buffer) // self._stride - HISTORY_FRAMES for buffer in buffers)
        self._longest = min(rate_hz, FRAMES_MAX - chunk)  # without a voltage a window lasts a second, or what the sums can hold
        self._search = array("i", [0] * SEARCH_LENGTH)
        self._search[STRIDE] = self._stride
        self._reference = 0
        self._period = (rate_hz << PART_BITS) // NOMINAL_HZ
        self._aligned = False  # whether the window began at a crossing
        self._late = 0
        self._cycle = 0
        self._missing_frames = 0
        self._broken = False  # whether frames are missing within the window, which then cannot tell how long its cycles were
        self._us_rest = 0  # what is smaller than a microsecond or a millisecond waits for the next window
        self._ms_rest = 0
        self._set_level(OFFSET)
        self._set_delay()

    def lost(self, frames: int) -> None:
        """Frames that the front end knows to have passed unread."""
        self._missing_frames += frames
        self._broken = True

    def feed(self, frames: int) -> "Window | None":
        """Takes the `frames` that stand behind the history in every buffer; at most one window closes in a chunk."""
        window, start = None, 0
        while start < frames:
            passed = self._find(start, frames - start)
            end = frames if passed < 0 else start + passed
            self._take(start, end - start)
            if passed >= 0:
                window = self._cross(end) or window
            elif self._phases[0][1][TAKEN] >= self._longest:
                window = self._give_up()
            start = end
        for buffer in self._buffers:
            self._kernels.keep_tail(buffer, frames * self._stride, HISTORY_FRAMES * self._stride)
        return window

    def _find(self, start: int, frames: int) -> int:
        buffer, _, offset = self._phases[self._reference]
        self._search[FIRST] = (HISTORY_FRAMES + start) * self._stride + offset
        self._search[FRAMES] = frames
        return self._kernels.find_crossing(buffer, self._search)

    def _take(self, start: int, frames: int) -> None:
        for buffer, state, offset in self._phases:
            state[FIRST] = (HISTORY_FRAMES + start) * self._stride + offset
            state[FRAMES] = frames
            self._kernels.accumulate(buffer, state)

    def _cross(self, end: int) -> "Window | None":
        buffer, state, offset = self._phases[self._reference]
        at = (HISTORY_FRAMES + end) * self._stride + offset
        level = self._search[LEVEL] - OFFSET
        late = lateness(buffer[at - self._stride] - level, buffer[at] - level)
        if not self._aligned:
            # A part of a cycle has no mean to speak of: a short one is left out and counted as missing.
            window = None
            if state[TAKEN] >= self._rate_hz // 4:
                window = self._close(None)
            else:
                self._missing_frames += state[TAKEN]
                self._restart()
            self._aligned, self._late = True, late
            return window
        self._cycle += 1
        if self._cycle < self._cycles:
            return None
        window = self._close((state[TAKEN] << PART_BITS) + self._late - late)
        self._late = late
        return window

    def _give_up(self) -> Window:
        """No crossing for too long: the window closes anyhow, and another phase may have the voltage."""
        window = self._close(None)
        self._aligned = False
        self._reference = (self._reference + 1) % len(self._phases)
        self._search[ARMED] = 0
        self._set_level(OFFSET)
        return window

    def _close(self, span: "int | None") -> Window:
        """`span` is the length of the window in 1/256 frame, from crossing to crossing; None where it is not known."""
        frames = self._phases[0][1][TAKEN]
        delay = self._phases[0][1][DELAY] // self._stride
        frequency_mhz = self._measure_period(span)
        missing, self._missing_frames = self._missing_frames, 0
        window_us, self._us_rest = divmod((frames + missing) * 1000000 + self._us_rest, self._rate_hz)
        missing_ms, self._ms_rest = divmod(missing * 1000 + self._ms_rest, self._rate_hz)
        window = Window(
            tuple(phase_sums(state) for _, state, _ in self._phases),
            frames,
            window_us,
            sum(state[CLIPPED] for _, state, _ in self._phases),
            missing_ms,
            frequency_mhz,
            angle_mdeg(delay, self._period),
            0,
        )
        if span is not None:
            self._set_level(divide_nearest(self._phases[self._reference][1][V], frames))
        self._restart()
        return window

    def _measure_period(self, span: "int | None") -> "int | None":
        if span is None or self._broken:
            return None
        period = divide_nearest(span, self._cycles)
        turns = self._rate_hz << PART_BITS
        if not LOWEST_HZ * period <= turns <= HIGHEST_HZ * period:
            return None
        self._period = period
        return divide_nearest(turns * self._cycles * 1000, span)

    def _restart(self) -> None:
        for _, state, _ in self._phases:
            clear(state)
        self._cycle = 0
        self._broken = False
        self._set_delay()

    def _set_delay(self) -> None:
        frames = divide_nearest(self._period, 4 << PART_BITS)
        for _, state, _ in self._phases:
            state[DELAY] = frames * self._stride

    def _set_level(self, level: int) -> None:
        self._search[LEVEL] = level
        self._search[ARM_BELOW] = max(level - self._hysteresis, 0)
