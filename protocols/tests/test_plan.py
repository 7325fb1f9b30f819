"""Block plans against brute force, and what they must never do."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import OurMistake
from protocols.frame import t35_us
from protocols.plan import Block, Costs, Hole, plan, rtu_costs, tcp_costs, wire_us
from protocols.register import Row, new_row, span

SLOW = rtu_costs(9600, "N", 1, turnaround_us=40_000, gap_us=0, registers_max=60)


def row(address: int, type_: str = "float32", function: int = 4, *, alone: bool = False, scale: Row | None = None) -> Row:
    return new_row(f"q{address}", function, address, type_, alone=alone, scale=scale)


def shape(blocks: Sequence[Block]) -> list[tuple[int, int, int]]:
    return [(block.function, block.address, block.count) for block in blocks]


def partitions(rows: list[Row]) -> Iterator[list[list[Row]]]:
    """Every way to put the rows into groups."""
    if not rows:
        yield []
        return
    for rest in partitions(rows[1:]):
        yield [[rows[0]], *rest]
        for index, group in enumerate(rest):
            yield [*rest[:index], [rows[0], *group], *rest[index + 1 :]]


def exact_us(count: int, costs: Costs) -> Fraction:
    """A read request of 8 bytes, a reply of 5 and two per register, both silences, the turnaround and the gap."""
    return (
        Fraction((8 + 5 + 2 * count) * costs.bits_per_byte * 1_000_000, costs.bits_per_second)
        + 2 * costs.silence_us
        + costs.turnaround_us
        + costs.gap_us
    )


def least_us(rows: list[Row], costs: Costs, holes: Sequence[Hole]) -> Fraction:
    """The least wire time over every partition that is allowed."""
    totals = []
    for groups in partitions(rows):
        spans = [(min(span(each)[0] for each in group), max(span(each)[1] for each in group)) for group in groups]
        if all(end - begin <= costs.registers_max and not any(h.first < end and begin < h.end for h in holes) for begin, end in spans):
            totals.append(sum((exact_us(end - begin, costs) for begin, end in spans), Fraction(0)))
    return min(totals)


@st.composite
def tasks(draw: st.DrawFn) -> tuple[list[Row], Costs, list[Hole]]:
    costs = Costs(10, draw(st.sampled_from([2400, 9600, 115_200])), 1750, draw(st.sampled_from([0, 5_000, 40_000])), 0, 3, 24)
    addresses = draw(st.lists(st.integers(0, 60), min_size=1, max_size=6, unique=True))
    rows = []
    for address in addresses:
        reach = draw(st.integers(0, 15))
        scale = row(address + reach, "int16") if reach > 8 else None
        rows.append(row(address, draw(st.sampled_from(["uint16", "float32", "uint64"])), scale=scale))
    holes = [Hole(4, first, first + draw(st.integers(1, 4))) for first in draw(st.lists(st.integers(0, 70), max_size=3))]
    return rows, costs, holes


@settings(max_examples=300, deadline=None)
@given(tasks())
def test_no_partition_is_cheaper(task: tuple[list[Row], Costs, list[Hole]]) -> None:
    """The plan's wire time is the least of all partitions; each readable row is whole in exactly one block."""
    rows, costs, holes = task
    readable = [each for each in rows if not any(h.first < span(each)[1] and span(each)[0] < h.end for h in holes)]
    blocks = plan(rows, costs, holes)

    assert sorted(each.address for block in blocks for each in block.rows) == sorted(each.address for each in readable)
    for block in blocks:
        end = block.address + block.count
        assert block.count <= costs.registers_max
        assert all(block.address <= span(each)[0] and span(each)[1] <= end for each in block.rows)
        assert not any(hole.first < end and block.address < hole.end for hole in holes)
    assert sum(exact_us(block.count, costs) for block in blocks) == (least_us(readable, costs, holes) if readable else 0)


def test_a_gap_is_read_across_only_while_that_is_cheaper() -> None:
    """At 9600 baud with 40 ms turnaround 29 unwanted registers cost less than a second request, 30 cost more."""
    near = plan([row(0), row(31)], SLOW)
    far = plan([row(0), row(32)], SLOW)

    assert shape(near) == [(4, 0, 33)]
    assert shape(far) == [(4, 0, 2), (4, 32, 2)]


def test_functions_are_never_mixed() -> None:
    """Input and holding registers of the same address are two requests."""
    assert shape(plan([row(0, function=4), row(2, function=3)], SLOW)) == [(3, 2, 2), (4, 0, 2)]


def test_a_row_that_stands_alone_is_never_merged() -> None:
    """A register that answers differently in company is read by itself, its neighbours around it."""
    blocks = plan([row(10), row(11, "uint16", alone=True), row(12)], SLOW)

    assert shape(blocks) == [(4, 10, 4), (4, 11, 1)]
    assert [each.address for each in blocks[1].rows] == [11]


def test_blocks_of_equal_cost_get_different_lengths() -> None:
    """Of the many equally cheap cuts one is taken whose lengths differ, so that a late reply is told by its length."""
    blocks = plan([row(address) for address in range(0, 100, 2)], SLOW._replace(registers_max=50))
    more = plan([row(address) for address in range(0, 140, 2)], SLOW)

    assert shape(blocks) == [(4, 0, 50), (4, 50, 50)]
    assert sum(block.count for block in more) == 140
    assert len({block.count for block in more}) == len(more) == 3


def test_a_row_in_a_hole_is_left_out() -> None:
    """What cannot be read is in no block, and the rest does not reach across it."""
    assert shape(plan([row(0), row(2), row(4)], SLOW, [Hole(4, 3, 4), Hole(3, 0, 9)])) == [(4, 0, 2), (4, 4, 2)]


def test_a_row_longer_than_the_limit_is_our_mistake() -> None:
    """A value is never put together from two reads."""
    with pytest.raises(OurMistake, match="q0 needs 4 registers in one request, the limit is 3"):
        plan([row(0, "uint64")], SLOW._replace(registers_max=3))


def test_nothing_wanted_needs_no_block() -> None:
    """No rows, no requests."""
    assert plan([], SLOW) == ()


@pytest.mark.parametrize(
    ("baud", "silence_us"),
    [(1200, 32_084), (2400, 16_042), (4800, 8_021), (9600, 4_011), (19_200, 2_006), (38_400, 1_750), (115_200, 1_750)],
)
def test_silence_between_frames(baud: int, silence_us: int) -> None:
    """3.5 characters of 11 bits up to 19200 baud, rounded up, 1.75 ms above."""
    assert t35_us(baud) == silence_us


def test_wire_time_counts_both_frames_silences_turnaround_and_gap() -> None:
    """(8 + 9 bytes) x 11 bits at 9600 baud, two silences, turnaround and gap."""
    costs = rtu_costs(9600, "E", 1, turnaround_us=40_000, gap_us=60_000, registers_max=125)
    block = Block(4, 0, 2, ())

    assert wire_us(block, costs) == 19_480 + 2 * 4_011 + 40_000 + 60_000
    assert costs.registers_max == 125
    assert wire_us(block, tcp_costs(100_000_000, 2_000, 0, 125)) == 2 + 2_000


def test_the_standard_limits_every_block() -> None:
    """A file's larger limit does not pass the standard's 125."""
    assert rtu_costs(9600, "N", 2, 0, 0, 250).registers_max == 125
    assert rtu_costs(9600, "N", 2, 0, 0, 250).bits_per_byte == 11
