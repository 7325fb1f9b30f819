"""One meter as the line owner sees it: where it is, what is read from it by which blocks, what it said last.

What a failed request means for the next one is `condition`'s matter; sending is `owner`'s.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from gateway.acquire.own import JOURNAL_AGE, LATCH, LATCH_AGE, LATCH_VALUES_AGE, Own, own_of
from gateway.acquire.unit import Unit
from gateway.acquire.wants import ENERGY, FACTS, POWER, Wants, blocks, blocks_with, wants
from gateway.interfaces import Memory
from gateway.site import LineTable, MeterTable
from gateway.status import MeterStatus, SubmeterStatus
from protocols.meter import Meter
from protocols.pdu import READ_MAX, ReadRequest
from protocols.plan import Block, Hole
from protocols.quantity import COUNTER, QUANTITIES
from protocols.register import Image, Row, decode_from, span

log = logging.getLogger(__name__)

NO_VALUE = "no_value"  # the register holds the meter's own pattern for "not measured"


@dataclass(frozen=True)
class StationSpec:
    """`counted` are the quantities that are booked from this meter."""

    table: MeterTable
    line: LineTable
    meter: Meter
    counted: tuple[str, ...]

    @property
    def address(self) -> int | str:
        assert self.table.address is not None, "a meter on a line has an address: site_check"
        return self.table.address


class Station(Unit):
    def __init__(self, spec: StationSpec, memory: Memory | None = None, now_ms: int = 0) -> None:
        super().__init__(spec.line, spec.address, spec.meter.limits, spec.meter.language)
        self.spec = spec
        self.own: Own | None = own_of(spec.meter)
        self._wants = {pace: wants(spec.meter, pace, spec.counted) for pace in (POWER, ENERGY, FACTS)}
        self._needed = {(row.function, address) for row in (*spec.meter.rows, *spec.meter.ratios) for address in range(*span(row))}
        self._holes: list[Hole] = list(spec.meter.holes)
        self._alone: set[str] = set()  # quantities that are read one by one to find out which of them is refused
        self._doubted: set[Block] = set()
        self._refused: dict[str, str] = {}
        self._plans: dict[str, tuple[Block, ...]] = {}
        self._facts: Image = {}
        self._memory = memory
        self._recall(now_ms)
        self.submeter: SubmeterStatus | None = None
        self.values: Mapping[str, int] = {}
        self.time_ms: int | None = None

    @property
    def name(self) -> str:
        return self.spec.table.name

    @property
    def needs_facts(self) -> bool:
        """Ratios are not known yet: no value can be made of what is read."""
        return bool(self.spec.meter.ratios) and not self._facts

    def blocks(self, pace: str) -> tuple[Block, ...]:
        if pace not in self._plans:
            wanted = self._wants[pace]
            readable = Wants(self._readable(wanted.essential), self._readable(wanted.riders))
            if self.own is not None and pace == ENERGY:
                self._plans[pace] = blocks_with(self.own.row(JOURNAL_AGE), readable, self.costs, self._holes)
            else:
                self._plans[pace] = blocks(readable, self.costs, self._holes)
        return self._plans[pace]

    def copies(self, pace: str) -> tuple[Block, ...]:
        """The blocks of what a latch froze, with the registers that say which latch it was."""
        assert self.own is not None, "others have no copies"
        key = f"copies of {pace}"
        if key not in self._plans:
            wanted = wants(self.own.copies, pace, self.spec.counted)
            self._plans[key] = blocks_with(self.own.row(LATCH, LATCH_VALUES_AGE, LATCH_AGE), wanted, self.costs, self.own.copies.holes)
        return self._plans[key]

    def _readable(self, rows: Iterable[Row]) -> tuple[Row, ...]:
        return tuple(row._replace(alone=row.alone or row.quantity in self._alone) for row in rows if row.quantity not in self._refused)

    def ordered(self, pace: str) -> tuple[Block, ...]:
        """The blocks with one first whose answer cannot be an older one's, if there is any."""
        found = self.blocks(pace)
        return tuple(sorted(found, key=lambda block: self.condition.suspect(2 + 2 * block.count)))

    def probe(self) -> ReadRequest:
        every = [block for pace in (POWER, ENERGY, FACTS) for block in self.blocks(pace)]
        if not every:
            return super().probe()
        used = {block.count for block in every}
        first = every[0]
        # Even counts first: many meters answer only whole 32-bit values, though a refusal is an answer as well.
        for length in (*range(2, first.count, 2), *range(1, READ_MAX)):
            if length not in used and not self.condition.unanswered(2 + 2 * length):
                return ReadRequest(first.function, first.address, length)
        return ReadRequest(first.function, first.address, first.count)

    def note(self, values: Mapping[str, int], time_ms: int | None) -> None:
        """Keep the newest values for the pages; a new mapping, since other threads read it."""
        self.values = {**self.values, **values}
        self.time_ms = time_ms

    def decoded(self, block: Block, words: tuple[int, ...]) -> tuple[dict[str, int], dict[str, str]]:
        """Values and reasons of the block's rows."""
        image: Image = {**self._facts, **{(block.function, block.address + index): word for index, word in enumerate(words)}}
        values: dict[str, int] = {}
        missing: dict[str, str] = {}
        for row in block.rows:
            value = decode_from(row, image)
            if value is None or (value < 0 and QUANTITIES[row.quantity].kind == COUNTER):
                missing[row.quantity] = NO_VALUE
            else:
                values[row.quantity] = value
        return values, missing

    def learn_facts(self, block: Block, words: tuple[int, ...]) -> bool:
        """Keep ratio registers; True if they differ from what was known."""
        found = {(block.function, block.address + index): word for index, word in enumerate(words)}
        changed = any(place in self._facts and self._facts[place] != word for place, word in found.items())
        self._facts = {**self._facts, **found}
        return changed

    def learn_refusal(self, block: Block, reason: str, *, sure: bool) -> None:
        """Exception 2: addresses of the block that no row needs are holes; a block without any is tried row by row.

        Unless `sure` it may have been the refusal of an older request: the same block must be refused twice.
        """
        if not sure and block not in self._doubted:
            self._doubted.add(block)
            return
        gaps = [address for address in range(block.address, block.address + block.count) if (block.function, address) not in self._needed]
        if gaps:
            self._holes += [Hole(block.function, address, address + 1) for address in gaps]
        elif len(block.rows) > 1:
            self._alone |= {row.quantity for row in block.rows}
        else:
            self._refused[block.rows[0].quantity] = reason
        self._remember()
        log.info("%s refuses registers %d to %d; they are read around", self.name, block.address, block.address + block.count - 1)
        self._plans.clear()

    def _recall(self, now_ms: int) -> None:
        """Holes that were found before this start need not be run into again."""
        known = None if self._memory is None else self._memory.recall(self.name, self._fingerprint, now_ms)
        if known is not None:
            self._holes += [Hole(*each) for each in known["holes"] if Hole(*each) not in self._holes]
            self._alone |= set(known["alone"])
            self._refused |= known["refused"]

    def _remember(self) -> None:
        if self._memory is not None:
            found = {"holes": [list(hole) for hole in self._holes], "alone": sorted(self._alone), "refused": self._refused}
            self._memory.keep(self.name, self._fingerprint, found)

    @property
    def _fingerprint(self) -> str:
        """Changes with everything that decides what is read: another file, another address, another model."""
        said = (self.spec.address, self.spec.meter._replace(origin="", sources=(), notes=()), self.spec.counted)
        return sha256(repr(said).encode()).hexdigest()

    def refused(self, pace: str) -> dict[str, str]:
        """Quantities of the pace that the meter does not give, with the reason."""
        rows = (*self._wants[pace].essential, *self._wants[pace].riders)
        return {row.quantity: self._refused[row.quantity] for row in rows if row.quantity in self._refused}

    def status(self, next_poll_s: float | None) -> MeterStatus:
        table, condition = self.spec.table, self.condition
        learnt = condition.turnaround.learnt
        return MeterStatus(
            name=table.name,
            model=table.model,
            line=table.line,
            address=table.address,
            role=table.role,
            parent=table.parent,
            production_line=table.production_line,
            state=condition.state,
            reason=condition.reason,
            time_ms=self.time_ms,
            values=self.values,
            counters=condition.counters,
            turnaround_median_ms=condition.turnaround.median_us / 1000 if learnt else None,
            turnaround_slow_ms=condition.turnaround.slow_us / 1000 if learnt else None,
            next_poll_ms=None if next_poll_s is None else max(0, round(next_poll_s * 1000)),
            submeter=self.submeter,
        )


def change_us(station: Station, stations: Sequence[Station]) -> int:
    """The silence that its file wants when the line has spoken to another meter: once a round, beyond that before each request."""
    limits = station.limits
    return max(0, limits.change_gap_ms - limits.gap_ms) * 1000 if len(stations) > 1 else 0
