"""Ten minutes of the fastest pulses through the pulse input, by the interpreter of the board; `test_pulse_input` runs it."""

import sys

sys.path.insert(0, ".")

import random

from firmware.front_ends.pulse_input import COUNTER_MODULUS, CountedPulses, PolledPulses
from tools.board.contact import Contact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MINUTES = 10
CHANCE: "Any" = random  # the module itself has what is needed of random.Random, which MicroPython has not


def polled() -> None:
    contact = Contact(CHANCE, 30000, 2500)
    pulses = PolledPulses(contact.is_on)
    while contact.now_us < MINUTES * 60000000:
        elapsed_us = 1000 + random.randrange(9001)
        contact.pass_time(elapsed_us)
        pulses.poll(elapsed_us)
    contact.stop()
    for _ in range(300):
        contact.pass_time(1000)
        pulses.poll(1000)
    assert pulses.pulses == contact.pulses > 9000, (pulses.pulses, contact.pulses)


def counted() -> None:
    contact = Contact(CHANCE, 30000, 2500)
    pulses = CountedPulses(lambda: contact.edges % COUNTER_MODULUS, COUNTER_MODULUS, contact.is_on_cleaned)
    while contact.now_us < 3 * MINUTES * 60000000:  # it comes round once
        contact.pass_time(80000)
        pulses.poll(80000)
    contact.stop()
    contact.pass_time(100000)
    pulses.poll(100000)
    assert pulses.pulses == contact.pulses > 28000, (pulses.pulses, contact.pulses)


random.seed(7)
polled()
counted()
print("all good")  # noqa: T201 - what the test waits for
