"""Sources of power as exact functions of time: the power at an instant, the energy and the strokes until then.

Time is cut into slots of 15 minutes. Inside a slot the power is constant within each second and follows a short
repeating shape, so that integrals are sums of integers and the same whatever steps they are taken in.
Powers are whole mW, energies whole uJ (mW x ms). Pure: what a source does in a slot is its rule's matter,
chance comes from `Dice`, and a rule may look at nothing but slot number and dice.
"""

from collections.abc import Callable
from hashlib import blake2b
from itertools import accumulate
from typing import NamedTuple

SLOT_MS = 900_000
SLOT_SECONDS = 900
_SECOND_MS = 1_000
FULL = 1_000  # shapes and shares are per mille

# Slot number (or any other number) -> 0 to 999, the same for the same source, seed and number.
Dice = Callable[[int], int]


class Shape:
    """Per mille of the swing for each second; its length divides the slot's 900 seconds."""

    def __init__(self, per_mille: tuple[int, ...]) -> None:
        assert SLOT_SECONDS % len(per_mille) == 0, f"a shape of {len(per_mille)} s does not fill 15 minutes"
        self.per_mille = per_mille
        self.least, self.most = min(per_mille), max(per_mille)
        self._sums = (0, *accumulate(per_mille))

    def until(self, milliseconds: int) -> int:
        """The integral, in per mille x ms, from the slot's beginning."""
        second, rest_ms = divmod(milliseconds, _SECOND_MS)
        rounds, at = divmod(second, len(self.per_mille))
        return (rounds * self._sums[-1] + self._sums[at]) * _SECOND_MS + self.at(second) * rest_ms

    def at(self, second: int) -> int:
        return self.per_mille[second % len(self.per_mille)]


FLAT = Shape((0,))


