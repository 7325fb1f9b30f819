"""The UART module against a stand-in that answers, errs or keeps silent."""

import struct
from collections.abc import Callable

import pytest

from firmware.front_ends.pzem004t import Pzem004t, calibration
from firmware.front_ends.tally import AREA_BYTES
from firmware.metrology.energy import ACTIVE_IMPORT, KINDS, Counters
from firmware.metrology.quantities import measure
from firmware.metrology.window import Window
from firmware.rtc_areas import RtcArea, RtcAreas
from protocols.frame import rtu_frame
from tools.bench.journal_trial import RtcMemory

REGISTERS = (2301, 0x86A0, 1, 0x1170, 0x0003, 77, 0, 500)  # 230.1 V, 100 A, 20.1072 kW, 77 Wh, 50 Hz
GOOD = rtu_frame(1, struct.pack(">BB8H", 4, 16, *REGISTERS))
TURN_US = 20000


class Module:
    """`answers` says what comes after each request, in pieces of eight bytes a turn."""

    def __init__(self, answers: Callable[[int], bytes]) -> None:
        self._answers = answers
        self._waiting = b""
        self.requests: list[bytes] = []

    def any(self) -> int:
        return min(len(self._waiting), 8)

    def read(self) -> bytes:
        part, self._waiting = self._waiting[:8], self._waiting[8:]
        return part

    def write(self, buf: bytes) -> int:
        self.requests.append(buf)
        self._waiting += self._answers(len(self.requests))
        return len(buf)


def run(answers: Callable[[int], bytes], turns: int) -> tuple[list[Window], Pzem004t, Module]:
    module = Module(answers)
    front_end = Pzem004t(module, area())
    windows = [window for _ in range(turns) if (window := front_end.poll(TURN_US)) is not None]
    return windows, front_end, module


def test_registers_become_a_record() -> None:
    """In the same units as every other front end; what the module does not tell is missing."""
    windows, _, module = run(lambda _: GOOD, 60)

    shown = measure(windows[0], calibration())
    assert shown.phases[0] == (230100, 100000, 20107200, None, 23010000, 874)
    assert (shown.reactive_power_mvar, shown.frequency_mhz) == (None, 50000)
    assert module.requests[0] == bytes.fromhex("01040000000871cc".replace("71cc", "f1cc"))


def test_records_follow_the_clock() -> None:
    """Together they stand for all the time up to the last answer."""
    windows, _, _ = run(lambda _: GOOD, 1000)

    assert sum(window.window_us for window in windows) == pytest.approx(20000000, abs=1000000)
    assert sum(window.missing_ms for window in windows) == 0


@pytest.mark.parametrize("wrong", [b"", GOOD[:-1], GOOD[:-1] + b"\0", rtu_frame(1, b"\x84\x02"), rtu_frame(2, GOOD[1:-2])])
def test_a_bad_answer_is_counted_and_its_time_bridged(wrong: bytes) -> None:
    """Silence, a torn frame, a wrong check, a refusal and another's answer are no values."""
    windows, front_end, _ = run(lambda number: wrong if number == 2 else GOOD, 200)

    assert front_end.restarts == 1
    assert [round(window.window_us / 1000000) for window in windows] == [0, 2, 1]


def test_a_long_silence_is_missing_time() -> None:
    """More than one answer left out is told, in windows without phases: the meter lives, its module does not."""
    windows, front_end, _ = run(lambda number: b"" if 2 <= number < 7 else GOOD, 500)

    silent = [window for window in windows if not window.phases]
    assert front_end.restarts == 5
    assert len(silent) == 4
    assert sum(window.missing_ms for window in windows) == pytest.approx(5300, abs=200)


def test_the_modules_own_register_counts_through_restarts_and_resets() -> None:
    """What it counted while this meter was down is there; a first sight and a register that went back count nothing."""
    kept = area()
    counts = [counted_wh(kept, wh) for wh in ([77, 80], [100], [5, 9])]

    assert counts == [3, 20, 4]


def area() -> RtcArea:
    return RtcAreas(RtcMemory(), (AREA_BYTES,)).areas[0]


def counted_wh(kept: RtcArea, register: list[int]) -> int:
    """Of one life, in which the module shows these registers one after the other."""
    answers = [rtu_frame(1, struct.pack(">BB8H", 4, 16, *REGISTERS[:5], wh, 0, 500)) for wh in register]
    front_end, counters = Pzem004t(Module(lambda number: answers[min(number, len(answers)) - 1]), kept), Counters(1)
    for _ in range(60 * len(answers)):
        if front_end.poll(TURN_US) is not None:
            front_end.settle(counters, calibration())
    return counters.counters_mwh[KINDS + ACTIVE_IMPORT] // 1000
