"""S0 pulses, counted by the chip or by looking at a pin."""

import random

import pytest

from firmware.front_ends.pulse_input import CountedPulses, PolledPulses, PulseEnergy


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
    pulses = CountedPulses(lambda: next(values), 32767)

    assert [pulses.poll(1000) for _ in range(3)] == [1, 1, 3]
    assert pulses.pulses == 5


def test_the_rest_of_a_pulse_is_carried() -> None:
    """Three pulses of a third of a Wh are a Wh."""
    energy = PulseEnergy(3000, 5)
    for _ in range(3):
        energy.add(1)

    assert energy.energy_mwh == 1005


def test_the_distance_of_two_pulses_gives_the_power() -> None:
    """1000 a kWh, one a second: 3.6 kW."""
    assert PulseEnergy(1000).power_mw(1000000) == 3600000
