"""What stands in the factory and how each thing behaves in a slot: eight loads, offices, solar roof.

Rules only: slot number and dice in, base and swing in watts and a shape out. Three shifts change at 06, 14 and
22 o'clock; work begins on Monday at 06:00 and ends on Saturday at 06:00; each shift has three breaks.
"""

import math
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from tools.factory.loads import FLAT, FULL, SLOT_SECONDS, Dice, Rule, Shape, Slot, Source

# China has had one time and no summer time since 1991.
UTC_OFFSET_SLOTS = 32
_SLOTS_A_DAY = 96
_SLOTS_A_WEEK = 7 * _SLOTS_A_DAY
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday
_SHIFT_SLOTS = 32
_SHIFT_FIRST_SLOT = 24  # 06:00
# Slots of a shift in which the line stands: 15 minutes after two hours, 30 after four, 15 before the last hour.
_BREAKS = frozenset({8, 16, 17, 27})


class Moment(NamedTuple):
    weekday: int  # 0 is Monday
    slot: int  # of the local day

    @property
    def working(self) -> bool:
        since_start = self.weekday * _SLOTS_A_DAY + self.slot - _SHIFT_FIRST_SLOT
        return 0 <= since_start < 5 * _SLOTS_A_DAY

    @property
    def shift(self) -> int:
        """0 early, 1 late, 2 night."""
        return (self.slot - _SHIFT_FIRST_SLOT) % _SLOTS_A_DAY // _SHIFT_SLOTS

    @property
    def on_break(self) -> bool:
        return (self.slot - _SHIFT_FIRST_SLOT) % _SHIFT_SLOTS in _BREAKS


