"""The registers of our own submeters beyond the measured ones: which they are, and their numbers out of what was read.

What is done with them is `latch`'s and `care`'s matter. A meter file that names these fields is ours, or speaks as ours does.
"""

from collections.abc import Sequence
from typing import NamedTuple

from protocols.meter import Meter, latched
from protocols.meter_fields import Field
from protocols.pdu import READ_HOLDING, ReadRequest, pack_words
from protocols.plan import Block
from protocols.register import Row, new_row

# Written to all meters at once; number and ages are read back with the copies.
LATCH, LATCH_VALUES_AGE, LATCH_AGE = "latch", "latch_values_age_ms", "latch_age_ms"
JOURNAL_AGE = "journal_age_ms"  # of what the counters say
CLOCK = "clock_ms"
QUALITY = (
    "coverage", "missing_ms", "clipped", "front_end_restarts", "counter_epoch", JOURNAL_AGE, "boots", "uptime_s", "watchdog_resets",
    "frames_lost", "crc_errors", "clock_state",
)  # fmt: skip
PROFILE = ("profile_select", "profile_first", "profile_count", "profile_data")
_NEEDED = (LATCH, LATCH_VALUES_AGE, LATCH_AGE, CLOCK, *QUALITY, *PROFILE)


class Own(NamedTuple):
    """`copies` is the meter read from what a latch froze; `fields` are its registers by name."""

    copies: Meter
    fields: dict[str, Field]

    def read(self, *names: str) -> ReadRequest:
        """One request from the first to the last of them."""
        found = [self.fields[name] for name in names]
        first = min(field.address for field in found)
        return ReadRequest(READ_HOLDING, first, max(field.address + field.words for field in found) - first)

    def row(self, *names: str) -> Row:
        """For the planner: registers that must be read together, whatever they hold."""
        request = self.read(*names)
        return new_row("", READ_HOLDING, request.address, {1: "uint16", 2: "uint32", 4: "uint64"}[request.count])

    def number(self, name: str, first: int, words: Sequence[int]) -> int | None:
        """The field's number in `words` that were read from register `first` on; None where it is not among them or has no value."""
        field = self.fields[name]
        held = tuple(words[field.address - first : field.address - first + field.words]) if field.address >= first else ()
        if len(held) < field.words or all(word == 0xFFFF for word in held):
            return None
        return int.from_bytes(pack_words(held), "big")

    def number_in(self, name: str, block: Block, words: Sequence[int]) -> int | None:
        return self.number(name, block.address, words) if block.function == READ_HOLDING else None


def own_of(meter: Meter) -> Own | None:
    """None for a meter of others."""
    fields = {field.name: field for field in meter.fields}
    if not meter.frozen or any(name not in fields for name in _NEEDED):
        return None
    return Own(latched(meter), fields)


def words_of(value: int, field: Field) -> tuple[int, ...]:
    return tuple(value >> 16 * place & 0xFFFF for place in range(field.words - 1, -1, -1))
