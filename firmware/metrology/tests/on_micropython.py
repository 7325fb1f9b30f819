"""A self check of the metrology by the interpreter of the board, kernels included; `test_kernels` runs it."""

import sys

sys.path.insert(0, ".")

from array import array

import micropython

from firmware.front_ends.i2s_adc import CHUNK_FRAMES, I2sAdc
from firmware.front_ends.test_signal import SyntheticSignal, Waveform, calibration
from firmware.metrology import int32_model, kernels
from firmware.metrology.calibration_bytes import from_bytes, to_bytes
from firmware.metrology.calibration_steps import KnownLoad, known_load
from firmware.metrology.energy import ACTIVE_EXPORT, ACTIVE_IMPORT, KINDS, Counters
from firmware.metrology.layout import ARM_BELOW, FRAMES, LEVEL, SEARCH_LENGTH, STRIDE, TAKEN
from firmware.metrology.quantities import measure
from firmware.metrology.tests.cases import cases, corners, samples


def check_kernels() -> None:
    for values, state in cases():
        expected = array("i", state)
        for _ in range(2):
            int32_model.accumulate(values, expected)
            kernels.accumulate(values, state)
            assert state == expected
        ours, theirs = array("h", values), array("h", values)
        kernels.keep_tail(ours, 100, 60)
        int32_model.keep_tail(theirs, 100, 60)
        assert ours == theirs
    for values, state in corners():  # 32 times 512 frames less one, of the largest samples, fill the sums
        expected = array("i", state)
        for _ in range(32):
            state[FRAMES] = expected[FRAMES] = min(512, 16383 - state[TAKEN])
            int32_model.accumulate(values, expected)
            kernels.accumulate(values, state)
        assert state == expected
        assert state[TAKEN] == 16383


def check_search() -> None:
    for seed in range(20):
        values = samples(400, seed)
        search = array("i", [0] * SEARCH_LENGTH)
        search[STRIDE], search[FRAMES], search[LEVEL], search[ARM_BELOW] = 2, 199, 32768 + 50 * seed, 30000
        expected = array("i", search)
        assert kernels.find_crossing(values, search) == int32_model.find_crossing(values, expected)
        assert search == expected


class Square:
    """A converter that shows one repeated chunk: 50 Hz, to see that the steady path allocates nothing."""

    def __init__(self) -> None:
        half = [12000, 9000] * 160
        self.chunk = array("h", (half + [-12000, -9000] * 160) * 4)
        self.place = 0

    def readinto(self, buf: "memoryview[int]") -> int:
        place, chunk = self.place, self.chunk
        at = 0
        while at < 2 * CHUNK_FRAMES:
            buf[at] = chunk[place]
            at += 1
            place += 1
            if place == len(chunk):
                place = 0
        self.place = place
        return 4 * CHUNK_FRAMES


def check_steady_path() -> None:
    """With the heap locked any allocation is an error: only the closing of a window, after 50 chunks or seven polls, meets it."""
    for streams in ((Square(),), (Square(), Square())):
        front_end, polls = I2sAdc(streams, kernels), 0
        micropython.heap_lock()
        try:
            while True:
                front_end.poll(128000)  # what eight chunks last
                polls += 1
        except MemoryError:
            pass
        micropython.heap_unlock()
        assert polls == 6, polls


def check_whole_path() -> None:
    signal = SyntheticSignal(
        (Waveform(230000, 10000, 0, 0), Waveform(230000, 10000, 6000, 0), Waveform(230000, 5000, 18000, 20)), 50000, kernels
    )
    model = SyntheticSignal(
        (Waveform(230000, 10000, 0, 0), Waveform(230000, 10000, 6000, 0), Waveform(230000, 5000, 18000, 20)), 50000, int32_model
    )
    counters = Counters(3)
    windows = []
    for _ in range(300):
        window = signal.poll(10000)
        assert window == model.poll(10000)
        if window is not None:
            windows.append(window)
            counters.add(measure(window, calibration(3)), window.window_us)
    window = windows[-1]
    measurement = measure(window, calibration(3))
    shown = measurement.phases[1]
    assert abs(shown.voltage_mv - 230000) < 50
    assert abs(shown.active_power_mw - 1150000) < 300
    assert abs((shown.reactive_power_mvar or 0) - 1991858) < 300
    assert measurement.frequency_mhz == 50000
    assert counters.counters_mwh[KINDS + ACTIVE_IMPORT] > 1000
    assert counters.counters_mwh[3 * KINDS + ACTIVE_EXPORT] > 500
    assert from_bytes(to_bytes(calibration(3))) == calibration(3)
    found = known_load(window, calibration(3), 1, KnownLoad(230000, 10000, 1150000, 1991858))
    assert abs(found.channels[3].phase_cdeg) <= 1


check_kernels()
check_search()
check_steady_path()
check_whole_path()
print("all good")  # noqa: T201 - what the test waits for
