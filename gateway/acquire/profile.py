"""The load profile of our own submeter as the gateway reads it: which quarters are wanted, and what a window of them says.

A quarter is Unix seconds / 900; its record tells how the counters stood at its end. Pure: nothing is sent here.
"""

from collections.abc import Sequence

from gateway.acquire.own import Own, words_of
from protocols.meter_fields import Field
from protocols.pdu import ReadWriteRegisters, pack_words
from protocols.reading import IMPORTED, Reading

QUARTER_MS = 900_000
RECORD = "record_"
_RECORDED = 0  # the first of the codes of `record_state`


def wanted_quarters(gaps: Sequence[tuple[int, int]], unrecorded: set[int]) -> list[int]:
    """The quarters whose ends lie inside a gap, oldest first."""
    found = (quarter for from_ms, to_ms in gaps for quarter in range(from_ms // QUARTER_MS + 1, -(-to_ms // QUARTER_MS)))
    return sorted(set(found) - unrecorded)


def select(own: Own, first: int) -> ReadWriteRegisters:
    """Selects and reads the window in one exchange, so that another master's choice cannot come in between."""
    fields = own.fields
    window = own.read("profile_first", "profile_count", "profile_data")
    return ReadWriteRegisters(window.address, window.count, fields["profile_select"].address, words_of(first, fields["profile_select"]))


class Profile:
    """One window as it was read from register `address` on."""

    def __init__(self, own: Own, address: int, words: Sequence[int]) -> None:
        self.first = own.number("profile_first", address, words)
        self.count = own.number("profile_count", address, words) or 0
        data = own.fields["profile_data"]
        self._fields = {name: each for name, each in own.fields.items() if each.section == "profile_record"}
        self._words = max(each.address + each.words for each in self._fields.values())
        self._data = words[data.address - address : data.address - address + data.words]

    def records(self) -> list[dict[str, int]]:
        whole = min(self.count, len(self._data) // self._words)
        return [self._record(self._data[index * self._words : (index + 1) * self._words]) for index in range(whole)]

    def _record(self, words: Sequence[int]) -> dict[str, int]:
        return {name: _number(words, each) for name, each in self._fields.items()}


def _number(words: Sequence[int], place: Field) -> int:
    return int.from_bytes(pack_words(tuple(words[place.address : place.address + place.words])), "big")


def readings_of(window: Profile, meter: str, epoch: int | None, wanted: set[int], quantities: set[str]) -> tuple[list[Reading], set[int]]:
    """The readings of the wanted quarters, and the quarters that the meter has not.

    They carry their own date and the boot number of what came from elsewhere. Totals of another epoch than
    the present one belong to another count: a difference between the two is no energy, so they are left out.
    """
    fresh: list[Reading] = []
    lost: set[int] = set()
    for record in window.records():
        quarter = record["quarter"]
        if quarter not in wanted:
            continue
        if record["record_state"] != _RECORDED or record["record_epoch"] != epoch:
            lost.add(quarter)
            continue
        values = {name.removeprefix(RECORD): value for name, value in record.items() if name.removeprefix(RECORD) in quantities}
        fresh.append(Reading(meter, IMPORTED, 0, quarter * QUARTER_MS, values, {}))
    return fresh, lost