def moment(number: int) -> Moment:
    local = number + UTC_OFFSET_SLOTS
    return Moment((local // _SLOTS_A_DAY + _EPOCH_WEEKDAY) % 7, local % _SLOTS_A_DAY)


# One stroke: the flywheel is braked by the blow and driven up again, then waits for the next part.
_BLOW = (450, 1_000, 820, 560, 330, 210)
_STROKES = {period: Shape(_BLOW + (120,) * (period - len(_BLOW))) for period in (10, 12, 15, 18)}
# One heating cycle of five minutes, one air cycle of ninety seconds, by the per mille of the time they are on.
_HEATING = {duty: Shape((FULL,) * (300 * duty // FULL) + (0,) * (300 - 300 * duty // FULL)) for duty in range(0, FULL + 1, 50)}
_AIR = {duty: Shape((0,) * (90 - 90 * duty // FULL) + (FULL,) * (90 * duty // FULL)) for duty in range(0, FULL + 1, 100)}
_FILTER = Shape((FULL,) * 4 + (0,) * 26)
_RAMP = Shape(tuple(second * FULL // SLOT_SECONDS for second in range(SLOT_SECONDS)))


def _machining(seed: int) -> Shape:
    """A program of two and a half minutes: roughing, tool changes, finishing."""
    random = Random(seed)
    passes: list[int] = []
    while len(passes) < 150:
        passes += [random.choice((80, 350, 600, 850, 1_000))] * random.randint(4, 14)
    return Shape(tuple(passes[:150]))


_PROGRAMS = tuple(_machining(seed) for seed in range(3))


def press(blow_w: int, standstill: int) -> Rule:
    """`standstill` is the per mille of slots lost to tool changes and faults."""

    def rule(number: int, dice: Dice) -> Slot:
        now = moment(number)
        if not now.working:
            return Slot(180)
        if now.on_break or dice(number) < standstill:
            return Slot(2_600)
        periods = (10, 12, 12, 15) if now.shift < 2 else (12, 15, 15, 18)
        period = periods[dice(number // 8) % 4]
        return Slot(2_600, blow_w, _STROKES[period], period)

    return rule


def furnace(number: int, dice: Dice) -> Slot:
    now = moment(number)
    if now.weekday == 0 and 8 <= now.slot < _SHIFT_FIRST_SLOT:
        duty = 950  # heats up before the first shift of the week
    elif now.working:
        duty = (500 if now.on_break else 600) + dice(number) % 4 * 50
    else:
        duty = 200
    return Slot(600, 38_000, _HEATING[duty])


def compressor(number: int, dice: Dice) -> Slot:
    """Leaks take air also when nobody works."""
    now = moment(number)
    busy = (300 if now.on_break else 600) + dice(number) % 3 * 100
    return Slot(2_200, 22_000, _AIR[busy if now.working else 200])


def lighting(number: int, dice: Dice) -> Slot:  # noqa: ARG001 - a rule like the others
    now = moment(number)
    if not now.working:
        return Slot(420)
    return Slot(4_300 if 30 <= now.slot < 66 else 5_900)


def cooling(number: int, dice: Dice) -> Slot:  # noqa: ARG001 - a rule like the others
    """Around the clock, always the same: the samples that its real meter is given hold one round of it."""
    return Slot(1_600, 8_400, _AIR[400])


def ventilation(number: int, dice: Dice) -> Slot:  # noqa: ARG001 - a rule like the others
    """As `cooling`; the filters are blown clean every half minute."""
    return Slot(4_900, 1_300, _FILTER)


def machining_centre(number: int, dice: Dice) -> Slot:
    now = moment(number)
    if not now.working or now.shift == 2:
        return Slot(350)
    if now.on_break or dice(number) < 80:
        return Slot(1_900)
    return Slot(1_900, 19_000, _PROGRAMS[dice(number // 16) % len(_PROGRAMS)])


def offices(number: int, dice: Dice) -> Slot:
    now = moment(number)
    if now.weekday < 5 and 30 <= now.slot < 72:
        return Slot(2_400 + dice(number) * 2)
    return Slot(650 + dice(number) // 5)


def solar(peak_w: int) -> Rule:
    """Half a sine between 06:00 and 18:00 under the clouds of the day; straight lines between the quarter hours."""

    def output_w(number: int, dice: Dice) -> int:
        local = number + UTC_OFFSET_SLOTS
        slot = local % _SLOTS_A_DAY
        if not 24 < slot < 72:
            return 0
        height = math.sin(math.pi * (slot - 24) / 48)
        day = (1_000, 930, 700, 380)[dice(-(local // _SLOTS_A_DAY)) % 4]
        veil = dice(number) % (1 + (FULL - day) // 2) if day < FULL else 0
        return round(peak_w * math.pow(height, 1.2)) * (day - veil) // FULL

    def rule(number: int, dice: Dice) -> Slot:
        begins, ends = output_w(number, dice), output_w(number + 1, dice)
        return Slot(begins, ends - begins, _RAMP if ends != begins else FLAT)

    return rule


class Equipment(NamedTuple):
    rule: Callable[[int, Dice], Slot]
    shares: tuple[int, int, int]
    reactive: int  # per mille of the active power


PV = "pv"
OFFICES = "offices"
# Name -> rule, phase shares, reactive share. Everything but the offices has a meter.
EQUIPMENT = {
    "press-1": Equipment(press(52_000, 40), (336, 331, 333), 620),
    "press-2": Equipment(press(33_000, 70), (331, 335, 334), 570),
    "furnace": Equipment(furnace, (334, 333, 333), 50),
    "compressor": Equipment(compressor, (333, 332, 335), 590),
    "lighting": Equipment(lighting, (FULL, 0, 0), 120),
    "cnc": Equipment(machining_centre, (330, 338, 332), 480),
    "cooling": Equipment(cooling, (334, 332, 334), 540),
    "ventilation": Equipment(ventilation, (333, 334, 333), 420),
    OFFICES: Equipment(offices, (280, 390, 330), 200),
    PV: Equipment(solar(90_000), (334, 333, 333), 0),
}


def sources(seed: int, first_slot: int) -> dict[str, Source]:
    return {name: Source(name, each.rule, seed, first_slot, shares=each.shares, reactive=each.reactive) for name, each in EQUIPMENT.items()}