class Slot(NamedTuple):
    """`swing_w` may be negative; `stroke_seconds` is the time of one press stroke, 0 for none."""

    base_w: int
    swing_w: int = 0
    shape: Shape = FLAT
    stroke_seconds: int = 0

    def power_mw(self, second: int) -> int:
        return self.base_w * 1_000 + self.swing_w * self.shape.at(second)

    def energy_uj(self, milliseconds: int) -> int:
        return self.base_w * 1_000 * milliseconds + self.swing_w * self.shape.until(milliseconds)

    def strokes(self, milliseconds: int) -> int:
        return milliseconds // (self.stroke_seconds * _SECOND_MS) if self.stroke_seconds else 0

    def bounds_mw(self) -> tuple[int, int]:
        ends = (self.swing_w * self.shape.least, self.swing_w * self.shape.most)
        return self.base_w * 1_000 + min(ends), self.base_w * 1_000 + max(ends)

    def every_second(self, weight: int) -> list[int]:
        """The swing alone, in mW times `weight`."""
        once = [weight * self.swing_w * each for each in self.shape.per_mille]
        return once * (SLOT_SECONDS // len(once))


Rule = Callable[[int, Dice], Slot]


def dice(seed: int, name: str) -> Dice:
    def throw(number: int) -> int:
        digest = blake2b(f"{seed}/{name}/{number}".encode(), digest_size=4).digest()
        return int.from_bytes(digest, "big") % FULL

    return throw


class Source:
    """A load or generator; its counters stand at 0 at the beginning of slot `first_slot` and never go back.

    `shares` are the per mille of the power on each phase; `reactive` is the reactive power per mille of the active.
    """

    def __init__(
        self, name: str, rule: Rule, seed: int, first_slot: int, *, shares: tuple[int, int, int] = (334, 333, 333), reactive: int = 0
    ) -> None:
        assert sum(shares) == FULL, f"the phases of {name} do not carry the whole"
        self.name = name
        self.first_slot = first_slot
        self.channels = (FULL, *shares)
        self.reactive = reactive
        self._rule = rule
        self._dice = dice(seed, name)
        self._slots: list[Slot] = []
        self._energy_uj = [0]  # at the beginning of each slot
        self._strokes = [0]

    def slot(self, number: int) -> Slot:
        """Everything before the first slot is worked out up to `number` and kept: two weeks are 1344 slots."""
        assert number >= self.first_slot, f"{self.name} does not exist before its first slot"
        while len(self._slots) <= number - self.first_slot:
            slot = self._rule(self.first_slot + len(self._slots), self._dice)
            self._slots.append(slot)
            self._energy_uj.append(self._energy_uj[-1] + slot.energy_uj(SLOT_MS))
            self._strokes.append(self._strokes[-1] + slot.strokes(SLOT_MS))
        return self._slots[number - self.first_slot]

    def power_mw(self, time_ms: int) -> int:
        number, rest_ms = divmod(time_ms, SLOT_MS)
        return self.slot(number).power_mw(rest_ms // _SECOND_MS)

    def energy_uj(self, time_ms: int) -> int:
        number, rest_ms = divmod(time_ms, SLOT_MS)
        slot = self.slot(number)
        return self._energy_uj[number - self.first_slot] + slot.energy_uj(rest_ms)

    def strokes(self, time_ms: int) -> int:
        number, rest_ms = divmod(time_ms, SLOT_MS)
        slot = self.slot(number)
        return self._strokes[number - self.first_slot] + slot.strokes(rest_ms)


TOTAL = 0  # channel; 1 to 3 are the phases


class _Instant(NamedTuple):
    time_ms: int
    powers_mw: tuple[int, ...]
    energies_uj: tuple[int, ...]


class Balance:
    """Loads less generators at one point of the network, its energy parted into import and export for the
    total and each phase, as a meter with one pair of counters each does it. Powers in uW, energies in nJ.
    """

    def __init__(self, loads: tuple[Source, ...], generators: tuple[Source, ...] = ()) -> None:
        self.signed = tuple((source, 1) for source in loads) + tuple((source, -1) for source in generators)
        self.first_slot = max(source.first_slot for source, _ in self.signed)
        self._parted: list[list[tuple[int, int]]] = [[(0, 0)] for _ in range(4)]
        self._instant = _Instant(-1, (), ())
        self._directions: dict[int, tuple[int, int]] = {}
        self._newest: dict[int, tuple[int, list[int]]] = {}

    def power_uw(self, channel: int, time_ms: int) -> int:
        powers = self._at(time_ms).powers_mw
        return sum(sign * source.channels[channel] * power for (source, sign), power in zip(self.signed, powers, strict=True))

    def reactive_uvar(self, channel: int, time_ms: int) -> int:
        powers = self._at(time_ms).powers_mw
        parts = zip(self.signed, powers, strict=True)
        return sum(sign * source.channels[channel] * power * source.reactive // FULL for (source, sign), power in parts)

    def reactive_energy_nvars(self, channel: int, time_ms: int) -> int:
        """Only loads take reactive power, so that one counter is enough."""
        parts = zip(self.signed, self._at(time_ms).energies_uj, strict=True)
        return sum(source.channels[channel] * energy * source.reactive // FULL for (source, sign), energy in parts if sign > 0)

    def energy_nj(self, channel: int, time_ms: int) -> tuple[int, int]:
        """Imported and exported since the first slot."""
        number, rest_ms = divmod(time_ms, SLOT_MS)
        parted = self._parted[channel]
        while len(parted) <= number - self.first_slot:
            done = self.first_slot + len(parted) - 1
            gone_in, gone_out = parted[-1]
            more_in, more_out = self._within(channel, done, SLOT_MS)
            parted.append((gone_in + more_in, gone_out + more_out))
        before_in, before_out = parted[number - self.first_slot]
        now_in, now_out = self._within(channel, number, rest_ms)
        return before_in + now_in, before_out + now_out

    def _at(self, time_ms: int) -> "_Instant":
        """A meter asks for forty values of one instant: its sources are asked once."""
        if self._instant.time_ms != time_ms:
            sources = [source for source, _ in self.signed]
            self._instant = _Instant(
                time_ms, tuple(each.power_mw(time_ms) for each in sources), tuple(each.energy_uj(time_ms) for each in sources)
            )
        return self._instant

    def _within(self, channel: int, number: int, milliseconds: int) -> tuple[int, int]:
        slots = [(source.slot(number), sign * source.channels[channel]) for source, sign in self.signed]
        net = sum(weight * slot.energy_uj(milliseconds) for slot, weight in slots)
        direction = self._direction(channel, number, slots)
        if direction:
            return (net, 0) if direction > 0 else (0, -net)
        powers = self._by_second(channel, number, slots)
        second, rest_ms = divmod(milliseconds, _SECOND_MS)
        gone_in = _SECOND_MS * sum(power for power in powers[:second] if power > 0)
        if rest_ms:
            gone_in += rest_ms * max(powers[second], 0)
        return gone_in, gone_in - net

    def _direction(self, channel: int, number: int, slots: list[tuple[Slot, int]]) -> int:
        """1 or -1 where the power cannot change its sign within the slot, 0 where it may."""
        kept = self._directions.get(channel)
        if kept is None or kept[0] != number:
            ends = [sorted(weight * each for each in slot.bounds_mw()) for slot, weight in slots]
            least, most = (sum(each) for each in zip(*ends, strict=True))
            kept = (number, 1 if least >= 0 else -1 if most <= 0 else 0)
            self._directions[channel] = kept
        return kept[1]

    def _by_second(self, channel: int, number: int, slots: list[tuple[Slot, int]]) -> list[int]:
        """Where the sign may change inside the slot: the power of each second; the newest slot is kept for live reads."""
        kept = self._newest.get(channel)
        if kept is None or kept[0] != number:
            base = sum(weight * slot.base_w for slot, weight in slots) * 1_000
            swings = [slot.every_second(weight) for slot, weight in slots if slot.swing_w]
            kept = (number, [base + sum(each) for each in zip(*swings, strict=True)] or [base] * SLOT_SECONDS)
            self._newest[channel] = kept
        return kept[1]
