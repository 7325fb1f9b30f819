"""Wanted registers and the costs of the wire -> the block reads with the least wire time.

An exact dynamic programme. A block that contains another needs no second request, so in some best plan
the blocks follow one another both by begin and by end; then each takes neighbouring rows in order of
their address, and trying every such partition from the right tries enough. Who sends the requests, and
when, is not known here.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from protocols import frame
from protocols.errors import OurMistake
from protocols.pdu import READ_MAX
from protocols.register import Row, span

_RTU_BYTES = 3  # unit address and CRC around a PDU
READ_REQUEST_BYTES = 5
_READ_REPLY_BYTES = 2  # before the data
# Plans of equal cost that are compared for the number of equal block lengths: ties come from cuts
# through long gapless runs, a few hundred at most; a worse tie costs nothing but a drain after a time-out.
_TIES_MAX = 1_000


class Costs(NamedTuple):
    bits_per_byte: int
    bits_per_second: int
    silence_us: int  # t3.5, before the request and before the reply
    turnaround_us: int  # from the request's end to the reply's begin
    gap_us: int  # what the meter file asks for beyond that, before every request
    frame_bytes: int  # around each PDU
    registers_max: int


class Hole(NamedTuple):
    """Addresses from `first` up to, without, `end` that answer exception 2."""

    function: int
    first: int
    end: int


class Block(NamedTuple):
    function: int
    address: int
    count: int  # type: ignore[assignment]  # the field's word, over tuple.count
    rows: tuple[Row, ...]


def rtu_costs(baud: int, parity: str, stop_bits: int, turnaround_us: int, gap_us: int, registers_max: int) -> Costs:
    bits = 1 + 8 + (parity != "N") + stop_bits
    return Costs(bits, baud, frame.t35_us(baud), turnaround_us, gap_us, _RTU_BYTES, min(registers_max, READ_MAX))


def tcp_costs(bits_per_second: int, turnaround_us: int, gap_us: int, registers_max: int) -> Costs:
    return Costs(8, bits_per_second, 0, turnaround_us, gap_us, frame.TCP_HEADER, min(registers_max, READ_MAX))


def wire_us(block: Block, costs: Costs) -> int:
    """How long one request and its reply occupy the wire, rounded up."""
    return -(-_cost(block.count, costs) // costs.bits_per_second)


def span_us(pdu_bytes: int, costs: Costs) -> int:
    """How long the bytes of a request and its reply take, without any silence; `pdu_bytes` are those of both PDUs. Rounded up."""
    return -(-(pdu_bytes + 2 * costs.frame_bytes) * costs.bits_per_byte * 1_000_000 // costs.bits_per_second)


def plan(rows: Iterable[Row], costs: Costs, holes: Sequence[Hole] = ()) -> tuple[Block, ...]:
    """The cheapest blocks for `rows`, each row whole in one block, none across a hole.

    A row that itself touches a hole cannot be read and is left out: the caller finds it in no block.
    """
    wanted = [row for row in rows if not _crosses(row.function, *span(row), holes)]
    blocks = [_block([row]) for row in wanted if row.alone]
    for function in sorted({row.function for row in wanted}):
        mergeable = sorted((row for row in wanted if row.function == function and not row.alone), key=span)
        blocks += _cheapest(mergeable, costs, holes)
    for block in blocks:
        if block.count > costs.registers_max:
            raise OurMistake(f"{block.rows[0].quantity} needs {block.count} registers in one request, the limit is {costs.registers_max}")
    return tuple(sorted(blocks, key=lambda block: (block.function, block.address, block.count)))


def _cheapest(rows: Sequence[Row], costs: Costs, holes: Sequence[Hole]) -> list[Block]:
    """Best plan by wire time; among equals one with the fewest blocks of equal length."""
    choices = _best_cuts(rows, costs, holes)
    plans = ([_block(rows[first:end]) for first, end in cuts] for cuts in _cuts(choices, 0))
    return min(islice(plans, _TIES_MAX), key=_equal_lengths)


def _best_cuts(rows: Sequence[Row], costs: Costs, holes: Sequence[Hole]) -> list[list[int]]:
    """For each row, the ends of a first block that leave the least wire time from there on."""
    least = [0] * (len(rows) + 1)
    choices: list[list[int]] = [[] for _ in rows]
    for first in range(len(rows) - 1, -1, -1):
        totals = {end: _cost(count, costs) + least[end] for end, count in _possible(rows, first, costs, holes)}
        least[first] = min(totals.values())
        choices[first] = [end for end, total in totals.items() if total == least[first]]
    return choices


def _possible(rows: Sequence[Row], first: int, costs: Costs, holes: Sequence[Hole]) -> Iterator[tuple[int, int]]:
    """(end, registers) of each block that may begin with row `first`; one row alone always may."""
    begin, stop = span(rows[first])
    for end in range(first + 1, len(rows) + 1):
        stop = max(stop, span(rows[end - 1])[1])
        fits = stop - begin <= costs.registers_max and not _crosses(rows[first].function, begin, stop, holes)
        if fits or end == first + 1:
            yield end, stop - begin


def _cuts(choices: Sequence[Sequence[int]], first: int) -> Iterator[list[tuple[int, int]]]:
    if first == len(choices):
        yield []
        return
    for end in choices[first]:
        for rest in _cuts(choices, end):
            yield [(first, end), *rest]


def _equal_lengths(blocks: Sequence[Block]) -> int:
    return len(blocks) - len({block.count for block in blocks})


def _block(rows: Sequence[Row]) -> Block:
    begins, ends = zip(*map(span, rows), strict=True)
    return Block(rows[0].function, min(begins), max(ends) - min(begins), tuple(rows))


def _crosses(function: int, begin: int, end: int, holes: Sequence[Hole]) -> bool:
    return any(hole.function == function and hole.first < end and begin < hole.end for hole in holes)


def _cost(count: int, costs: Costs) -> int:
    """Wire time of a block in microseconds x bits per second: exact, so that equal plans compare as equal."""
    octets = READ_REQUEST_BYTES + _READ_REPLY_BYTES + 2 * count + 2 * costs.frame_bytes
    still_us = 2 * costs.silence_us + costs.turnaround_us + costs.gap_us
    return octets * costs.bits_per_byte * 1_000_000 + still_us * costs.bits_per_second
