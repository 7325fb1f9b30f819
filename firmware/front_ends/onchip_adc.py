"""The chip's own converter, in bursts of ten cycles: good for bring-up, and an indicative meter; never more.

The port has no continuous mode and a read costs about 35 us, so a burst blocks; `must_stop` is asked before every frame, and when a
request waits on the wire the burst ends with the whole cycles it has. On a wire that is never silent for a cycle a short one is taken
every few seconds whoever waits: the answer is late then, and not lost. Reads keep equal distances, so that the room holds ten cycles
of one phase as of three. The samples of a burst are stored first and summed afterwards, because any pause in between would bend the
time axis. The power of a burst stands for the time since the last one; what was not sampled is missing. The converter is noisy with
WiFi on and bends at the ends of its range: keep signals within its middle two thirds.
"""

from array import array

from firmware.front_ends.front_end import INDICATIVE, Sampling
from firmware.metrology.integers import divide_nearest
from firmware.metrology.layout import ARM_BELOW, ARMED, CLIPPED, DELAY, FIRST, FRAMES, LEVEL, OFFSET, SEARCH_LENGTH, STRIDE
from firmware.metrology.sampler import HIGHEST_HZ, LOWEST_HZ
from firmware.metrology.window import PART_BITS, Kernels, Window, angle_mdeg, lateness, new_phase, phase_sums

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Converter(Protocol):
        """`machine.ADC(pin, atten=ADC.ATTN_11DB)`."""

        def read_u16(self) -> int: ...
else:
    Converter = object

CYCLES = 10
# Ten cycles of 45 Hz, and at most one before the first crossing with the quarter of a cycle that the delayed voltage needs.
BURST_US = 250000
INTERVAL_US = 1000000
# One cycle of 40 Hz wherever it begins, behind a quarter of one. A request waits for it no longer than for a flash erase.
SHORT_US = 60000
PATIENCE_US = 3000000  # the supervisor waits five seconds for a window, and energy is counted for no more
FRAMES_ROOM = 1024  # 250 ms of three phases take about 900 frames; 12 kB, allocated once at the start
RAIL_LOW, RAIL_HIGH = 0, 0xFFF << 4  # read_u16 of twelve bits
HYSTERESIS = 3000  # a twentieth of the range: above the noise with WiFi on


