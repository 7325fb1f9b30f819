"""Which rows of a meter are read at which pace, and by which blocks. Pure: tables and the planner.

Essential rows are worth wire time; every other row of the same pace is taken along where it lies inside
a block that is read anyway.
"""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.site import LineTable
from protocols.meter import DLT645, MODBUS, Limits, Meter
from protocols.plan import Block, Costs, Hole, plan, rtu_costs, tcp_costs
from protocols.quantity import COUNTER, QUANTITIES
from protocols.register import Row, span

POWER = "power"  # every interval
ENERGY = "energy"  # at interval boundaries and shift changes
FACTS = "facts"  # CT and VT ratios: at the start and daily

# On Modbus TCP the turnaround dominates; 10 Mbit/s is the slowest Ethernet in meters.
TCP_BITS_PER_SECOND = 10_000_000
# Around what is counted for a Modbus read of two registers (11 bytes), so that a DL/T 645 read of 4 bytes costs its 44.
_DLT_FRAME_BYTES = 17

_ESSENTIAL_STEMS = ("active_power", "voltage_l1_n", "voltage_l2_n", "voltage_l3_n", "current_l1", "current_l2", "current_l3")
_ESSENTIAL = frozenset(
    (*_ESSENTIAL_STEMS, "active_power_l1", "active_power_l2", "active_power_l3", "reactive_power", "power_factor", "frequency")
)
_ESSENTIAL_COUNTERS = frozenset(("active_energy_import", "active_energy_export", "reactive_energy_import", "reactive_energy_export"))


class Wants(NamedTuple):
    """Rows by pace: `essential` are worth wire time, `riders` come along."""

    essential: tuple[Row, ...]
    riders: tuple[Row, ...]


def costs(line: LineTable, limits: Limits, language: str = MODBUS) -> Costs:
    turnaround_us, gap_us = limits.turnaround_ms * 1000, limits.gap_ms * 1000
    if line.tcp:
        return tcp_costs(TCP_BITS_PER_SECOND, turnaround_us, gap_us, limits.registers_max)
    usual = rtu_costs(line.baud, line.parity, line.stop_bits, turnaround_us, gap_us, limits.registers_max)
    return usual._replace(frame_bytes=_DLT_FRAME_BYTES) if language == DLT645 else usual


def wants(meter: Meter, pace: str, counted: Sequence[str]) -> Wants:
    """`counted` are the counters that are booked: they are essential whatever their kind."""
    if pace == FACTS:
        return Wants(meter.ratios, ())
    of_pace = [row for row in meter.rows if (QUANTITIES[row.quantity].kind == COUNTER) == (pace == ENERGY)]
    worth = (_ESSENTIAL_COUNTERS | set(counted)) if pace == ENERGY else _ESSENTIAL
    essential = tuple(row for row in of_pace if row.quantity in worth)
    riders = tuple(row for row in of_pace if row not in essential)
    # A meter of other things (temperature, water) has nothing essential by name: then all of it is.
    return Wants(essential, riders) if essential else Wants(riders, ())


def blocks(wanted: Wants, costs_of_wire: Costs, holes: Sequence[Hole] = ()) -> tuple[Block, ...]:
    """The cheapest blocks for the essential rows, each with the riders inside it."""
    planned = plan(wanted.essential, costs_of_wire, holes)
    return tuple(block._replace(rows=(*block.rows, *_inside(block, wanted.riders))) for block in planned)


def blocks_with(aside: Row, wanted: Wants, costs_of_wire: Costs, holes: Sequence[Hole]) -> tuple[Block, ...]:
    """The same where registers that hold no quantity are read along: they lie in a block, but are no row of it."""
    planned = blocks(Wants((*wanted.essential, aside), wanted.riders), costs_of_wire, holes)
    return tuple(block._replace(rows=tuple(row for row in block.rows if row != aside)) for block in planned)


def _inside(block: Block, riders: Sequence[Row]) -> tuple[Row, ...]:
    end = block.address + block.count
    return tuple(
        row for row in riders if row.function == block.function and not row.alone and block.address <= span(row)[0] and span(row)[1] <= end
    )
