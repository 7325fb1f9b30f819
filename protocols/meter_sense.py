"""What makes no sense in a meter file although each of its rows is well formed: registers used twice, in a hole, or too many for one read.

Each is usually a wrong address, and would else show as a wrong value or as one that is never read.
"""

from collections.abc import Iterator, Sequence

from protocols.meter_form import Mistakes
from protocols.plan import Hole
from protocols.register import HIGH_BYTE, LOW_BYTE, TYPES, Row, count, span


def tell_nonsense(rows: Sequence[Row], holes: Sequence[Hole], registers_max: int, mistakes: Mistakes) -> None:
    taken: dict[tuple[int, int, str], str] = {}
    for number, row in enumerate(rows, start=1):
        place = f"registers.rows[{number}]"
        if count(row) > registers_max:
            mistakes.add(place, f"{row.quantity} takes {count(row)} registers, and limits.registers_max is {registers_max}")
        first, end = span(row)  # with what must be read together with it
        if any(hole.function == row.function and hole.first < end and first < hole.end for hole in holes):
            mistakes.add(place, f"{row.quantity} lies in one of the holes: it would never be read")
        for other in dict.fromkeys(taken.setdefault(each, row.quantity) for each in _places(row)):
            if other != row.quantity:
                mistakes.add(place, f"{row.quantity} (from register {row.address}) and {other} share registers: one address is wrong")


def _places(row: Row) -> Iterator[tuple[int, int, str]]:
    """Its half registers. What is added to it may well be another row too: the phases of a sum."""
    halves = [row.type] if TYPES[row.type][1] in (HIGH_BYTE, LOW_BYTE) else [HIGH_BYTE, LOW_BYTE]
    for address in range(row.address, row.address + count(row)):
        for half in halves:
            yield row.function, address, half