class OnchipAdc(Sampling):
    """`converters` are V1 I1 V2 I2 ...; `now_us` counts without wrapping during a burst, such as `time.ticks_us` within ticks_diff."""

    trust = INDICATIVE

    def __init__(
        self,
        converters: "tuple[Converter, ...]",
        kernels: Kernels,
        now_us: "Callable[[], int]",
        since_us: "Callable[[int, int], int]",
        must_stop: "Callable[[], bool]",
    ) -> None:
        self.phases = len(converters) // 2
        self._converters = converters
        self._kernels = kernels
        self._now_us, self._since_us, self._must_stop = now_us, since_us, must_stop
        self._stride = len(converters)
        self._samples = array("h", bytes(2 * self._stride * FRAMES_ROOM))
        self._states = [new_phase(2 * phase, self._stride, RAIL_LOW, RAIL_HIGH) for phase in range(self.phases)]
        self._read_us = -(-BURST_US // (FRAMES_ROOM * self._stride))  # from one read to the next, at least
        self._search = array("i", [0] * SEARCH_LENGTH)
        self._search[STRIDE], self._search[LEVEL] = self._stride, OFFSET
        self._pending_us = 0
        self._ms_rest = 0

    def poll(self, elapsed_us: int) -> "Window | None":
        self._pending_us += elapsed_us
        if self._pending_us < INTERVAL_US:
            return None
        begin = self._now_us()
        frames = self._capture(begin)
        burst_us = self._since_us(self._now_us(), begin)
        return self._summed(frames, burst_us) if frames else None

    def _capture(self, begin: int) -> int:
        place = due_us = 0
        patient = self._pending_us < PATIENCE_US
        longest_us = BURST_US if patient else SHORT_US
        for frame in range(FRAMES_ROOM):
            if (self._must_stop() and patient) or self._since_us(self._now_us(), begin) >= longest_us:
                return frame
            for converter in self._converters:
                while self._since_us(self._now_us(), begin) < due_us:
                    pass
                self._samples[place] = converter.read_u16() - OFFSET
                place += 1
                due_us += self._read_us
        return FRAMES_ROOM

    def _summed(self, frames: int, burst_us: int) -> "Window | None":
        """None, with the time still pending, if the burst did not hold one whole cycle; without a voltage all of it counts."""
        self._set_level(frames)
        frame_ns = divide_nearest(burst_us * 1000, frames)
        # The delayed voltage of the first frame must lie within the burst.
        history = 1000000000 // (4 * LOWEST_HZ * frame_ns) + 1
        crossings = self._crossings(history, frames)
        if len(crossings) < 2 and burst_us < SHORT_US:
            return None
        start, late_start = crossings[0] if len(crossings) > 1 else (history, 0)
        end, late_end = crossings[-1] if len(crossings) > 1 else (frames, 0)
        cycles = len(crossings) - 1
        span = ((end - start) << PART_BITS) + late_start - late_end
        period = span // cycles if cycles > 0 else (20000000 << PART_BITS) // frame_ns
        frequency_mhz = divide_nearest((1000000000000 * cycles) << PART_BITS, span * frame_ns) if cycles > 0 else None
        if frequency_mhz is not None and not LOWEST_HZ * 1000 <= frequency_mhz <= HIGHEST_HZ * 1000:
            return None
        delay = divide_nearest(period, 4 << PART_BITS)
        return self._window(start, end - start, delay, period, frame_ns, frequency_mhz)

    def _set_level(self, frames: int) -> None:
        """The middle of the voltage's range in this burst: the divider's centre drifts with the supply."""
        lowest = highest = self._samples[0]
        for place in range(0, frames * self._stride, self._stride):
            lowest, highest = min(lowest, self._samples[place]), max(highest, self._samples[place])
        self._search[LEVEL] = (lowest + highest) // 2 + OFFSET
        self._search[ARM_BELOW] = max(self._search[LEVEL] - HYSTERESIS, 0)

    def _crossings(self, first: int, frames: int) -> "list[tuple[int, int]]":
        """At most eleven: (first frame after it, lateness)."""
        found: list[tuple[int, int]] = []
        level = self._search[LEVEL] - OFFSET
        self._search[ARMED] = 0
        at = first
        while at < frames and len(found) <= CYCLES:
            self._search[FIRST], self._search[FRAMES] = at * self._stride, frames - at
            passed = self._kernels.find_crossing(self._samples, self._search)
            if passed < 0:
                break
            at += passed
            place = at * self._stride
            found.append((at, lateness(self._samples[place - self._stride] - level, self._samples[place] - level)))
        return found

    def _window(self, start: int, frames: int, delay: int, period: int, frame_ns: int, frequency_mhz: "int | None") -> Window:
        for phase, state in enumerate(self._states):
            for entry in range(CLIPPED, len(state)):
                state[entry] = 0
            state[FIRST], state[FRAMES], state[DELAY] = start * self._stride + 2 * phase, frames, delay * self._stride
            self._kernels.accumulate(self._samples, state)
        window_us, self._pending_us = self._pending_us, 0
        missing_us = max(window_us - frames * frame_ns // 1000, 0)
        missing_ms, self._ms_rest = divmod(missing_us + self._ms_rest, 1000)
        # The channels of a frame are read one after the other at equal distances, the current next after its voltage.
        skew_mdeg = divide_nearest(angle_mdeg(1, period), self._stride)
        sums = tuple([phase_sums(state) for state in self._states])
        clipped = sum([state[CLIPPED] for state in self._states])
        return Window(sums, frames, window_us, clipped, missing_ms, frequency_mhz, angle_mdeg(delay, period), skew_mdeg)
